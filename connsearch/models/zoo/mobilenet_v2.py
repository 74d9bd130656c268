"""MobileNetV2, frame by frame (Sandler et al. 2018, arXiv 1801.04381).

``tsm_mobilenet_v2`` sees each frame together with its neighbours (TSM, arXiv 1811.08383).
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor, nn

from connsearch.models.images import CLIP, ImageModel, ImageSettings
from connsearch.models.zoo_kind import ZooKind
from connsearch.nn.inverted_residual import ConvNorm, InvertedResidual, rounded_width

GROUPS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""Of blocks with the same width: expansion, width, how many, stride of the first."""
STEM, LAST = 32, 1280
"""Channels of the first and of the last convolution."""


class MobileNetV2Settings(ImageSettings):
    """What a network is made of; see also :class:`~connsearch.models.images.ImageSettings`.

    Attributes:
        dropout: drop rate before the classifier.
        width: by which the channels of all layers are multiplied, rounded to multiples of 8; the
            last convolution does not get narrower than published.
        temporal_shift: before the first convolution of blocks that add what they read.
    """

    dropout: float = Field(default=0.2, strict=True, ge=0, lt=1)
    width: float = Field(default=1.0, strict=True, ge=0.05, le=8)


class MobileNetV2(ImageModel):
    """A chain of inverted residual blocks between two convolutions."""

    kind = "mobilenet_v2"
    settings: MobileNetV2Settings

    def _build(self) -> int:
        factor = self.settings.width
        width = rounded_width(STEM * factor)
        self.stem = ConvNorm(3, width, 3, stride=2)
        blocks: list[nn.Module] = []
        for expansion, planes, count, stride in GROUPS:
            for number in range(count):
                out = rounded_width(planes * factor)
                step = stride if number == 0 else 1
                blocks.append(
                    InvertedResidual(
                        width, out, step, expansion, shifts=self.settings.temporal_shift
                    )
                )
                width = out
        self.blocks = nn.Sequential(*blocks)
        last = rounded_width(LAST * max(1.0, factor))
        self.last = ConvNorm(width, last, 1)
        return last

    def _features(self, x_NCHW: Tensor) -> Tensor:
        return self.last(self.blocks(self.stem(x_NCHW)))


MOBILENETS = ZooKind("mobilenet_v2", MobileNetV2Settings, MobileNetV2)
MOBILENETS.register("mobilenet_v2", MobileNetV2Settings(), CLIP)
MOBILENETS.register("tsm_mobilenet_v2", MobileNetV2Settings(temporal_shift=True), CLIP)
