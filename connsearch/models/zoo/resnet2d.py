"""2D residual networks, frame by frame (He et al. 2016, arXiv 1512.03385), ResNet-18 to -152.

``tsm_resnet50`` sees each frame together with its neighbours (TSM, arXiv 1811.08383).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from torch import Tensor, nn

from connsearch.models.images import CLIP, ImageModel, ImageSettings
from connsearch.models.settings import Depth, Width
from connsearch.models.zoo_kind import ZooKind
from connsearch.nn.residual2d import BLOCKS_2D, Stem2d


class ResNet2DSettings(ImageSettings):
    """What a network is made of; see also :class:`~connsearch.models.images.ImageSettings`.

    Attributes:
        block: ``basic`` (two 3x3) or ``bottleneck`` (1x1, 3x3, 1x1 that widens fourfold; the stride
            is the 3x3's).
        depths: blocks of each of the four stages.
        widths: of each stage: output channels of a basic block, a quarter of a bottleneck's. The
            first is the stem's too.
        temporal_shift: before the first convolution of every block.
    """

    block: Literal["basic", "bottleneck"]
    depths: tuple[Depth, Depth, Depth, Depth]
    widths: tuple[Width, Width, Width, Width] = (64, 128, 256, 512)


class ResNet2D(ImageModel):
    """A 2D residual network; its layers have the names of a 3D one's."""

    kind = "resnet2d"
    settings: ResNet2DSettings

    def _build(self) -> int:
        width = self.settings.widths[0]
        self.stem = Stem2d(width)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.stage1, width = self._stage(0, width, stride=1)
        self.stage2, width = self._stage(1, width, stride=2)
        self.stage3, width = self._stage(2, width, stride=2)
        self.stage4, width = self._stage(3, width, stride=2)
        return width

    def _stage(self, index: int, width: int, *, stride: int) -> tuple[nn.Sequential, int]:
        """The blocks of a stage, and the channels they end with."""
        make, blocks = BLOCKS_2D[self.settings.block], list[nn.Module]()
        for _ in range(self.settings.depths[index]):
            block = make(
                width, self.settings.widths[index], stride, shifts=self.settings.temporal_shift
            )
            blocks.append(block)
            width, stride = block.width, 1
        return nn.Sequential(*blocks), width

    def _features(self, x_NCHW: Tensor) -> Tensor:
        x_NCHW = self.pool(self.stem(x_NCHW))
        return self.stage4(self.stage3(self.stage2(self.stage1(x_NCHW))))


DEPTHS: Mapping[int, tuple[Literal["basic", "bottleneck"], tuple[int, int, int, int]]] = {
    18: ("basic", (2, 2, 2, 2)),
    34: ("basic", (3, 4, 6, 3)),
    50: ("bottleneck", (3, 4, 6, 3)),
    101: ("bottleneck", (3, 4, 23, 3)),
    152: ("bottleneck", (3, 8, 36, 3)),
}
"""Blocks by the number in a name."""

RESNETS = ZooKind("resnet2d", ResNet2DSettings, ResNet2D)


def _register(name: str, depth: int, *, shifts: bool = False) -> None:
    block, depths = DEPTHS[depth]
    RESNETS.register(
        name,
        ResNet2DSettings(block=block, depths=depths, temporal_shift=shifts),
        CLIP,
        short=ResNet2DSettings(block=block, depths=(2, 2, 2, 2), temporal_shift=shifts),
        times={f"stage{n}.1": depth - 1 for n, depth in enumerate(depths, 1)},
    )


for _depth in DEPTHS:
    _register(f"resnet{_depth}", _depth)
_register("tsm_resnet50", 50, shifts=True)
