"""Stem and residual blocks of 3D networks, whole and factorised into (2+1)D (arXiv 1711.11248).

A kind of convolution is ``r3d``, one convolution over time and space, or ``r2plus1d``: over space,
norm, ReLU, over time. Shape letters: B clips, C channels, T frames, H W pixels.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from connsearch.nn.layers import SafeConv
from connsearch.nn.split_norm import SplitNorm

STEM_MIDDLE = 45
"""Channels between the two convolutions of a factorised stem."""


def norm(width: int) -> SplitNorm:
    """Returns batch normalisation with the published constants."""
    return SplitNorm(width, eps=1e-5, momentum=0.1)


def pointwise(in_width: int, width: int, stride: int = 1) -> nn.Conv3d:
    """Returns a 1x1x1 convolution, strided in time and space alike."""
    return SafeConv(in_width, width, 1, stride=stride, bias=False)


class Conv2Plus1d(nn.Module):
    """A ``(t, s, s)`` convolution as ``(1, s, s)``, norm, ReLU and ``(t, 1, 1)``.

    Args:
        in_width: input channels.
        width: output channels.
        middle: channels between the two.
        kernel: taps in time, and in height and width.
        stride: of time, and of height and width.
    """

    def __init__(
        self,
        in_width: int,
        width: int,
        middle: int,
        kernel: tuple[int, int],
        stride: tuple[int, int],
    ) -> None:
        super().__init__()
        (time, space), (time_stride, space_stride) = kernel, stride
        self.spatial = SafeConv(
            in_width,
            middle,
            (1, space, space),
            stride=(1, space_stride, space_stride),
            padding=(0, space // 2, space // 2),
            bias=False,
        )
        self.norm = norm(middle)
        self.temporal = SafeConv(
            middle,
            width,
            (time, 1, 1),
            stride=(time_stride, 1, 1),
            padding=(time // 2, 0, 0),
            bias=False,
        )

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """Maps ``(B, in_width, T, H, W)`` to ``(B, width, T', H', W')``."""
        return self.temporal(F.relu(self.norm(self.spatial(x_BCTHW))))


def middle_width(in_width: int, width: int) -> int:
    """Returns the middle channels by which (2+1)D has about the parameters of one 3x3x3.

    >>> middle_width(64, 64), middle_width(64, 128)
    (144, 230)
    """
    return 27 * in_width * width // (9 * in_width + 3 * width)


def full(kind: str, in_width: int, width: int, *, stride: int = 1, middle: int) -> nn.Module:
    """Returns a padded 3x3x3 convolution of a kind; only ``r2plus1d`` has middle channels."""
    if kind == "r2plus1d":
        return Conv2Plus1d(in_width, width, middle, (3, 3), (stride, stride))
    return SafeConv(in_width, width, 3, stride=stride, padding=1, bias=False)


class Stem3d(nn.Module):
    """A 3x7x7 of stride (1, 2, 2), norm and ReLU."""

    def __init__(self, kind: str, width: int) -> None:
        super().__init__()
        if kind == "r2plus1d":
            self.conv = Conv2Plus1d(3, width, STEM_MIDDLE, (3, 7), (1, 2))
        else:
            self.conv = SafeConv(
                3, width, (3, 7, 7), stride=(1, 2, 2), padding=(1, 3, 3), bias=False
            )
        self.norm = norm(width)

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """Maps ``(B, 3, T, H, W)`` to ``(B, width, T, ceil(H / 2), ceil(W / 2))``."""
        return F.relu(self.norm(self.conv(x_BCTHW)))


class Shortcut(nn.Module):
    """A 1x1x1 and norm, where a block changes its width or size."""

    def __init__(self, in_width: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv = pointwise(in_width, width, stride)
        self.norm = norm(width)

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """Maps ``(B, in_width, T, H, W)`` to width and size of the block's output."""
        return self.norm(self.conv(x_BCTHW))


def shortcut(in_width: int, width: int, stride: int) -> nn.Module:
    """Returns the way past a block."""
    same = in_width == width and stride == 1
    return nn.Identity() if same else Shortcut(in_width, width, stride)


class BasicBlock3d(nn.Module):
    """Two 3x3x3; the first carries the stride."""

    def __init__(self, kind: str, in_width: int, width: int, stride: int) -> None:
        super().__init__()
        middle = middle_width(in_width, width)
        self.conv1 = full(kind, in_width, width, stride=stride, middle=middle)
        self.norm1 = norm(width)
        self.conv2 = full(kind, width, width, middle=middle)
        self.norm2 = norm(width)
        self.shortcut = shortcut(in_width, width, stride)

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """Maps ``(B, in_width, T, H, W)`` to ``(B, width, T', H', W')``, each ceil(size/stride)."""
        y = F.relu(self.norm1(self.conv1(x_BCTHW)))
        y = self.norm2(self.conv2(y))
        return F.relu(y + self.shortcut(x_BCTHW))


class Bottleneck3d(nn.Module):
    """1x1x1, 3x3x3, 1x1x1; the 3x3x3 carries the stride."""

    def __init__(self, kind: str, in_width: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = pointwise(in_width, width)
        self.norm1 = norm(width)
        middle = middle_width(in_width, width)  # of the whole block, as published
        self.conv2 = full(kind, width, width, stride=stride, middle=middle)
        self.norm2 = norm(width)
        self.conv3 = pointwise(width, width)
        self.norm3 = norm(width)
        self.shortcut = shortcut(in_width, width, stride)

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """Maps ``(B, in_width, T, H, W)`` to ``(B, width, T', H', W')``, each ceil(size/stride)."""
        y = F.relu(self.norm1(self.conv1(x_BCTHW)))
        y = F.relu(self.norm2(self.conv2(y)))
        y = self.norm3(self.conv3(y))
        return F.relu(y + self.shortcut(x_BCTHW))


BLOCKS_3D = {"basic": BasicBlock3d, "bottleneck": Bottleneck3d}
"""Called with the kind of convolution, the width before, the width after and the stride."""
