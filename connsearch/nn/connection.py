"""Fusion: the weighted sum of a block's inputs, the only place where connection weights live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add
from typing import cast

import torch
from torch import Tensor, nn

from connsearch.graph.plan import Bucket, FusionPlan
from connsearch.graph.spec import FREE, Attention, Connection, GateFusion
from connsearch.nn.attention import PeerAttention, build_attention
from connsearch.nn.connection_gate import ConnectionGate
from connsearch.nn.frames import mean_frames_to, pool_frames_to
from connsearch.nn.fused_gates import in_training, scaled
from connsearch.nn.layers import conv, norm, pool_to
from connsearch.nn.relaxation import PUBLISHED, soft_weights, working_weights

_EDGE_OF_RANGE = 1e-6
"""Stored weights of exactly 0 or 1 have no finite logit; they start this far inside."""


class ConnectionFusion(nn.Module):
    r"""Sums a block's inputs, each scaled by its connection weight and its attention gate.

    .. math:: y = \sum_b W_b \sum_{i \in b} \sigma(w_i)\, a_i\, P(x_i)

    ``P`` max-pools to the fused size and frames, buckets ``b`` hold inputs of equal width, and
    ``W_b`` is one 1x1 convolution per bucket whose width differs from the fused width (AssembleNet,
    section 3.1). There is no normalisation and no nonlinearity.

    An input with a temporal gate (``nn.connection_gate``) goes through ``W_b`` by itself, and is
    added after all others, where its features agree with their sum.

    Args:
        connections: the block's inputs in published order.
        plan: shapes of the block.
        widths: output channels of every node.
        learn: whether stored weights learn; free ones always do, None never.
        attention: mode of the gates.
        normalise: whether each pooled input is batch-normalised, without parameters, before it is
            scaled.
        gate_fusion: what an open temporal gate makes of its features.

    Attributes:
        masked: sources whose features a hard mask leaves (``nn.mask``); None: there is no mask.
        opened: sources that a hard mask takes the temporal gate from.
    """

    def __init__(
        self,
        connections: Sequence[Connection],
        plan: FusionPlan,
        widths: Mapping[int, int],
        *,
        learn: bool,
        attention: Attention,
        normalise: bool = False,
        gate_fusion: GateFusion = "one_plus",
    ) -> None:
        super().__init__()
        self.plan = plan
        self.learned = [
            c.source
            for c in connections
            if c.weight == FREE or (learn and isinstance(c.weight, float))
        ]
        stored = {c.source: c.weight for c in connections}
        self.fixed = [
            s for s, w in stored.items() if isinstance(w, float) and s not in self.learned
        ]
        first = _first_logits([stored[s] for s in self.learned])
        self.logits = nn.Parameter(first) if self.learned else None
        self.register_buffer(
            "coefficients", torch.tensor([stored[s] for s in self.fixed], dtype=torch.float32)
        )
        self.coefficients: Tensor
        self.project = nn.ModuleDict(
            {str(b.width): conv(b.width, plan.fused_width) for b in plan.buckets if b.project}
        )
        self.attention = build_attention(attention, connections, plan, widths)
        self.norms = nn.ModuleDict(
            {str(s): norm(widths[s], learn=False) for s in plan.sources if normalise}
        )
        self.gates = nn.ModuleDict(
            {str(s): ConnectionGate(plan.fused_width, fusion=gate_fusion) for s in plan.gated}
        )
        self.masked: frozenset[int] | None = None
        self.opened: frozenset[int] = frozenset()
        self.relaxation = PUBLISHED

    def weights(self) -> dict[int, Tensor]:
        """Returns the post-sigmoid weight of every source that has one: 0-d, float32."""
        weights: dict[int, Tensor] = {}
        if self.fixed:  # torch cannot read back an exported program that takes nothing apart
            weights.update(zip(self.fixed, self.coefficients.unbind(), strict=True))
        if self.logits is not None:
            learned = soft_weights(self.logits, self.relaxation).unbind()
            weights.update(zip(self.learned, learned, strict=True))
        return weights

    def _working_weights(self) -> dict[int, Tensor]:
        """The weights of this pass: those of a search that relaxes them are not the learned."""
        weights = self.weights()
        if self.logits is not None and self.relaxation is not PUBLISHED:
            working = working_weights(self.logits, self.relaxation, training=self.training)
            weights.update(zip(self.learned, working.unbind(), strict=True))
        return weights

    def forward(
        self, inputs: Mapping[int, Tensor], size: tuple[int, int, int], means: Mapping[int, Tensor]
    ) -> Tensor:
        """Fuses E tensors ``(B, C_i, T_i, H_i, W_i)`` into one ``(B, C, T, H, W)``.

        Args:
            inputs: features by source node.
            size: the fused (T, H, W).
            means: spatial means ``(B, T_n, C)`` of candidate peers.
        """
        weights = self._working_weights()
        mixed = self._mixed(means, size[0])

        def added(bucket: Bucket, sources: Sequence[int]) -> Tensor:
            summed: Tensor | None = None
            for source in sources:
                x = self._pooled(source, inputs[source], size)
                if self.norms:
                    x = cast(Tensor, self.norms[str(source)](x))
                scale = self._scale(source, x, weights.get(source), mixed)
                summed = _add_scaled(summed, x, scale, fast=in_training(self))
            assert summed is not None
            if bucket.project:
                return cast(Tensor, self.project[str(bucket.width)](summed))
            return summed

        gated = [source for source in self.plan.gated if source not in self.opened]
        plain = ((b, [s for s in b.sources if s not in gated]) for b in self.plan.buckets)
        total = reduce(add, (added(bucket, sources) for bucket, sources in plain if sources))
        if not gated:
            return total
        means_BCT = self._gate(gated[0]).squeezed(total)
        for bucket in self.plan.buckets:
            for source in (source for source in bucket.sources if source in gated):
                total = total + self._gate(source)(added(bucket, [source]), means_BCT)
        return total

    def _gate(self, source: int) -> ConnectionGate:
        return cast(ConnectionGate, self.gates[str(source)])

    def _pooled(self, source: int, x: Tensor, size: tuple[int, int, int]) -> Tensor:
        """One input at the fused size; that frames are as many is known without asking."""
        frames, height, width = size
        x = pool_to(x, (height, width))
        return pool_frames_to(x, frames) if source in self.plan.retimed else x

    def _mixed(self, means: Mapping[int, Tensor], frames: int) -> Mapping[int, Tensor]:
        """The gates that peers make, of the fused frames."""
        if not isinstance(self.attention, PeerAttention):
            return {}
        other = self.plan.retimed
        at_hand = {n: means[n] for n in self.attention.candidates} if other else means
        return self.attention.open(
            {n: mean_frames_to(m, frames) if n in other else m for n, m in at_hand.items()}
        )

    def _scale(
        self, source: int, x: Tensor, weight: Tensor | None, mixed: Mapping[int, Tensor]
    ) -> Tensor | None:
        """Connection weight times gate, small enough to be multiplied before the features are."""
        if self.masked is not None and source not in self.masked:
            return x.new_zeros(())
        gate: Tensor | None = None
        if isinstance(self.attention, PeerAttention):
            gate = self.attention(source, mixed)
        elif self.attention is not None:
            gate = self.attention(source, x, weight)
        if gate is None or weight is None:
            return weight if gate is None else gate
        return weight * gate


def _add_scaled(total: Tensor | None, x: Tensor, scale: Tensor | None, *, fast: bool) -> Tensor:
    """One term after the other, in bucket order: a masked term adds an exact zero."""
    if scale is not None:
        x = scaled(x, scale) if fast else x * scale.to(x.dtype)
    return x if total is None else total + x


def _first_logits(stored: Sequence[object]) -> Tensor:
    """Undecided (truncated normal of .01) for free weights, the stored logit for the others."""
    logits = torch.empty(len(stored))
    nn.init.trunc_normal_(logits, std=0.01, a=-0.02, b=0.02)
    for index, weight in enumerate(stored):
        if isinstance(weight, float):
            logits[index] = torch.logit(torch.tensor(weight, dtype=torch.float64), _EDGE_OF_RANGE)
    return logits
