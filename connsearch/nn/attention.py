"""Attention gates on a block's inputs (AssembleNet++, section 3.2).

A gate is one value in (0, 1) per clip, channel and frame of a *source*. It comes from nothing
(static), from the source itself (self), or from other nodes (peer, fixed): their spatial means are
projected to a common width once per block, mixed by weights that belong to the connection, and
projected to the source's channels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from connsearch.graph.plan import FusionPlan
from connsearch.graph.spec import Attention, Connection, Peer
from connsearch.nn.fused_gates import bare, in_training, pixels_last, together
from connsearch.nn.layers import dense


def frame_means(x_BCTHW: Tensor) -> Tensor:
    """Returns the spatial means ``(B, T, C)``: all that later peers need of a node."""
    return pixels_last(x_BCTHW).mean(2)


def as_gate(logits_BTC: Tensor) -> Tensor:
    """Returns sigmoid gates ``(B, C, T, 1, 1)``, computed in float32."""
    return logits_BTC.float().sigmoid().transpose(1, 2)[..., None, None]


class StaticAttention(nn.Module):
    """One learned vector per connection, the same for every clip and frame."""

    def __init__(self, sources: Sequence[int], widths: Mapping[int, int]) -> None:
        super().__init__()
        self.gates = nn.ParameterDict(
            {str(s): nn.Parameter(torch.empty(widths[s]).normal_(std=0.01)) for s in sources}
        )

    def forward(self, source: int, x_BCTHW: Tensor, weight: Tensor | None) -> Tensor:
        """Returns the gate ``(1, C, 1, 1, 1)`` of one connection."""
        return as_gate(self.gates[str(source)][None, None])


class SelfAttention(nn.Module):
    """Each input gates itself: its own (already weighted) mean through one dense layer."""

    def __init__(self, sources: Sequence[int], widths: Mapping[int, int]) -> None:
        super().__init__()
        self.gates = nn.ModuleDict({str(s): dense(widths[s], widths[s]) for s in sources})

    def forward(self, source: int, x_BCTHW: Tensor, weight: Tensor | None) -> Tensor:
        """Returns the gate ``(B, C, T, 1, 1)`` of one pooled input ``(B, C, T, H, W)``."""
        mean_BTC = frame_means(x_BCTHW)
        if weight is not None:
            mean_BTC = mean_BTC * weight.to(mean_BTC.dtype)
        return as_gate(self.gates[str(source)](mean_BTC))


class PeerAttention(nn.Module):
    r"""Other nodes gate the inputs.

    .. math:: a_j = \sigma\Bigl(D_j \sum_k c_{jk}\, F_k\, \bar x_k\Bigr)

    ``F_k`` projects peer k for this block, ``c_j`` mixes the peers for connection j: a softmax of
    learned logits (one-shot search), or the fixed coefficients the structure names.

    Attributes:
        logits: ``(E, P)`` peer logits, float32; None when the peers are fixed.
        masked: by source, the peers a hard mask leaves (``nn.mask``).
        silent: columns a hard mask takes out of the soft mixture.
        ungated: sources whose gate a hard mask takes away.
        temperature: peer logits are divided by it (``nn.relaxation``).
    """

    def __init__(
        self,
        connections: Sequence[Connection],
        plan: FusionPlan,
        widths: Mapping[int, int],
        *,
        soft: bool,
    ) -> None:
        super().__init__()
        assert plan.attention_width is not None
        self.candidates = plan.candidates
        gated = [c for c in connections if soft or c.peers]
        self.sources = [c.source for c in gated]
        self.project = nn.ModuleDict(
            {str(n): dense(widths[n], plan.attention_width) for n in plan.candidates}
        )
        self.gates = nn.ModuleDict(
            {str(s): dense(plan.attention_width, widths[s]) for s in self.sources}
        )
        self.fixed = {c.source: c.peers for c in gated}
        self.logits = nn.Parameter(self._first_logits(gated)) if soft else None
        self.masked: dict[int, tuple[Peer, ...]] = {}
        self.silent: list[int] = []
        self.ungated: frozenset[int] = frozenset()
        self.temperature = 1.0

    def _first_logits(self, gated: Sequence[Connection]) -> Tensor:
        """Undecided, or the values of a previous search if the structure has them."""
        logits_EP = torch.empty(len(gated), len(self.candidates))
        nn.init.trunc_normal_(logits_EP, std=0.01, a=-0.02, b=0.02)
        for row, connection in zip(logits_EP, gated, strict=True):
            known = dict(connection.peers)
            if set(known) == set(self.candidates):
                coefficients = torch.tensor([known[n] for n in self.candidates])
                row.copy_(coefficients.clamp_min(1e-8).log())
        return logits_EP

    def coefficients(self) -> Tensor:
        """Returns the softmax coefficients ``(E, P)`` of the search, in float32."""
        assert self.logits is not None, "fixed peers have no logits"
        # Through float64, so that the last bit does not depend on how many candidates there are.
        logits_EP = self.logits.double() / self.temperature
        if self.silent:
            silent = torch.tensor(self.silent, device=logits_EP.device)
            logits_EP = logits_EP.index_fill(1, silent, -torch.inf)
        return logits_EP.softmax(1).float()

    def open(self, means: Mapping[int, Tensor]) -> dict[int, Tensor]:
        """Returns the gate ``(B, C, T, 1, 1)`` of every gated source.

        Those in ``ungated`` have none.

        Args:
            means: spatial means ``(B, T, C)`` of every candidate, from :func:`frame_means`.
        """
        layers = [*self.project.values(), *self.gates.values()]
        hard = self.masked or self.ungated
        if self.logits is not None and not hard and in_training(self) and bare(layers):
            return self._open_together(means)
        mixtures = {s: mixed for s, mixed in self.mix(means).items() if s not in self.ungated}
        return {s: as_gate(self.gates[str(s)](mixed)) for s, mixed in mixtures.items()}

    def _open_together(self, means: Mapping[int, Tensor]) -> dict[int, Tensor]:
        """The same in few steps, for training; rounding differs."""
        clips, frames = len(means[self.candidates[0]]), max(m.shape[1] for m in means.values())
        flat = [means[n].expand(-1, frames, -1).flatten(0, 1) for n in self.candidates]
        projected_PMG = torch.stack(together(_linear(self.project, self.candidates), flat))
        with torch.autocast(projected_PMG.device.type, enabled=False):  # a product in float32
            coefficients_EP = self.coefficients().to(projected_PMG.dtype)
            mixed_EM = coefficients_EP @ projected_PMG.flatten(1)
        mixed_EMG = mixed_EM.unflatten(1, projected_PMG.shape[1:])
        logits = together(_linear(self.gates, self.sources), mixed_EMG.unbind())
        gates = as_gate(torch.cat(logits, 1).unflatten(0, (clips, frames)))
        parts = gates.split([part.shape[1] for part in logits], 1)
        return dict(zip(self.sources, parts, strict=True))

    def mix(self, means: Mapping[int, Tensor]) -> dict[int, Tensor]:
        """Returns the mixed peer vector ``(B, T, G)`` of every gated source.

        Args:
            means: spatial means ``(B, T, C)`` of every candidate, from :func:`frame_means`.
        """
        projected = {n: self.project[str(n)](means[n]) for n in self.candidates}
        if self.masked:
            return {s: self._mix_masked(s, projected) for s in self.sources}
        if self.logits is None:
            return {s: _mix_fixed(self.fixed[s], projected) for s in self.sources}
        return self._mix_soft(projected)

    def _mix_soft(self, projected: Mapping[int, Tensor]) -> dict[int, Tensor]:
        """All connections at once, one candidate after the other.

        A matrix product would be shorter, but its rounding depends on the number of connections.
        """
        coefficients_EP = self.coefficients()
        mixed_EBTG: Tensor | None = None
        for column, node in enumerate(self.candidates):
            term = coefficients_EP[:, column, None, None, None] * projected[node]
            mixed_EBTG = term if mixed_EBTG is None else mixed_EBTG + term
        assert mixed_EBTG is not None
        # Each in its own memory: the address of a tensor decides how MKL rounds its product.
        return {s: m.clone() for s, m in zip(self.sources, mixed_EBTG.unbind(), strict=True)}

    def silence(self, alive: frozenset[int] | None) -> None:
        """Leaves only the candidates in ``alive`` in the soft mixture; None brings all back."""
        everyone = enumerate(self.candidates)
        self.silent = [] if alive is None else [i for i, n in everyone if n not in alive]

    def _mix_masked(self, source: int, projected: Mapping[int, Tensor]) -> Tensor:
        """Every candidate times its coefficient or zero, added in the order of the candidates."""
        kept = dict(self.masked.get(source, ()))
        everyone = tuple(Peer(n, kept.get(n, 0.0)) for n in self.candidates)
        return _mix_fixed(everyone, projected)

    def forward(self, source: int, gates: Mapping[int, Tensor]) -> Tensor | None:
        """Returns the gate ``(B, C, T, 1, 1)`` of one connection, or None when it has no peer."""
        return gates.get(source)


def _linear(layers: nn.ModuleDict, names: Sequence[int]) -> list[nn.Linear]:
    return [cast(nn.Linear, layers[str(name)]) for name in names]


def _mix_fixed(peers: Sequence[Peer], projected: Mapping[int, Tensor]) -> Tensor:
    """Adds one peer after the other, so that a peer with coefficient zero changes no bit."""
    first, *others = peers
    mixed = projected[first.node] * first.coefficient
    for peer in others:
        mixed = mixed + projected[peer.node] * peer.coefficient
    return mixed


def build_attention(
    mode: Attention,
    connections: Sequence[Connection],
    plan: FusionPlan,
    widths: Mapping[int, int],
) -> nn.Module | None:
    """Returns the gates of one block's inputs for a mode, or None where nothing is gated."""
    match mode:
        case Attention.NONE:
            return None
        case Attention.STATIC:
            return StaticAttention(plan.sources, widths)
        case Attention.SELF:
            return SelfAttention(plan.sources, widths)
        case Attention.PEER:
            return PeerAttention(connections, plan, widths, soft=True)
        case Attention.FIXED:
            named = any(c.peers for c in connections)
            return PeerAttention(connections, plan, widths, soft=False) if named else None
