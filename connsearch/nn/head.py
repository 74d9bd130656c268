"""The head: final nodes to class logits."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from connsearch.nn.layers import conv, dense, norm
from connsearch.nn.spread import spread


def softmax_over_time(logits_BTK: Tensor) -> Tensor:
    """Returns logits ``(B, K)``: frames weighted by softmax over time of logits / sqrt(T)."""
    frames = logits_BTK.shape[1]
    if torch.compiler.is_exporting():  # the root of a number would settle how many frames there are
        scaled = logits_BTK / logits_BTK.new_ones(frames).sum().sqrt()
    else:
        scaled = logits_BTK / math.sqrt(frames)
    return (logits_BTK * scaled.softmax(1)).sum(1)


class Head(nn.Module):
    """Averages the final nodes, pools space and time, and classifies.

    Args:
        width: channels of every final node.
        num_classes: number of logits.
        pooling: ``average`` over time before the dense layer, or ``softmax`` over time after it.
        widths: 1x1 convolutions (with normalisation and ReLU) before pooling; lite: 432, 2048.
        dropout: drop rate before the dense layer.

    Attributes:
        features: channels that the dense layer reads.
    """

    def __init__(
        self,
        width: int,
        num_classes: int,
        *,
        pooling: Literal["average", "softmax"] = "average",
        widths: Sequence[int] = (),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.pooling = pooling
        steps = list(zip((width, *widths), widths, strict=False))
        self.convs = nn.ModuleList(conv(before, after) for before, after in steps)
        self.bns = nn.ModuleList(norm(after) for _, after in steps)
        self.dropout = nn.Dropout(dropout)
        self.features = (width, *widths)[-1]
        self.dense = dense(self.features, num_classes)

    def forward(self, finals: Sequence[Tensor], rates: Sequence[int] = ()) -> Tensor:
        """Maps final features, each ``(B, C, T, H, W)``, to logits ``(B, K)``.

        Finals of one stride in time are averaged frame by frame. Where there are several, each of
        these means goes over time by itself, and counts as often as it has finals; so a final node
        that is taken away changes nothing about the others.

        Args:
            finals: in the order they are added.
            rates: the stride in time of each; none: all have the same.
        """
        rates = rates or [1] * len(finals)
        summed: dict[int, Tensor] = {}
        for final, rate in zip(finals, rates, strict=True):
            pooled_BCT = self._pooled(final)
            summed[rate] = summed[rate] + pooled_BCT if rate in summed else pooled_BCT
        if self.pooling == "average":
            means = [(x / len(finals)).transpose(1, 2).mean(1) for _, x in sorted(summed.items())]
            return self.dense(self.dropout(sum(means[1:], means[0])))
        counts = Counter(rates)
        if len(counts) == 1:
            return self._over_time(summed[rates[0]], len(finals))
        parts = [
            self._over_time(x, counts[rate]) * (counts[rate] / len(finals))
            for rate, x in sorted(summed.items())
        ]
        return sum(parts[1:], parts[0])

    def joined(self, finals: Sequence[Tensor]) -> Tensor:
        """Returns the final features as one map ``(B, C, T, H, W)``, before pooling.

        They go through the 1x1 convolutions, are brought to the finest of their sizes in time,
        height and width (by :func:`~connsearch.nn.spread.spread`, which keeps means), and averaged.
        So the mean over h and w, classified frame by frame, is what :meth:`forward` makes of
        finals that all have the same stride in time; with ``average`` it is so for all, as a mean
        over time.

        Args:
            finals: as :meth:`forward` takes them.
        """
        maps = [self._convolved(final) for final in finals]
        size = [max(x.shape[axis] for x in maps) for axis in (2, 3, 4)]
        spread_out = [spread(x, size) for x in maps]
        return sum(spread_out[1:], spread_out[0]) / len(maps)

    def _over_time(self, summed_BCT: Tensor, count: int) -> Tensor:
        return softmax_over_time(self.dense(self.dropout((summed_BCT / count).transpose(1, 2))))

    def _pooled(self, x_BCTHW: Tensor) -> Tensor:
        return self._convolved(x_BCTHW).mean((3, 4))

    def _convolved(self, x_BCTHW: Tensor) -> Tensor:
        for layer, bn in zip(self.convs, self.bns, strict=True):
            x_BCTHW = F.relu(bn(layer(x_BCTHW)))
        return x_BCTHW
