"""Flow of feature maps: a published layer that no network of ours has, but golden numbers hold."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from connsearch.nn.flow import Normalisation, normalise, tv_l1
from connsearch.nn.layers import conv, norm


class FeatureFlow(nn.Module):
    r"""Flow of feature maps, added to them: the layer of the representation-flow paper.

    .. math:: y = \mathrm{relu}(x + \mathrm{BN}(W_2\, \mathrm{flow}(W_1 x)))

    Args:
        width: channels in and out.
        bottleneck: channels the flow is computed on; ``W_1`` is left out where it equals ``width``.
        iterations: TV-L1 steps.
        normalisation: see :func:`representation_flow`.
    """

    def __init__(
        self,
        width: int,
        *,
        bottleneck: int = 32,
        iterations: int = 20,
        normalisation: Normalisation = "clip",
    ) -> None:
        super().__init__()
        self.iterations = iterations
        self.normalisation: Normalisation = normalisation
        self.conv1 = conv(width, bottleneck) if bottleneck != width else None
        self.conv2 = conv(2 * bottleneck, width)
        self.bn = norm(width, zero=True)

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """Maps features ``(B, C, T, H, W)`` to the same shape."""
        narrow = x_BCTHW if self.conv1 is None else self.conv1(x_BCTHW)
        if narrow.dtype.itemsize < 4:  # too coarse for the small steps of TV-L1
            narrow = narrow.float()
        flow = tv_l1(normalise(narrow, self.normalisation), self.iterations)
        return F.relu(x_BCTHW + self.bn(self.conv2(flow)))
