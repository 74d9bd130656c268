"""Interleaved 2D and (2+1)D bottlenecks (AssembleNet, section 3.1 and appendix A.2)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from connsearch.nn.blocks import BLOCKS
from connsearch.nn.layers import conv, norm


@BLOCKS.register("bottleneck")
class Bottleneck(nn.Module):
    """Step k of a block: 1x1 (even k) or temporal 3x1x1 (odd k), then 3x3, then 1x1 to 4 x filters.

    The 3x3 has the level's inner width whatever ``filters`` is, so that halving the filters of a
    node halves its parameters. Step 0 projects its shortcut and carries the spatial stride.
    """

    def __init__(
        self,
        in_width: int,
        *,
        filters: int,
        inner_width: int,
        temporal_dilation: int,
        stride: int,
        step: int,
    ) -> None:
        super().__init__()
        out_width = 4 * filters
        self.shortcut = conv(in_width, out_width, stride=stride) if step == 0 else None
        self.shortcut_bn = norm(out_width) if step == 0 else None
        if step % 2:
            self.conv1 = conv(in_width, filters, temporal=3, dilation=temporal_dilation)
        else:
            self.conv1 = conv(in_width, filters)
        self.bn1 = norm(filters)
        self.conv2 = conv(filters, inner_width, spatial=3, stride=stride)
        self.bn2 = norm(inner_width)
        self.conv3 = conv(inner_width, out_width)
        self.bn3 = norm(out_width, zero=True)

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """Maps ``(B, C, T, H, W)`` to ``(B, 4 x filters, T, ceil(H / stride), ...)``."""
        residual = x_BCTHW
        if self.shortcut is not None and self.shortcut_bn is not None:
            residual = self.shortcut_bn(self.shortcut(x_BCTHW))
        x = F.relu(self.bn1(self.conv1(x_BCTHW)))
        x = F.relu(self.bn2(self.conv2(x)))
        return F.relu(self.bn3(self.conv3(x)) + residual)
