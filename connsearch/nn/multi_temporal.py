"""Convolutions and blocks at two rates: a short stream, and a long one that is half as fine.

Multi-temporal convolutions (Stergiou and Poppe 2021, arXiv 2011.03949). Of the channels, seven
eighths are the short stream's and one eighth is the long one's.

Shape letters: B clips, C channels, T frames, H W pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from connsearch.nn.frame_selection import select_frames
from connsearch.nn.layers import SafeConv
from connsearch.nn.residual3d import norm

PARTS = 8
"""Of the channels one in eight is the long stream's; of groups likewise."""
LEAST_SIDE = 3
"""Pixels that a long map is widened to before the shortcut of a strided block."""


class TwoRates(NamedTuple):
    """Features at two rates.

    Attributes:
        short: ``(B, 7 C / 8, T, H, W)``.
        long: ``(B, C / 8, T', H', W')``, about half of each.
    """

    short: Tensor
    long: Tensor

    def map(self, function: Callable[[Tensor], Tensor]) -> TwoRates:
        """Returns what a function makes of each stream."""
        return TwoRates(function(self.short), function(self.long))


def shares(count: int) -> tuple[int, int]:
    """Returns how many channels, or groups, are the short stream's and the long one's.

    >>> shares(64), shares(8), shares(1)
    ((56, 8), (7, 1), (1, 1))
    """
    long = max(count // PARTS, 1)
    return max(count - long, 1), long


def split_rates(x_BCTHW: Tensor) -> TwoRates:
    """Returns clips ``(B, C, T, H, W)`` as two streams: the last eighth of the channels is long."""
    short, long = x_BCTHW.split(shares(x_BCTHW.shape[1]), dim=1)
    return TwoRates(short, slower(long))


def slower(x_BCTHW: Tensor) -> Tensor:
    """Returns clips at the long rate: 2x2 pixels averaged, half of the frames selected.

    A side of one pixel is left as it is (published: an error), and so are two frames or one.
    """
    clips = x_BCTHW.shape[0]
    height, width = (min(2, side) for side in x_BCTHW.shape[3:])
    # Frame by frame: a pool over three axes would put the channels first in memory.
    frames = F.avg_pool2d(x_BCTHW.transpose(1, 2).flatten(0, 1), (height, width))
    return select_frames(frames.unflatten(0, (clips, -1)).transpose(1, 2))


def resized(x_BCTHW: Tensor, size: tuple[int, ...]) -> Tensor:
    """Returns clips at a size ``(T, H, W)``, linearly between pixels, corners not aligned."""
    if x_BCTHW.shape[2:] == size:
        return x_BCTHW
    return F.interpolate(x_BCTHW, size, mode="trilinear", align_corners=False)


class GroupNorm(nn.GroupNorm):
    """Group normalisation that takes one number alone, too: it becomes the shift, exactly.

    With one clip torch refuses groups of one number. With two it rounds before it subtracts, and
    divides what is left by the root of ``eps``: in float32 it gives the shift and 2e-5 of the
    number, a different 2e-5 on every way that torch computes it.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Maps ``(B, C, ...)`` to the same shape."""
        # Fixed sizes first: in an exported program the number of frames may be open.
        channels, frames, *sides = input.shape[1:]
        if channels == self.num_groups and math.prod(sides) == 1 and frames == 1:
            input = input - input
        return torch.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)


def _norm(width: int, groups: int, *, grouped: bool) -> nn.Module:
    return GroupNorm(groups, width) if grouped else norm(width)


class RatesConv(nn.Module):
    """A convolution for each stream, and a way from the short one to the long one; normalised.

    The long stream and what comes to it over the lateral way have one normalisation in common, as
    published (its weights fit no other): in training each is normalised by its own statistics, and
    the running ones move twice a step, first with the long stream.

    Args:
        in_width: channels of both streams together; of ``width`` likewise.
        width: output channels.
        kernel: taps in time, height and width.
        stride: of time, height and width alike.
        groups: 1, or a multiple of 8 of which one in eight is the long stream's; groups are
            normalised by themselves.
        lateral: whether the long stream hears the short one.
    """

    def __init__(
        self,
        in_width: int,
        width: int,
        kernel: tuple[int, int, int] = (1, 1, 1),
        *,
        stride: int = 1,
        groups: int = 1,
        lateral: bool = True,
    ) -> None:
        super().__init__()
        (in_short, in_long), (short, long) = shares(in_width), shares(width)
        short_groups, long_groups = shares(groups)
        frames, tall, wide = (taps // 2 for taps in kernel)
        padding = (frames, tall, wide)

        def conv(before: int, after: int, parts: int) -> nn.Conv3d:
            return SafeConv(
                before, after, kernel, stride=stride, padding=padding, groups=parts, bias=False
            )

        self.short = conv(in_short, short, short_groups)
        self.long = conv(in_long, long, long_groups)
        self.lateral = SafeConv(short, long, 1, bias=False) if lateral else None
        self.norm_short = _norm(short, short_groups, grouped=groups > 1)
        self.norm_long = _norm(long, long_groups, grouped=groups > 1)

    def forward(self, x: TwoRates) -> TwoRates:
        """Maps both streams; T, H and W become ceil(size / stride)."""
        short_BCTHW = self.short(x.short)
        long_BCTHW = self.norm_long(self.long(x.long))
        if self.lateral is not None:
            told_BCTHW = resized(slower(short_BCTHW), long_BCTHW.shape[2:])
            long_BCTHW = long_BCTHW + self.norm_long(self.lateral(told_BCTHW))
        return TwoRates(self.norm_short(short_BCTHW), long_BCTHW)


class MultiTemporalBlock(nn.Module):
    """A residual block at two rates; what it adds goes through a recurrent cell over the frames.

    1x1x1 to the width inside, 1x1x1 back, 3x3x3 with the stride, then 1x3x3, or 1x1x1 where the
    block changes its size or width.

    Args:
        in_width: input channels of both streams together.
        width: output channels.
        stride: of time, height and width alike.
        groups: of the last two convolutions; inside, the block is so many times narrower.
        make_gate: called with the channels of a stream; returns what scales its features.
    """

    def __init__(
        self,
        in_width: int,
        width: int,
        stride: int,
        *,
        groups: int,
        make_gate: Callable[[int], nn.Module],
    ) -> None:
        super().__init__()
        inside, changes = width // groups, stride != 1 or in_width != width
        last = (1, 1, 1) if changes else (1, 3, 3)
        self.conv1 = RatesConv(in_width, inside)
        self.conv2 = RatesConv(inside, in_width)
        self.conv3 = RatesConv(in_width, inside, (3, 3, 3), stride=stride, groups=groups)
        self.conv4 = RatesConv(inside, width, last, groups=groups)
        self.shortcut = (
            RatesConv(in_width, width, stride=stride, lateral=False) if changes else None
        )
        short, long = shares(width)
        self.gate = nn.ModuleDict({"short": make_gate(short), "long": make_gate(long)})

    def forward(self, x: TwoRates) -> TwoRates:
        """Maps ``in_width`` channels to ``width``; T, H and W become ceil(size / stride).

        The shortcut of a long map with a side below 3 pixels looks at it widened to 3, and what
        comes out is made as small as the block's output (published for square maps, where both
        sides are below 3 at once).
        """
        y = self.conv1(x).map(F.relu)
        y = self.conv2(y).map(F.relu)
        y = self.conv3(y).map(F.relu)
        y = self.conv4(y)
        short, long = self.gate["short"](y.short), self.gate["long"](y.long)
        if self.shortcut is not None:
            x = self.shortcut(TwoRates(x.short, _widened(x.long)))
        return TwoRates(F.relu(short + x.short), F.relu(long + resized(x.long, long.shape[2:])))


def _widened(x_BCTHW: Tensor) -> Tensor:
    frames, *sides = x_BCTHW.shape[2:]
    return resized(x_BCTHW, (frames, *(max(side, LEAST_SIDE) for side in sides)))
