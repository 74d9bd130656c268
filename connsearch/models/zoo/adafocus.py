"""Focus models by name: AdaFocusV2 as published, and with any parts."""

from __future__ import annotations

from connsearch.models.focus.by_frame import FocusByFrame
from connsearch.models.focus.by_track import FocusByTrack
from connsearch.models.focus.focus import KIND, FocusModel
from connsearch.models.focus.settings import FocusSettings
from connsearch.models.zoo_kind import ZooKind

CLIP = (16, 224, 224)


def focus_network(
    settings: FocusSettings, num_classes: int, /, *, name: str, seed: int | None
) -> FocusModel:
    """Returns the focus model whose windows are as its settings say."""
    make = FocusByTrack if settings.window == "track" else FocusByFrame
    return make(settings, num_classes, name=name, seed=seed)


FOCUS = ZooKind(KIND, FocusSettings, focus_network)
FOCUS.register("adafocus", FocusSettings(), CLIP)
FOCUS.register("adafocus-mn2-r50", FocusSettings(), CLIP)
FOCUS.register(
    "adafocus-r50-r50",
    FocusSettings(glance="resnet50", glance_size=96),
    CLIP,
)
