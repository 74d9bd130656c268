"""Kinds of 3x3x3 convolutions: whole, factorised into (2+1)D, and by channel (CSN).

A kind is ``r3d``, one convolution over time and space; ``r2plus1d`` (arXiv 1711.11248), over space,
norm, ReLU, over time; ``ir_csn`` (arXiv 1904.02811), over time and space in every channel by
itself; ``ip_csn``, the same after a 1x1x1, norm and ReLU, by which channels still interact; or
``flat``, 1x3x3: over space alone, and time is not strided.

Shape letters: B clips, C channels, T frames, H W pixels.
"""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from connsearch.nn.layers import SafeConv
from connsearch.nn.split_norm import SplitNorm

Convolution = Literal["r3d", "r2plus1d", "ir_csn", "ip_csn", "flat"]
BY_CHANNEL = ("ir_csn", "ip_csn")
"""Kinds that need as many channels after as before."""


def norm(width: int) -> SplitNorm:
    """Returns batch normalisation with the published constants."""
    return SplitNorm(width, eps=1e-5, momentum=0.1)


def strides(kind: Convolution, stride: int) -> tuple[int, int, int]:
    """Returns what a stride means for time, height and width in blocks of a kind."""
    return (1 if kind == "flat" else stride, stride, stride)


def pointwise(in_width: int, width: int, stride: int | tuple[int, int, int] = 1) -> nn.Conv3d:
    """Returns a 1x1x1 convolution, strided in time and space alike unless it is told apart."""
    return SafeConv(in_width, width, 1, stride=stride, bias=False)


class Conv2Plus1d(nn.Module):
    """A ``(t, s, s)`` convolution as ``(1, s, s)``, norm, ReLU and ``(t, 1, 1)``.

    Args:
        in_width: input channels.
        width: output channels.
        middle: channels between the two.
        kernel: taps in time, and in height and width.
        stride: of time, and of height and width.
        groups: parts of the channels, of all three, that do not see each other.
    """

    def __init__(
        self,
        in_width: int,
        width: int,
        middle: int,
        kernel: tuple[int, int],
        stride: tuple[int, int],
        *,
        groups: int = 1,
    ) -> None:
        super().__init__()
        (time, space), (time_stride, space_stride) = kernel, stride
        self.spatial = SafeConv(
            in_width,
            middle,
            (1, space, space),
            stride=(1, space_stride, space_stride),
            padding=(0, space // 2, space // 2),
            groups=groups,
            bias=False,
        )
        self.norm = norm(middle)
        self.temporal = SafeConv(
            middle,
            width,
            (time, 1, 1),
            stride=(time_stride, 1, 1),
            padding=(time // 2, 0, 0),
            groups=groups,
            bias=False,
        )

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """Maps ``(B, in_width, T, H, W)`` to ``(B, width, T', H', W')``."""
        return self.temporal(F.relu(self.norm(self.spatial(x_BCTHW)), inplace=True))


class MixedByChannel(nn.Module):
    """A 1x1x1, norm, ReLU, and a 3x3x3 in every channel by itself, which carries the stride."""

    def __init__(self, width: int, stride: int) -> None:
        super().__init__()
        self.pointwise = pointwise(width, width)
        self.norm = norm(width)
        self.depthwise = _whole(width, width, stride, groups=width)

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """Maps ``(B, width, T, H, W)`` to ``(B, width, T', H', W')``, each ceil(size / stride)."""
        return self.depthwise(F.relu(self.norm(self.pointwise(x_BCTHW)), inplace=True))


def full(
    kind: Convolution,
    in_width: int,
    width: int,
    *,
    stride: int = 1,
    middle: int,
    groups: int = 1,
) -> nn.Module:
    """Returns a padded 3x3x3 convolution of a kind.

    Args:
        kind: whole, factorised or by channel.
        in_width: input channels; by channel, it is the width as well.
        width: output channels.
        stride: of time, height and width.
        middle: channels between the two of ``r2plus1d``, a multiple of ``groups``; the other kinds
            have none.
        groups: parts of the channels that do not see each other; by channel there is one each.
    """
    if kind == "r2plus1d":
        return Conv2Plus1d(in_width, width, middle, (3, 3), (stride, stride), groups=groups)
    if kind == "ip_csn":
        return MixedByChannel(width, stride)
    if kind == "flat":
        return SafeConv(
            in_width,
            width,
            (1, 3, 3),
            stride=strides(kind, stride),
            padding=(0, 1, 1),
            groups=groups,
            bias=False,
        )
    return _whole(in_width, width, stride, groups=width if kind == "ir_csn" else groups)


def _whole(in_width: int, width: int, stride: int, *, groups: int) -> nn.Conv3d:
    return SafeConv(in_width, width, 3, stride=stride, padding=1, groups=groups, bias=False)
