"""Networks at two rates: MTNet (Stergiou and Poppe 2021, arXiv 2011.03949).

Seven eighths of the channels see every frame that the stem leaves (the short stream), one eighth
half of the frames and of the pixels (the long one), and the long stream hears the short one behind
every convolution. Recurrent cells scale what a block adds, in each stream.

Shape letters: B clips, C channels, T frames, H W pixels, K classes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Literal, Self

import torch
import torch.nn.functional as F
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn

from connsearch.models.document import ModelDocument
from connsearch.models.features import Features
from connsearch.models.model import Model
from connsearch.models.pixels import normalised, one_number, rgb_clips
from connsearch.models.settings import Depth, Share, Spread, Width
from connsearch.models.zoo_kind import ZooKind
from connsearch.nn.cycle_consistency import GateTest
from connsearch.nn.frame_selection import select_frames
from connsearch.nn.layers import dense
from connsearch.nn.multi_temporal import PARTS, MultiTemporalBlock, TwoRates, split_rates
from connsearch.nn.residual3d import Stem3d
from connsearch.nn.seeded import seeded
from connsearch.nn.spread import spread
from connsearch.nn.temporal_gate import TemporalGate

KIND = "mtnet"
CLIP = (16, 224, 224)


class MTNetSettings(BaseModel):
    """What a network is made of.

    Attributes:
        depths: blocks of each of the four stages.
        widths: channels of both streams together in each stage, multiples of 8 (with groups, of
            64); the first is the stem's too.
        groups: of the last two convolutions of a block, 1 or 8; with 8 a block is an eighth as wide
            inside, and these two are normalised by group.
        dropout: drop rate before the classifier.
        mean: of red, green and blue, for pixels of 0 to 1: clips, which come in [-1, 1], are
            normalised by it inside the network. The default leaves them as they are.
        std: spread, likewise.
        gated: whether the recurrent cells count only in clips whose gate is open; published: never.
        gate_test: by which gates decide.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    depths: tuple[Depth, Depth, Depth, Depth]
    widths: tuple[Width, Width, Width, Width] = (64, 128, 256, 512)
    groups: Literal[1, 8] = 1
    dropout: float = Field(default=0.0, strict=True, ge=0, lt=1)
    mean: tuple[Share, Share, Share] = (0.5, 0.5, 0.5)
    std: tuple[Spread, Spread, Spread] = (0.5, 0.5, 0.5)
    gated: bool = Field(default=False, strict=True)
    gate_test: GateTest = GateTest()

    @model_validator(mode="after")
    def _divide(self) -> Self:
        least = PARTS * self.groups
        if any(width % least for width in self.widths):
            why = "the long stream has an eighth of the channels"
            more = (
                f", and a block is {self.groups} times narrower inside" if self.groups > 1 else ""
            )
            raise ValueError(f"widths: read {self.widths}; multiples of {least}: {why}{more}")
        return self


class MTNet(Model):
    """A network at two rates.

    Equal to the published one wherever that runs. Where it stops with an error this one goes on: a
    side of one pixel is not halved, two frames or one are all selected, and maps of one row or
    column are averaged like others; so every clip has an answer.

    First values as published: kernels He-normal by fan-out, scales 1, shifts 0, classifier
    N(0, .01) and 0; those of recurrent cells are torch's own.

    Args:
        settings: what it is made of.
        num_classes: number of logits.
        name: for its model document.
        seed: seed of the first values; None takes torch's global generator as it stands.
        memory_format: layout of features and kernels.

    Attributes:
        feature_size: channels of both streams together behind the last stage.
    """

    modalities = ("rgb",)
    temporal = True
    decides_by_default = False

    def __init__(
        self,
        settings: MTNetSettings,
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
        widths = self.settings.widths
        self.stem = Stem3d("r3d", widths[0])
        self.pool = nn.MaxPool3d((1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1))
        self.stage1 = self._stage(0, widths[0], stride=1)
        self.stage2 = self._stage(1, widths[0], stride=2)
        self.stage3 = self._stage(2, widths[1], stride=2)
        self.stage4 = self._stage(3, widths[2], stride=2)
        self.dropout = nn.Dropout(self.settings.dropout)
        self.map_channels = self.feature_size = widths[3]
        self.head = dense(widths[3], self.num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def _stage(self, index: int, in_width: int, *, stride: int) -> nn.Sequential:
        width = self.settings.widths[index]
        block = partial(MultiTemporalBlock, groups=self.settings.groups, make_gate=self._gate)
        first = block(in_width, width, stride)
        others = (block(width, width, 1) for _ in range(1, self.settings.depths[index]))
        return nn.Sequential(first, *others)

    def _gate(self, width: int) -> TemporalGate:
        settings = self.settings
        return TemporalGate(width, test=settings.gate_test, cell="gru", gated=settings.gated)

    def forward(self, streams: Mapping[str, Tensor]) -> Tensor:
        """Maps clips to logits ``(B, K)``.

        Args:
            streams: ``rgb`` ``(B, 3, T, H, W)`` in [-1, 1], any T, H and W; others are not read.

        Raises:
            DataError: there is no ``rgb``, or it is of another shape or type; or, in training, a
                single clip so small that a channel of the long stream ends as one number, which no
                batch normalisation can normalise.
        """
        x = self._streams(streams)
        features_BC = torch.cat([x.short.mean((2, 3, 4)), x.long.mean((2, 3, 4))], dim=1)
        return self.head(self.dropout(features_BC))

    def features(self, streams: Mapping[str, Tensor]) -> Features:
        """Returns the maps of both streams, one behind the other; see ``models.features``.

        The long stream is brought to the size of the short one by means of the places that are
        covered (``nn.spread``), so that the vector, the mean over h and w, averages over time to
        what the classifier reads.

        Args:
            streams: as :meth:`forward` takes them.

        Raises:
            DataError: as :meth:`forward` does.
        """
        x = self._streams(streams)
        map_BCthw = torch.cat([x.short, spread(x.long, x.short.shape[2:])], dim=1)
        return Features(map_BCthw, map_BCthw.mean((3, 4)).transpose(1, 2))

    def _streams(self, streams: Mapping[str, Tensor]) -> TwoRates:
        x_BCTHW = rgb_clips(streams).contiguous(memory_format=self.memory_format)
        if self.training:
            self._refuse_one_number(x_BCTHW.shape)
        x_BCTHW = normalised(x_BCTHW, self.settings.mean, self.settings.std)
        x_BCTHW = self.pool(_even(self.stem(x_BCTHW)))
        x = split_rates(select_frames(x_BCTHW))
        x = self.stage1(x)
        x = self.stage2(x)
        x = self.stage3(x)
        return self.stage4(x)

    def describe(self) -> ModelDocument:
        """Returns what it is built from; the reader of its kind builds it again."""
        settings = {"classes": self.num_classes, **self.settings.model_dump(mode="json")}
        return ModelDocument(KIND, self.name, settings)

    def _refuse_one_number(self, shape: torch.Size) -> None:
        clips, _, frames, height, width = shape
        if clips == 1 and math.prod(long_sizes(frames, height, width)) == 1:
            larger = (
                f"more --frames than {MOST_FRAMES}; or a --size of more than {MOST_SIDE} pixels"
            )
            size = f"{frames} frames and {height}x{width} pixels"
            raise one_number(size, " of the long stream", larger)


def _even(x_BCTHW: Tensor) -> Tensor:
    """Returns clips with one more row at the top and column at the left if either is odd."""
    if x_BCTHW.shape[3] % 2 == x_BCTHW.shape[4] % 2 == 0:
        return x_BCTHW
    return F.pad(x_BCTHW, (1, 0, 1, 0, 0, 0), mode="replicate")


MOST_FRAMES, MOST_SIDE = 35, 68
"""Frames, and pixels of a square clip, that the long stream ends with one frame or pixel of."""


def long_sizes(frames: int, height: int, width: int) -> tuple[int, int, int]:
    """Returns T, H and W of the long stream behind the last stage, of a clip of these.

    >>> long_sizes(16, 224, 224), long_sizes(35, 68, 68), long_sizes(36, 69, 69)
    ((1, 4, 4), (1, 1, 1), (2, 2, 2))
    """
    for _ in ("behind the stem", "in the long stream"):
        frames = frames if frames <= 2 else frames // 2
    stem = [-(-side // 2) for side in (height, width)]
    more = any(side % 2 for side in stem)
    sides = [max((side + more + 1) // 2 // 2, 1) for side in stem]
    short, tall, wide = (-(-size // 8) for size in (frames, *sides))
    return short, tall, wide


DEPTHS: Mapping[str, tuple[int, int, int, int]] = {
    "xs": (2, 2, 2, 2),
    "s": (2, 2, 5, 3),
    "m": (3, 4, 6, 3),
    "l": (3, 4, 23, 3),
    "xl": (3, 8, 36, 3),
    "xxl": (3, 24, 36, 3),
}
GROUPED = ("xs", "s", "m", "l")
"""Sizes that there are in groups, too."""


MTNETS = ZooKind(KIND, MTNetSettings, MTNet)
for _size, _depths in DEPTHS.items():
    _plain = MTNetSettings(depths=_depths)
    _presets = {f"mtnet_{_size}": _plain}
    if _size in GROUPED:
        _presets[f"mtnet_{_size}_g8"] = _plain.model_copy(update={"groups": 8})
    for _name, _preset in _presets.items():
        MTNETS.register(
            _name,
            _preset,
            CLIP,
            short=_preset.model_copy(update={"depths": (2, 2, 2, 2)}),
            times={f"stage{n}.1": depth - 1 for n, depth in enumerate(_depths, 1)},
        )
