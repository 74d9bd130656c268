"""What connection and peer logits do over a run: where they started, stand, and what moved them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from connsearch.graph.plan import BlockPlan
from connsearch.graph.spec import Edge, Peer
from connsearch.nn.network import Network
from connsearch.train.events import ConnectionsEvent


@dataclass(frozen=True, slots=True)
class LogitHistory:
    """Values at the start and at the end, and the largest gradient between, by connection.

    Weights are post-sigmoid, peer coefficients post-softmax; gradients are with respect to logits.
    """

    first: Mapping[Edge, float]
    last: Mapping[Edge, float]
    gradients: Mapping[Edge, float]
    first_peers: Mapping[Edge, tuple[Peer, ...]] = field(
        default_factory=dict[Edge, tuple[Peer, ...]]
    )
    last_peers: Mapping[Edge, tuple[Peer, ...]] = field(
        default_factory=dict[Edge, tuple[Peer, ...]]
    )
    peer_gradients: Mapping[Edge, float] = field(default_factory=dict[Edge, float])


class LogitWatch:
    """Follows the logits of a network that learn.

    Its tensors belong into every checkpoint: a resumed run must raise the same alarms.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._parameters = [*network.connection_parameters(), *network.peer_parameters()]
        # Logits that do not learn (fixed coefficients) look into no parameter and drop out.
        self._connections = self._learning(network.connection_logits())
        self._peers = self._learning(network.peer_logits())
        self._first = {n: v.clone() for n, v in self._views()}
        self._gradients = {n: torch.zeros_like(v) for n, v in self._views()}

    @property
    def learns(self) -> bool:
        """Whether there is anything to follow."""
        return bool(self._parameters)

    def observe(self) -> None:
        """Takes note of the gradients there are, before an optimiser uses them up."""
        for owner, views in (("connection", self._connections), ("peer", self._peers)):
            for edge, (parameter, view) in views.items():
                if parameter.grad is not None:
                    found = parameter.grad.as_strided(
                        view.shape, view.stride(), view.storage_offset()
                    )
                    largest = self._gradients[_name(owner, edge)]
                    torch.maximum(largest, found.abs(), out=largest)

    def event(self, step: int) -> ConnectionsEvent:
        """Returns where everything that learns stands."""
        return ConnectionsEvent(step, self._weights(), self._coefficients())

    def rows(self, step: int, epoch: int) -> Iterator[dict[str, Any]]:
        """Yields one row of ``connections.csv`` for every logit that learns."""
        weights, peers = self._weights(), self._coefficients()
        for edge, (_, view) in self._connections.items():
            yield _row(step, epoch, "connection", edge, "", weights[edge], view.item())
        for edge, (_, view) in self._peers.items():
            for peer, logit in zip(peers[edge], view.tolist(), strict=True):
                yield _row(step, epoch, "peer", edge, peer.node, peer.coefficient, logit)

    def history(self) -> LogitHistory:
        """Returns first and last values and the largest gradients."""
        return LogitHistory(
            first={e: _sigmoid(self._first[_name("connection", e)]) for e in self._connections},
            last=self._weights(),
            gradients={e: self._largest("connection", e) for e in self._connections},
            first_peers={
                e: self._as_peers(e, self._first[_name("peer", e)]) for e in self._peers
            },
            last_peers=self._coefficients(),
            peer_gradients={e: self._largest("peer", e) for e in self._peers},
        )

    def tensors(self) -> dict[str, Tensor]:
        """Returns what a checkpoint has to hold."""
        first = {f"first/{name}": value for name, value in self._first.items()}
        return first | {f"gradient/{name}": value for name, value in self._gradients.items()}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Puts back what :meth:`tensors` gave."""
        for name, value in self.tensors().items():
            value.copy_(tensors[name])

    def _learning(self, logits: Mapping[Edge, Tensor]) -> dict[Edge, tuple[nn.Parameter, Tensor]]:
        owners = {p.untyped_storage().data_ptr(): p for p in self._parameters}
        pairs = {e: (owners.get(v.untyped_storage().data_ptr()), v) for e, v in logits.items()}
        return {e: (owner, view) for e, (owner, view) in pairs.items() if owner is not None}

    def _views(self) -> Iterator[tuple[str, Tensor]]:
        for edge, (_, view) in self._connections.items():
            yield _name("connection", edge), view
        for edge, (_, view) in self._peers.items():
            yield _name("peer", edge), view

    def _weights(self) -> dict[Edge, float]:
        return {edge: _sigmoid(view) for edge, (_, view) in self._connections.items()}

    def _coefficients(self) -> dict[Edge, tuple[Peer, ...]]:
        return {edge: self._as_peers(edge, view) for edge, (_, view) in self._peers.items()}

    def _as_peers(self, edge: Edge, logits: Tensor) -> tuple[Peer, ...]:
        shape = self._network.plan.nodes[edge.target]
        assert isinstance(shape, BlockPlan)
        coefficients = logits.softmax(0).tolist()
        return tuple(Peer(n, c) for n, c in zip(shape.candidates, coefficients, strict=True))

    def _largest(self, owner: str, edge: Edge) -> float:
        return self._gradients[_name(owner, edge)].max().item()


def _name(owner: str, edge: Edge) -> str:
    return f"{owner}/{edge.source}->{edge.target}"


def _sigmoid(logit: Tensor) -> float:
    return logit.double().sigmoid().float().item()


def _row(
    step: int, epoch: int, kind: str, edge: Edge, peer: int | str, weight: float, logit: float
) -> dict[str, Any]:
    return {
        "step": step,
        "epoch": epoch,
        "kind": kind,
        "source": edge.source,
        "target": edge.target,
        "peer": peer,
        "weight": weight,
        "logit": logit,
    }
