"""3D residual networks: R3D and R(2+1)D (Tran et al. 2018, arXiv 1711.11248), plain and ``srtg_``.

As in the code published with Squeeze-and-Recursion (arXiv 2006.08247): the stem ends in a max pool
and a bottleneck does not widen its output. torchvision's ``r3d_18`` and ``r2plus1d_18`` are these
networks with ``stem_pool=False``. Names with ``srtg_`` have a temporal gate after every block.

Shape letters: B clips, C channels, T frames, H W pixels, K classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from connsearch.models.document import ModelDocument
from connsearch.models.features import Features
from connsearch.models.model import Model
from connsearch.models.pixels import normalised, one_number, rgb_clips
from connsearch.models.resnet3d_settings import Convolutions, ResNet3DSettings
from connsearch.models.zoo_kind import ZooKind
from connsearch.nn.layers import dense
from connsearch.nn.residual3d import BLOCKS_3D, Stem3d
from connsearch.nn.seeded import seeded

KIND = "resnet3d"
CLIP = (16, 112, 112)


class ResNet3D(Model):
    """A 3D residual network.

    First values as published: kernels He-normal by fan-out, scales 1, shifts 0, classifier
    N(0, .01) and 0; those of recurrent cells are torch's own.

    Args:
        settings: what it is made of.
        num_classes: number of logits.
        name: for its model document.
        seed: seed of the first values; None takes torch's global generator as it stands.
        memory_format: layout of features and kernels.

    Attributes:
        feature_size: channels of the last map, and numbers of the vector of a place in time.
    """

    modalities = ("rgb",)
    temporal = True

    def __init__(
        self,
        settings: ResNet3DSettings,
        num_classes: int,
        *,
        name: str = KIND,
        seed: int | None = None,
        memory_format: torch.memory_format = torch.channels_last_3d,
    ) -> None:
        super().__init__()
        self.settings, self.num_classes, self.name = settings, num_classes, name
        self.memory_format = memory_format
        with seeded(seed):
            self._build()
        self.to(memory_format=memory_format)  # pyright: ignore[reportCallIssue]

    def _build(self) -> None:
        settings, widths = self.settings, self.settings.widths
        self.stem = Stem3d(settings.convolution_of(0), widths[0])
        self.pool = nn.MaxPool3d(3, stride=2, padding=1) if settings.stem_pool else nn.Identity()
        self.stage1, width = self._stage(0, widths[0], stride=1)
        self.stage2, width = self._stage(1, width, stride=2)
        self.stage3, width = self._stage(2, width, stride=2)
        self.stage4, width = self._stage(3, width, stride=2)
        self.dropout = nn.Dropout(settings.dropout)
        self.map_channels = self.feature_size = width
        self.head = dense(width, self.num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def _stage(self, index: int, width: int, *, stride: int) -> tuple[nn.Sequential, int]:
        """The blocks of a stage, and the channels they end with."""
        make, form = BLOCKS_3D[self.settings.block], self.settings.form_of(index)
        blocks: list[nn.Module] = []
        for _ in range(self.settings.depths[index]):
            block = make(form, width, self.settings.widths[index], stride)
            blocks.append(block)
            width, stride = block.width, 1
        return nn.Sequential(*blocks), width

    def forward(self, streams: Mapping[str, Tensor]) -> Tensor:
        """Maps clips to logits ``(B, K)``.

        Args:
            streams: ``rgb`` ``(B, 3, T, H, W)`` in [-1, 1], any T, H and W; others are not read.

        Raises:
            DataError: there is no ``rgb``, or it is of another shape or type; or, in training, a
                single clip so small that a channel ends as one number, which no batch
                normalisation can normalise.
        """
        return self.head(self.dropout(self._map(streams).mean((2, 3, 4))))

    def features(self, streams: Mapping[str, Tensor]) -> Features:
        """Returns the last map, and its mean over h and w; see ``models.features``.

        Args:
            streams: as :meth:`forward` takes them.

        Raises:
            DataError: as :meth:`forward` does.
        """
        map_BCthw = self._map(streams)
        return Features(map_BCthw, map_BCthw.mean((3, 4)).transpose(1, 2))

    def _map(self, streams: Mapping[str, Tensor]) -> Tensor:
        x_BCTHW = rgb_clips(streams).contiguous(memory_format=self.memory_format)
        if self.training:
            self._refuse_one_number(x_BCTHW.shape)
        x_BCTHW = normalised(x_BCTHW, self.settings.mean, self.settings.std)
        x_BCTHW = self.pool(self.stem(x_BCTHW))
        x_BCTHW = self.stage1(x_BCTHW)
        x_BCTHW = self.stage2(x_BCTHW)
        x_BCTHW = self.stage3(x_BCTHW)
        return self.stage4(x_BCTHW)

    def describe(self) -> ModelDocument:
        """Returns what it is built from; the reader of its kind builds it again."""
        settings = {"classes": self.num_classes, **self.settings.document()}
        return ModelDocument(KIND, self.name, settings)

    def _refuse_one_number(self, shape: torch.Size) -> None:
        stride, side = self.settings.stride_in_time, 32 if self.settings.stem_pool else 16
        clips, _, frames, height, width = shape
        if clips == 1 and frames <= stride and max(height, width) <= side:
            larger = f"more --frames than {stride}; or a --size of more than {side} pixels"
            raise one_number(f"{frames} frames and {height}x{width} pixels", "", larger)


Block = Literal["basic", "bottleneck"]

DEPTHS: Mapping[int, tuple[Block, tuple[int, int, int, int]]] = {
    18: ("basic", (2, 2, 2, 2)),
    34: ("basic", (3, 4, 6, 3)),
    50: ("bottleneck", (3, 4, 6, 3)),
    101: ("bottleneck", (3, 4, 23, 3)),
    152: ("bottleneck", (3, 8, 36, 3)),
    200: ("bottleneck", (3, 24, 36, 3)),
}
"""Blocks by the number in a name."""


RESNETS_3D = ZooKind(KIND, ResNet3DSettings, ResNet3D)


def register(name: str, convolution: Convolutions, depth: int, **more: Any) -> None:
    """Files a network under its name, and under ``srtg_`` and its name with gates.

    Args:
        name: of the network without gates.
        convolution: kind of its 3x3x3.
        depth: a key of ``DEPTHS``.
        more: settings that are not the default.
    """
    block, depths = DEPTHS[depth]
    plain = ResNet3DSettings(block=block, convolution=convolution, depths=depths, **more)
    gates = plain.model_copy(update={"place": "final"})
    for one, preset in ((name, plain), (f"srtg_{name}", gates)):
        RESNETS_3D.register(
            one,
            preset,
            CLIP,
            short=preset.model_copy(update={"depths": (2, 2, 2, 2)}),
            times={f"stage{n}.1": blocks - 1 for n, blocks in enumerate(depths, 1)},
        )


for _depth in DEPTHS:
    register(f"r3d_{_depth}", "r3d", _depth)
    register(f"r2plus1d_{_depth}", "r2plus1d", _depth)
