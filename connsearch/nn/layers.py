"""Convolutions, normalisation and pooling with the paddings and first values of the published code.

Shape letters here and in the whole room: B clips, C channels, T frames, H W pixels, E connections,
P candidate peers, G attention width, K classes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from connsearch.nn.recurrent import scanned
from connsearch.nn.split_norm import SplitNorm

BN_EPSILON = 1e-5
BN_MOMENTUM = 0.01
"""The published momentum .99 in torch's convention."""

_TRUNCATED_STD = 0.87962566103423978
"""Standard deviation of a unit normal cut at two: dividing by it restores the wanted spread."""


class SafeConv(nn.Conv3d):
    """A convolution that keeps clear of three shapes torch 2.13 gets wrong in bfloat16 on CPUs.

    The result is the one torch means. Strided over an axis of one pixel, the backward pass reads
    and writes memory beyond its own: the stride is left out there. With 2 to k - 1 frames under an
    undilated kernel of k, taps of the weights' gradient are left out or never written; one frame
    of one channel under a 3x3x3 reads foreign memory: those clips are padded in time beforehand.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Maps ``(B, C, T, H, W)`` as ``nn.Conv3d`` does."""
        stride = safe_stride(input, self.stride)
        padding = tuple(int(p) for p in self.padding)
        if _in_bf16_on_cpu(input) and self._misjudges(input.shape[2]):
            # Not in float32, which is right and would round its gradient in another way.
            input = F.pad(input, (0, 0, 0, 0, padding[0], padding[0]))
            padding = (0, *padding[1:])
        return F.conv3d(input, self.weight, self.bias, stride, padding, self.dilation, self.groups)

    def _misjudges(self, frames: int) -> bool:
        if frames >= self.kernel_size[0]:
            return False
        return self.in_channels == 1 if frames == 1 else self.dilation[0] == 1


def safe_stride(input: Tensor, stride: Sequence[int]) -> tuple[int, ...]:
    """Returns the stride without its steps over axes of one pixel, where it changes no result.

    Args:
        input: ``(B, C, ...)``.
        stride: over each of the axes after the channels.
    """
    # A program that is written down has no backward pass, and is bound by what is asked here.
    if torch.compiler.is_exporting():
        return tuple(stride)
    sides = zip(input.shape[2:], stride, strict=True)
    return tuple(step if step == 1 or side != 1 else 1 for side, step in sides)


def _in_bf16_on_cpu(x: Tensor) -> bool:
    if x.device.type != "cpu":
        return False
    return x.dtype is torch.bfloat16 or (
        torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") is torch.bfloat16
    )


def conv(
    in_width: int,
    out_width: int,
    *,
    temporal: int = 1,
    spatial: int = 1,
    stride: int = 1,
    temporal_stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
    bias: bool = False,
    pad: bool = True,
) -> nn.Conv3d:
    """Returns a ``(temporal, spatial, spatial)`` convolution, by default without bias.

    It is padded to end at ceil(T / temporal_stride) and ceil(H / stride).

    First values: truncated normal of variance 1 / fan_in; a dilated temporal convolution has
    variance 2 / fan_in before the cut, as published. A bias starts at 0.

    Args:
        in_width: input channels.
        out_width: output channels.
        temporal: taps in time.
        spatial: taps in height and in width.
        stride: in height and in width.
        temporal_stride: in time.
        dilation: frames between temporal taps.
        groups: parts of the channels that do not see each other.
        bias: whether a number is added to each channel.
        pad: False leaves the spatial padding to the caller (:func:`pad_same`).
    """
    side = (spatial - 1) // 2 if pad else 0
    layer = SafeConv(
        in_width,
        out_width,
        (temporal, spatial, spatial),
        stride=(temporal_stride, stride, stride),
        padding=(dilation * (temporal - 1) // 2, side, side),
        dilation=(dilation, 1, 1),
        groups=groups,
        bias=bias,
    )
    fan_in = in_width // groups * temporal * spatial * spatial
    purely_temporal = temporal > 1 and spatial == 1
    if purely_temporal and dilation > 1:
        std = math.sqrt(2 / fan_in)
    else:
        std = math.sqrt(1 / fan_in) / _TRUNCATED_STD
    nn.init.trunc_normal_(layer.weight, std=std, a=-2 * std, b=2 * std)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class Recurrence(nn.Module):
    """A recurrent cell over the frames, at every pixel by itself; it starts from zeros.

    Args:
        in_width: channels it reads.
        out_width: channels of its state, which it puts out at every frame.
        cell: ``lstm`` or ``gru``.
    """

    def __init__(self, in_width: int, out_width: int, cell: Literal["lstm", "gru"]) -> None:
        super().__init__()
        make = nn.LSTM if cell == "lstm" else nn.GRU
        self.cell = make(in_width, out_width, batch_first=True)

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """Maps ``(B, C, T, H, W)`` to ``(B, out_width, T, H, W)``."""
        clips, channels, frames, height, width = x_BCTHW.shape
        rows = x_BCTHW.permute(0, 3, 4, 2, 1).reshape(clips * height * width, frames, channels)
        if torch.compiler.is_exporting():
            states = scanned(self.cell, rows.transpose(0, 1)).transpose(0, 1)
        else:
            states, _ = self.cell(rows)
        return states.reshape(clips, height, width, frames, -1).permute(0, 4, 3, 1, 2)


def norm(
    width: int, *, zero: bool = False, learn: bool = True, momentum: float | None = None
) -> SplitNorm:
    """Returns batch normalisation over (B, T, H, W).

    Args:
        width: channels.
        zero: start its scale at 0.
        learn: False leaves out scale and shift.
        momentum: share of a batch in the running statistics; None: ``BN_MOMENTUM``.
    """
    share = BN_MOMENTUM if momentum is None else momentum
    layer = SplitNorm(width, eps=BN_EPSILON, momentum=share, affine=learn)
    if zero:
        nn.init.zeros_(layer.weight)
    return layer


def dense(in_width: int, out_width: int) -> nn.Linear:
    """Returns a dense layer with bias; first values N(0, .01) and 0, as published."""
    layer = nn.Linear(in_width, out_width)
    nn.init.normal_(layer.weight, std=0.01)
    nn.init.zeros_(layer.bias)
    return layer


def pad_same(x_BCTHW: Tensor, spatial: int, stride: int) -> Tensor:
    """Returns the clip zero-padded so that an unpadded convolution ends at ceil(H / stride).

    An odd remainder goes to the end: even sizes are padded (0, 1) by a 3x3 of stride 2, where
    torch's ``padding=1`` would give (1, 0).
    """
    top, bottom = same_padding(x_BCTHW.shape[3], spatial, stride)
    left, right = same_padding(x_BCTHW.shape[4], spatial, stride)
    return F.pad(x_BCTHW, (left, right, top, bottom))


def same_padding(size: int, window: int, stride: int) -> tuple[int, int]:
    """Returns the padding (before, after) that makes the output ceil(size / stride).

    >>> same_padding(32, 3, 2), same_padding(33, 3, 2), same_padding(14, 4, 4)
    ((0, 1), (1, 1), (1, 1))
    """
    total = max((-(-size // stride) - 1) * stride + window - size, 0)
    return total // 2, total - total // 2


def max_pool_same(x_BCTHW: Tensor, window: int, stride: int) -> Tensor:
    """Returns the max pool of size (ceil(H / stride), ceil(W / stride)); the border never wins."""
    # torch pads with -inf on both sides by `before`; ceil_mode adds what is missing at the end.
    before = tuple(same_padding(n, window, stride)[0] for n in x_BCTHW.shape[3:])
    return F.max_pool3d(
        x_BCTHW, (1, window, window), (1, stride, stride), (0, *before), ceil_mode=True
    )


def pool_to(x_BCTHW: Tensor, size: tuple[int, int]) -> Tensor:
    """Returns the clip max-pooled to ``size`` (H, W).

    The published rule takes window = stride = (H_in + 1) // H on both axes; where that does not
    end at ``size`` (over-connected networks at many clip sizes), windows are adaptive.
    """
    height, width = x_BCTHW.shape[3:]
    if (height, width) == size:
        return x_BCTHW
    ratio = (height + 1) // size[0]
    if ratio > 0 and (-(-height // ratio), -(-width // ratio)) == size:
        return max_pool_same(x_BCTHW, ratio, ratio)
    if torch.compiler.is_exporting():  # ONNX has no adaptive pooling
        return widest(widest(x_BCTHW, 3, size[0]), 4, size[1])
    return F.adaptive_max_pool3d(x_BCTHW, (x_BCTHW.shape[2], *size))


def widest(x: Tensor, axis: int, count: int) -> Tensor:
    """Returns the maxima of the ``count`` adaptive windows along an axis, as ONNX can write it."""
    edges = adaptive_windows(x.shape[axis], count)
    longest = max(end - start for start, end in edges)
    # A shorter window counts its last place again, which changes no maximum.
    places = [min(start + k, end - 1) for start, end in edges for k in range(longest)]
    picked = x.index_select(axis, torch.tensor(places, device=x.device))
    return picked.unflatten(axis, (count, longest)).amax(axis + 1)


def adaptive_windows(length: int, count: int) -> list[tuple[int, int]]:
    """Returns where the windows of torch's adaptive pooling start and end.

    >>> adaptive_windows(5, 2)
    [(0, 3), (2, 5)]
    """
    return [(n * length // count, -(-(n + 1) * length // count)) for n in range(count)]
