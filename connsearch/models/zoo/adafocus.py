"""Focus models by name: AdaFocusV2 as published, and with any parts.

The published ones normalise colours as their weights expect it, by ImageNet's mean and spread;
parts that are named by a setting are as their names say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connsearch.models.document import ModelDocument
from connsearch.models.focus.by_clip import FocusByClip
from connsearch.models.focus.by_frame import FocusByFrame
from connsearch.models.focus.by_track import FocusByTrack
from connsearch.models.focus.focus import KIND, FocusModel
from connsearch.models.focus.settings import FocusSettings
from connsearch.models.images import IMAGENET_MEAN, IMAGENET_STD, ImageSettings
from connsearch.models.zoo.mobilenet_v2 import MobileNetV2Settings
from connsearch.models.zoo.resnet2d import DEPTHS, ResNet2DSettings
from connsearch.models.zoo_kind import ZooKind

CLIP = (16, 224, 224)


def of_imagenet(kind: str, name: str, settings: ImageSettings) -> dict[str, Any]:
    """Returns the model document of a part, which normalises colours as weights of ImageNet do."""
    colours = {"mean": IMAGENET_MEAN, "std": IMAGENET_STD}
    told = settings.model_copy(update=colours).model_dump(mode="json")
    return ModelDocument(kind, name, {"classes": 2, **told}).to_json()


_BLOCK, _DEPTHS = DEPTHS[50]
MOBILENET_V2 = of_imagenet("mobilenet_v2", "mobilenet_v2", MobileNetV2Settings())
RESNET50 = of_imagenet("resnet2d", "resnet50", ResNet2DSettings(block=_BLOCK, depths=_DEPTHS))
TSM_MOBILENET_V2 = of_imagenet(
    "mobilenet_v2", "tsm_mobilenet_v2", MobileNetV2Settings(temporal_shift=True)
)
TSM_RESNET50 = of_imagenet(
    "resnet2d",
    "tsm_resnet50",
    ResNet2DSettings(block=_BLOCK, depths=_DEPTHS, temporal_shift=True),
)


BY_WINDOW = {"frame": FocusByFrame, "clip": FocusByClip, "track": FocusByTrack}


def focus_network(
    settings: FocusSettings, num_classes: int, /, *, name: str, seed: int | None
) -> FocusModel:
    """Returns the focus model whose windows are as its settings say."""
    return BY_WINDOW[settings.window](settings, num_classes, name=name, seed=seed)


FOCUS = ZooKind(KIND, FocusSettings, focus_network)


def _register(name: str, preset: FocusSettings, usual: tuple[int, int, int] = CLIP) -> None:
    def for_clip(clip: tuple[int, int, int]) -> Mapping[str, Any]:
        frames, size, _ = clip
        return {"frames": frames, "size": size, "patch": min(preset.patch, size)}

    FOCUS.register(name, preset, usual, for_clip=for_clip)


_register("adafocus", FocusSettings(glance=MOBILENET_V2, local=RESNET50))
_register("adafocus-mn2-r50", FocusSettings(glance=MOBILENET_V2, local=RESNET50))
_register("adafocus-r50-r50", FocusSettings(glance=RESNET50, local=RESNET50, glance_size=96))
_register(
    "adafocus-tsm",
    FocusSettings(
        glance=TSM_MOBILENET_V2,
        local=TSM_RESNET50,
        window="clip",
        heads="sum",
        frames=8,
        local_frames=12,
        dropout=0.5,
    ),
    (8, 224, 224),
)
