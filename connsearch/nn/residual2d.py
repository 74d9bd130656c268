"""Stem and residual blocks over images (He et al. 2016, arXiv 1512.03385).

Names and order of the layers are those of ``nn/residual3d.py``. Shape letters: N images, C
channels, H W pixels.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from connsearch.nn.images import image_conv, image_norm
from connsearch.nn.temporal_shift import shift_or_not

EXPANSION = 4
"""How many times as wide a bottleneck ends as it is inside."""


class Stem2d(nn.Module):
    """A 7x7 of stride 2, norm and ReLU."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = image_conv(3, width, 7, stride=2)
        self.norm = image_norm(width)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Maps ``(N, 3, H, W)`` to ``(N, width, ceil(H / 2), ceil(W / 2))``."""
        return F.relu(self.norm(self.conv(x_NCHW)))


class Shortcut2d(nn.Module):
    """A 1x1 and norm, where a block changes its width or size."""

    def __init__(self, in_width: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv = image_conv(in_width, width, 1, stride=stride)
        self.norm = image_norm(width)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Maps ``(N, in_width, H, W)`` to width and size of the block's output."""
        return self.norm(self.conv(x_NCHW))


def shortcut2d(in_width: int, width: int, stride: int) -> nn.Module:
    """Returns the way past a block."""
    same = in_width == width and stride == 1
    return nn.Identity() if same else Shortcut2d(in_width, width, stride)


class BasicBlock2d(nn.Module):
    """Two 3x3; the first carries the stride.

    Args:
        in_width: input channels.
        planes: what it is called, and its output channels.
        stride: of height and width.
        shifts: whether what the first convolution reads is shifted between frames.

    Attributes:
        width: channels of the output.
    """

    def __init__(self, in_width: int, planes: int, stride: int, *, shifts: bool = False) -> None:
        super().__init__()
        self.shift = shift_or_not(shifts)
        self.width = planes
        self.conv1 = image_conv(in_width, planes, 3, stride=stride)
        self.norm1 = image_norm(planes)
        self.conv2 = image_conv(planes, planes, 3)
        self.norm2 = image_norm(planes)
        self.shortcut = shortcut2d(in_width, planes, stride)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Maps ``(N, in_width, H, W)`` to ``(N, width, H', W')``, each ceil(size / stride)."""
        y = F.relu(self.norm1(self.conv1(self.shift(x_NCHW))))
        y = self.norm2(self.conv2(y))
        return F.relu(y + self.shortcut(x_NCHW))


class Bottleneck2d(nn.Module):
    """1x1, 3x3, 1x1; the 3x3 carries the stride.

    The paper strides the first 1x1. With the stride on the 3x3 the network has the same parameters
    and is more accurate; torchvision's and timm's weights are of this form ("ResNet v1.5").

    Args:
        in_width: input channels.
        planes: channels inside; it ends ``EXPANSION`` times as wide.
        stride: of height and width.
        shifts: whether what the first convolution reads is shifted between frames.

    Attributes:
        width: channels of the output.
    """

    def __init__(self, in_width: int, planes: int, stride: int, *, shifts: bool = False) -> None:
        super().__init__()
        self.shift = shift_or_not(shifts)
        self.width = EXPANSION * planes
        self.conv1 = image_conv(in_width, planes, 1)
        self.norm1 = image_norm(planes)
        self.conv2 = image_conv(planes, planes, 3, stride=stride)
        self.norm2 = image_norm(planes)
        self.conv3 = image_conv(planes, self.width, 1)
        self.norm3 = image_norm(self.width)
        self.shortcut = shortcut2d(in_width, self.width, stride)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Maps ``(N, in_width, H, W)`` to ``(N, width, H', W')``, each ceil(size / stride)."""
        y = F.relu(self.norm1(self.conv1(self.shift(x_NCHW))))
        y = F.relu(self.norm2(self.conv2(y)))
        y = self.norm3(self.conv3(y))
        return F.relu(y + self.shortcut(x_NCHW))


BLOCKS_2D = {"basic": BasicBlock2d, "bottleneck": Bottleneck2d}
"""Called with the width before, what the block is called and the stride."""
