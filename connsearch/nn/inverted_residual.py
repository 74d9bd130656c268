"""Inverted residual blocks over images (Sandler et al. 2018, arXiv 1801.04381).

Shape letters: N images, C channels, H W pixels.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from connsearch.nn.images import image_conv, image_norm
from connsearch.nn.temporal_shift import shift_or_not


class ConvNorm(nn.Module):
    """A convolution without bias and norm, then ReLU6 unless it is linear.

    Args:
        in_width: input channels.
        width: output channels.
        side: of the kernel, in pixels.
        stride: of height and width.
        groups: parts of the channels that do not see each other.
        linear: whether it ends without ReLU6.
    """

    def __init__(
        self,
        in_width: int,
        width: int,
        side: int,
        *,
        stride: int = 1,
        groups: int = 1,
        linear: bool = False,
    ) -> None:
        super().__init__()
        self.conv = image_conv(in_width, width, side, stride=stride, groups=groups)
        self.norm = image_norm(width)
        self.linear = linear

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Maps ``(N, in_width, H, W)`` to ``(N, width, ceil(H / stride), ceil(W / stride))``."""
        y = self.norm(self.conv(x_NCHW))
        return y if self.linear else F.relu6(y)


class InvertedResidual(nn.Module):
    """A 1x1 that widens, a 3x3 in every channel by itself, a linear 1x1 that narrows.

    What it reads is added where it keeps width and size. With an expansion of 1 there is no first
    1x1.

    Args:
        in_width: input channels.
        width: output channels.
        stride: of height and width.
        expansion: how many times as wide it is inside as what it reads.
        shifts: whether what the first 1x1 reads is shifted between frames; only where there is one,
            and what the block reads is added.
    """

    def __init__(
        self, in_width: int, width: int, stride: int, expansion: int, *, shifts: bool = False
    ) -> None:
        super().__init__()
        inside = in_width * expansion
        self.adds = stride == 1 and in_width == width
        self.shift = shift_or_not(shifts and self.adds and expansion > 1)
        self.expand = ConvNorm(in_width, inside, 1) if expansion > 1 else nn.Identity()
        self.depthwise = ConvNorm(inside, inside, 3, stride=stride, groups=inside)
        self.project = ConvNorm(inside, width, 1, linear=True)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Maps ``(N, in_width, H, W)`` to ``(N, width, ceil(H / stride), ceil(W / stride))``."""
        y = self.project(self.depthwise(self.expand(self.shift(x_NCHW))))
        return x_NCHW + y if self.adds else y


def rounded_width(width: float) -> int:
    """Returns the multiple of 8 nearest to a number of channels, at least 8 and 90 % of it.

    >>> rounded_width(16.8), rounded_width(11.2), rounded_width(2)
    (16, 16, 8)
    """
    near = max(8, int(width + 4) // 8 * 8)
    return near + 8 if near < 0.9 * width else near
