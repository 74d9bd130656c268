"""Inverted 3D bottlenecks (AssembleNet++ lite)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from connsearch.nn.blocks import BLOCKS
from connsearch.nn.layers import conv, norm, pad_same


@BLOCKS.register("inverted_bottleneck")
class InvertedBottleneck(nn.Module):
    """Step k of a block: 1x1, then 3x3x3 (strided: 1x3x3 and 3x1x1), then 1x1.

    ``filters`` is the triple of widths. Step 0 projects its shortcut and carries the stride.
    """

    def __init__(
        self,
        in_width: int,
        *,
        filters: tuple[int, int, int],
        inner_width: int,
        temporal_dilation: int,
        stride: int,
        step: int,
    ) -> None:
        super().__init__()
        first, middle, out_width = filters
        self.stride = stride
        self.shortcut = conv(in_width, out_width, stride=stride) if step == 0 else None
        self.shortcut_bn = norm(out_width) if step == 0 else None
        self.conv1 = conv(in_width, first)
        self.bn1 = norm(first)
        self.temporal_conv: nn.Module | None = None
        self.bn_temporal: nn.Module | None = None
        if stride == 1:
            self.conv2 = conv(first, middle, temporal=3, spatial=3, dilation=temporal_dilation)
        else:
            self.conv2 = conv(first, middle, spatial=3, stride=stride, pad=False)
            self.temporal_conv = conv(middle, middle, temporal=3, dilation=temporal_dilation)
            self.bn_temporal = norm(middle)
        self.bn2 = norm(middle)
        self.conv3 = conv(middle, out_width)
        self.bn3 = norm(out_width, zero=True)

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """Maps ``(B, C, T, H, W)`` to ``(B, filters[2], T, ceil(H / stride), ...)``."""
        residual = x_BCTHW
        if self.shortcut is not None and self.shortcut_bn is not None:
            residual = self.shortcut_bn(self.shortcut(x_BCTHW))
        x = F.relu(self.bn1(self.conv1(x_BCTHW)))
        if self.temporal_conv is None or self.bn_temporal is None:
            x = F.relu(self.bn2(self.conv2(x)))
        else:
            x = F.relu(self.bn2(self.conv2(pad_same(x, 3, self.stride))))
            x = F.relu(self.bn_temporal(self.temporal_conv(x)))
        return F.relu(self.bn3(self.conv3(x)) + residual)
