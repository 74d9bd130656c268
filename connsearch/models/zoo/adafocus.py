"""Focus models by name: AdaFocusV2 as published, and with any parts."""

from __future__ import annotations

from connsearch.models.focus.by_frame import FocusByFrame
from connsearch.models.focus.focus import KIND
from connsearch.models.focus.settings import FocusSettings
from connsearch.models.zoo_kind import ZooKind

CLIP = (16, 224, 224)

FOCUS = ZooKind(KIND, FocusSettings, FocusByFrame)
FOCUS.register("adafocus", FocusSettings(), CLIP)
FOCUS.register("adafocus-mn2-r50", FocusSettings(), CLIP)
FOCUS.register(
    "adafocus-r50-r50",
    FocusSettings(glance="resnet50", glance_size=96),
    CLIP,
)
