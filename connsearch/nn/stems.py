"""First nodes: one input stream to features. Stride 4 in the full families, 2 in lite."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from connsearch.graph.plan import StemPlan
from connsearch.graph.spec import Modality
from connsearch.nn.layers import conv, max_pool_same, norm, pad_same

CHANNELS = {Modality.RGB: 3, Modality.FLOW: 2}


class RGBStem(nn.Module):
    """7x7 convolution of stride 2, dilated 5-tap temporal convolution, 3x3 max pool of stride 2."""

    def __init__(self, plan: StemPlan) -> None:
        super().__init__()
        self.conv1 = conv(CHANNELS[Modality.RGB], plan.width, spatial=7, stride=2)
        self.bn1 = norm(plan.width)
        self.temporal_conv = conv(
            plan.width, plan.width, temporal=5, dilation=plan.temporal_dilation
        )
        self.bn2 = norm(plan.width)

    def forward(self, rgb_BCTHW: Tensor) -> Tensor:
        """Maps clips ``(B, 3, T, H, W)`` to ``(B, C, T, ceil(H / 4), ceil(W / 4))``."""
        x = F.relu(self.bn1(self.conv1(rgb_BCTHW)))
        x = F.relu(self.bn2(self.temporal_conv(x)))
        return max_pool_same(x, 3, 2)


class FlowStem(nn.Module):
    """7x7 convolution of stride 2 and 2x2 max pool; flow has no temporal convolution here."""

    def __init__(self, plan: StemPlan) -> None:
        super().__init__()
        self.conv1 = conv(CHANNELS[Modality.FLOW], plan.width, spatial=7, stride=2)
        self.bn1 = norm(plan.width)

    def forward(self, flow_BCTHW: Tensor) -> Tensor:
        """Maps flow ``(B, 2, T, H, W)`` to ``(B, C, T, ceil(H / 4), ceil(W / 4))``."""
        return max_pool_same(F.relu(self.bn1(self.conv1(flow_BCTHW))), 2, 2)


class LiteStem(nn.Module):
    """3x3 convolution of stride 2 and a dilated 3-tap temporal one, for RGB and flow alike."""

    def __init__(self, plan: StemPlan) -> None:
        super().__init__()
        self.conv1 = conv(CHANNELS[plan.modality], plan.width, spatial=3, stride=2, pad=False)
        self.bn1 = norm(plan.width)
        self.temporal_conv = conv(
            plan.width, plan.width, temporal=3, dilation=plan.temporal_dilation
        )
        self.bn2 = norm(plan.width)

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """Maps a stream ``(B, 3 or 2, T, H, W)`` to ``(B, C, T, ceil(H / 2), ceil(W / 2))``."""
        x = F.relu(self.bn1(self.conv1(pad_same(x_BCTHW, 3, 2))))
        return F.relu(self.bn2(self.temporal_conv(x)))


class ObjectStem(nn.Module):
    """Max pool of per-class maps; nothing to learn."""

    def __init__(self, plan: StemPlan) -> None:
        super().__init__()
        self.stride = plan.stride

    def forward(self, maps_BCTHW: Tensor) -> Tensor:
        """Maps ``(B, C, T, H, W)`` to ``(B, C, T, ceil(H / stride), ceil(W / stride))``."""
        return max_pool_same(maps_BCTHW, self.stride, self.stride)


def build_stem(plan: StemPlan, kind: str) -> nn.Module:
    """Returns the stem for a plan; ``kind`` is the family's, ``full`` or ``lite``."""
    if plan.modality is Modality.OBJECT:
        return ObjectStem(plan)
    if kind == "lite":
        return LiteStem(plan)
    return RGBStem(plan) if plan.modality is Modality.RGB else FlowStem(plan)
