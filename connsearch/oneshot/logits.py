"""Connection and peer logits over a run: first values, current values, and what moved them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor

from connsearch.graph.plan import BlockPlan
from connsearch.graph.spec import Edge, Peer
from connsearch.models.document import ModelDocument
from connsearch.models.structure import Network
from connsearch.runs.events import ConnectionsEvent, Event
from connsearch.runs.formats.tables import ConnectionRow, Row
from connsearch.runs.names import CONNECTIONS
from connsearch.runs.run import Run
from connsearch.training.hooks import Hook


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


class LogitWatch(Hook):
    """Follows the logits of a network that learn, and writes down what they have learned.

    Its tensors belong into every checkpoint: a resumed run must raise the same alarms.
    """

    name = "logits"
    tables: ClassVar[Mapping[str, type[Row]]] = {CONNECTIONS: ConnectionRow}

    def __init__(self, network: Network) -> None:
        self._network = network
        parameters = [*network.connection_parameters(), *network.peer_parameters()]
        self._now = [p.detach() for p in parameters]
        self._parameters = parameters
        self._first = [p.clone() for p in self._now]
        self._gradients = [torch.zeros_like(p) for p in self._now]
        # Logits that do not learn (fixed coefficients) look into no parameter and drop out.
        self._connections = self._places(network.connection_logits())
        self._peers = self._places(network.peer_logits())

    @property
    def learns(self) -> bool:
        """Whether there is anything to follow."""
        return bool(self._parameters)

    def observe(self) -> None:
        """Takes note of the gradients there are, before an optimiser uses them up."""
        for parameter, largest in zip(self._parameters, self._gradients, strict=True):
            if parameter.grad is not None:
                torch.maximum(largest, parameter.grad.abs(), out=largest)

    def event(self, step: int) -> ConnectionsEvent:
        """Returns the current values of everything that learns."""
        return ConnectionsEvent(step, self._weights(self._now), self._coefficients(self._now))

    def log(self, run: Run, step: int, epoch: int) -> Iterator[Event]:
        """Records and yields the current values of everything that learns, if anything does."""
        if self.learns:
            run.log(CONNECTIONS, *self.rows(step, epoch))
            yield self.event(step)

    def learned(self, document: ModelDocument) -> ModelDocument:
        """Returns the structure with the current weights and peer coefficients."""
        return ModelDocument.of(self._network.learned_structure())

    def rows(self, step: int, epoch: int) -> Iterator[dict[str, Any]]:
        """Yields one row of ``connections.csv`` for every logit that learns."""
        for edge, place in self._connections.items():
            logit = place.look(self._now)
            weight = _sigmoid(logit, self._temperature)
            yield _row(step, epoch, "connection", edge, "", weight, logit.item())
        for edge, peers in self._coefficients(self._now).items():
            logits = self._peers[edge].look(self._now).tolist()
            for peer, logit in zip(peers, logits, strict=True):
                yield _row(step, epoch, "peer", edge, peer.node, peer.coefficient, logit)

    def history(self) -> LogitHistory:
        """Returns first and last values and the largest gradients."""
        return LogitHistory(
            first=self._weights(self._first),
            last=self._weights(self._now),
            gradients=self._largest(self._connections),
            first_peers=self._coefficients(self._first),
            last_peers=self._coefficients(self._now),
            peer_gradients=self._largest(self._peers),
        )

    def tensors(self) -> dict[str, Tensor]:
        """Returns what a checkpoint has to hold."""
        return {
            f"{name}/{index}": tensor
            for name, store in (("first", self._first), ("gradient", self._gradients))
            for index, tensor in enumerate(store)
        }

    def restore(self, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        """Puts back what :meth:`tensors` gave."""
        for name, value in self.tensors().items():
            if tensors[name].shape != value.shape or tensors[name].dtype != value.dtype:
                raise ValueError(f"{name} is {list(tensors[name].shape)}, not {list(value.shape)}")
            value.copy_(tensors[name])

    def _places(self, logits: Mapping[Edge, Tensor]) -> dict[Edge, _Rows]:
        owners = {p.untyped_storage().data_ptr(): i for i, p in enumerate(self._now)}
        found = {e: owners.get(v.untyped_storage().data_ptr()) for e, v in logits.items()}
        return {
            edge: _Rows(owner, view.shape, view.stride(), int(view.storage_offset()))
            for edge, view in logits.items()
            if (owner := found[edge]) is not None
        }

    def _weights(self, store: Sequence[Tensor]) -> dict[Edge, float]:
        colder = self._temperature
        return {e: _sigmoid(place.look(store), colder) for e, place in self._connections.items()}

    @property
    def _temperature(self) -> float:
        return self._network.relaxation.temperature

    def _coefficients(self, store: Sequence[Tensor]) -> dict[Edge, tuple[Peer, ...]]:
        found: dict[Edge, tuple[Peer, ...]] = {}
        for edge, place in self._peers.items():
            shape = self._network.plan.nodes[edge.target]
            assert isinstance(shape, BlockPlan)
            coefficients = (place.look(store) / self._temperature).softmax(0).tolist()
            found[edge] = tuple(map(Peer, shape.candidates, coefficients))
        return found

    def _largest(self, places: Mapping[Edge, _Rows]) -> dict[Edge, float]:
        return {edge: place.look(self._gradients).max().item() for edge, place in places.items()}


@dataclass(frozen=True, slots=True)
class _Rows:
    """Where a connection's logits lie in the parameters of its node."""

    owner: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int

    def look(self, store: Sequence[Tensor]) -> Tensor:
        """Returns the same place in any list of tensors shaped like the parameters."""
        return store[self.owner].as_strided(self.shape, self.stride, self.offset)


def _sigmoid(logit: Tensor, temperature: float) -> float:
    return (logit.double() / temperature).sigmoid().float().item()


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
