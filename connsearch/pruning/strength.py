"""Wirings that may be left of a structure: how strong each is, and what it costs.

A wiring is a set of nodes and a set of connections between them. Every connection is gated by the
strongest of its peers among these nodes; it loses its gate where none of its peers is there. So
peers follow from the nodes: a node that would only gate is left out by leaving it out of the set.

A connection's strength is its share: its weight over the strongest weight of its block, in [0, 1].
Weights compare within a block only, because batch normalisation absorbs a factor common to all
inputs of a block. A connection that lost its gate counts half (docs/budgets.md says why).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from math import fsum
from typing import Any

from connsearch.graph.cost import cost
from connsearch.graph.plan import pin
from connsearch.graph.spec import Edge, Peer, Structure
from connsearch.pruning.closure import Closure, close, has_learned_peers
from connsearch.pruning.options import PruneOptions
from connsearch.pruning.pruner import Pruned, derived, prune, remaining
from connsearch.pruning.scores import learned_weights, scored_inputs, unweighted

UNGATED = 0.5
"""What a connection counts that has lost its gate."""


@dataclass(frozen=True, slots=True)
class Remainder:
    """What is alive of some nodes and connections.

    Attributes:
        nodes: in the numbering of the structure.
        edges: connections.
        strength: sum of the shares of the connections that a final node depends on.
        gating: sum over the same connections of share times coefficient of the peers left.
        spent: ``macs`` of a clip, ``params`` that learn, and ``connections``.
    """

    nodes: frozenset[int]
    edges: frozenset[Edge]
    strength: float
    gating: float
    spent: Mapping[str, int]

    @property
    def worth(self) -> tuple[float, float, int]:
        """By what the better of two within a budget is found: strength, gating, then MACs."""
        return self.strength, self.gating, self.spent["macs"]


@dataclass(slots=True)
class Remainders:
    """Every wiring that pruning can leave of a structure.

    Args:
        structure: with learned weights.
        options: mode, peers to keep, and what happens to nodes that only gate.
        num_classes: outputs of the classifier that is counted.
        clip: frames, height and width of the clip that is counted.
        scores: take the place of the learned weights.
    """

    structure: Structure
    options: PruneOptions
    num_classes: int
    clip: tuple[int, int, int]
    scores: Mapping[Edge, float] | None = None
    shares: dict[Edge, float] = field(init=False)
    whole: dict[str, int] = field(init=False)
    _pinned: Structure = field(init=False)
    _fixed: frozenset[Edge] = field(init=False)
    _chooses: bool = field(init=False)
    _peers: dict[Edge, tuple[Peer, ...]] = field(init=False)
    _asked: dict[tuple[frozenset[int], frozenset[Edge]], Remainder | None] = field(init=False)
    _known: dict[tuple[tuple[int, ...], frozenset[Edge]], Remainder] = field(init=False)

    def __post_init__(self) -> None:
        scores = learned_weights(self.structure) if self.scores is None else self.scores
        self.shares = shares(self.structure, scores)
        self.whole = self._count(self.structure)
        self._pinned = pin(self.structure)
        self._fixed = unweighted(self.structure)
        learned = has_learned_peers(self.structure)
        self._chooses = learned and self.options.peer_only == "reassign"
        self._peers = {edge: c.peers for edge, c in self.structure.connections()}
        self._asked, self._known = {}, {}

    def of(self, nodes: Collection[int], edges: Collection[Edge]) -> Remainder | None:
        """Returns what is alive of these; None where no final node is, or nothing can gate.

        Connections of coefficient 1 always stay, as in any pruning.
        """
        wanted = frozenset(nodes)
        keep = frozenset(e for e in edges if e.source in wanted and e.target in wanted)
        asked = wanted, keep
        if asked not in self._asked:
            closure = self._closed(wanted, keep)
            usable = closure.finals and not closure.starved
            self._asked[asked] = self._alive(closure) if usable else None
        return self._asked[asked]

    def _closed(self, wanted: frozenset[int], keep: frozenset[Edge]) -> Closure:
        """What is alive; a node that a connection of coefficient 1 brings back may gate, too."""
        gates = dict.fromkeys(self._peers, wanted) if self._chooses else None
        closure = close(
            self.structure, keep | self._fixed, peers_kept=self.options.peers, gates=gates
        )
        if self._chooses and not wanted.issuperset(closure.nodes):
            return self._closed(wanted.union(closure.nodes), keep)
        return closure

    def everything(self) -> Remainder:
        """Returns the wiring with every connection, and every node that is alive then."""
        found = self.of(range(len(self.structure)), self.structure.edges())
        assert found is not None, "a valid structure reaches its head"
        return found

    def pruned(self, wiring: Remainder, criterion: Mapping[str, Any]) -> Pruned:
        """Returns the pruning that leaves a wiring."""
        return prune(
            self.structure,
            wiring.edges,
            mode=self.options.mode,
            peers_kept=self.options.peers,
            gates=dict.fromkeys(self._peers, wiring.nodes) if self._chooses else None,
            criterion=criterion,
        )

    def _alive(self, closure: Closure) -> Remainder:
        name = closure.nodes, closure.edges
        if name not in self._known:
            rest = remaining(self._pinned, closure)
            rest = rest if self.options.mode == "pinned" else derived(rest)
            strength, gating = self._strength(closure)
            nodes = frozenset(closure.nodes)
            self._known[name] = Remainder(nodes, closure.edges, strength, gating, self._count(rest))
        return self._known[name]

    def _strength(self, closure: Closure) -> tuple[float, float]:
        into = {node: list[int]() for node in closure.nodes}
        for edge in closure.edges:
            into[edge.target].append(edge.source)
        heard, ahead = set(closure.finals), list(closure.finals)
        while ahead:
            new = [source for source in into[ahead.pop()] if source not in heard]
            heard.update(new)
            ahead.extend(new)
        ungated = frozenset(closure.ungated)
        counted = {e: self.shares[e] for e in closure.edges if e.target in heard}
        gating = (
            share * peer.coefficient
            for edge, share in counted.items()
            for peer in self._peers[edge]
            if any(peer.node == kept.node for kept in closure.peers.get(edge, ()))
        )
        strength = (s * (UNGATED if e in ungated else 1.0) for e, s in counted.items())
        return fsum(strength), fsum(gating)

    def _count(self, structure: Structure) -> dict[str, int]:
        found = cost(structure, num_classes=self.num_classes, clip=self.clip)
        edges = len(structure.edges())
        return {"macs": found.macs, "params": found.parameters, "connections": edges}


def shares(structure: Structure, scores: Mapping[Edge, float]) -> dict[Edge, float]:
    """Returns every connection's score as a share of the strongest of its block, in [0, 1].

    Connections of coefficient 1 have share 1. Where no score of a block is above 0, its strongest
    inputs have share 1, and the others less the further they are below.

    Raises:
        PruneError: connections without a score, or a score that is not a number; names them.
    """
    found = dict.fromkeys(structure.edges(), 1.0)
    for _, inputs in scored_inputs(structure, scores):
        top = max(inputs.values(), default=0.0)
        for edge, score in inputs.items():
            found[edge] = max(score, 0.0) / top if top > 0 else 1 / (1 + top - score)
    return found
