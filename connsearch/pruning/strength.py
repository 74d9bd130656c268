"""Wirings that may be left of a structure: how strong each is, and what it costs.

A wiring is a set of nodes and a set of connections between them. Every connection is gated by the
strongest of its peers among these nodes; it loses its gate where none of its peers is there. So
peers follow from the nodes: a node that would only gate is left out by leaving it out of the set.

A wiring's strength is the part that is left of what the head hears. In the whole network a block
hears each of its inputs in proportion to its weight (weights compare within a block only, because
batch normalisation absorbs a factor common to all inputs of a block), and the head hears all final
nodes alike. So the whole network has strength 1, a path from a stem to the head the product of such
parts, and a wiring the sum over the paths that it keeps. A path counts half for each of its
connections that lost its gate (docs/budgets.md says why).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from math import fsum
from typing import Any

from connsearch.graph.cost import cost
from connsearch.graph.plan import final_nodes, pin
from connsearch.graph.spec import Block, Edge, Peer, Structure
from connsearch.pruning.closure import Closure, close, has_learned_peers
from connsearch.pruning.options import PruneOptions
from connsearch.pruning.pruner import Pruned, derived, prune, remaining
from connsearch.pruning.scores import learned_weights, scored_inputs, unweighted

UNGATED = 0.5
"""What a path counts for each of its connections that has lost its gate."""


@dataclass(frozen=True, slots=True)
class Remainder:
    """What is alive of some nodes and connections.

    Attributes:
        nodes: in the numbering of the structure.
        edges: connections.
        strength: part of what the head hears that is left, in [0, 1].
        gating: sum over the connections that a final node depends on of their part in what their
            block hears times the coefficient of the peers left.
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
    parts: dict[Edge, float] = field(init=False)
    flows: dict[Edge, float] = field(init=False)
    whole: dict[str, int] = field(init=False)
    _pinned: Structure = field(init=False)
    _fixed: frozenset[Edge] = field(init=False)
    _chooses: bool = field(init=False)
    _peers: dict[Edge, tuple[Peer, ...]] = field(init=False)
    _asked: dict[tuple[frozenset[int], frozenset[Edge]], Remainder | None] = field(init=False)
    _known: dict[tuple[tuple[int, ...], frozenset[Edge]], Remainder] = field(init=False)

    def __post_init__(self) -> None:
        scores = learned_weights(self.structure) if self.scores is None else self.scores
        self.parts = parts(self.structure, scores)
        self.flows = flows(self.structure, self.parts)
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

    def potential(self, nodes: Collection[int]) -> float:
        """Returns the strength that some nodes have with all connections between them."""
        return heard(self.structure, self.parts, nodes)

    def _strength(self, closure: Closure) -> tuple[float, float]:
        into = {node: list[int]() for node in closure.nodes}
        for edge in closure.edges:
            into[edge.target].append(edge.source)
        listened, ahead = set(closure.finals), list(closure.finals)
        while ahead:
            new = [source for source in into[ahead.pop()] if source not in listened]
            listened.update(new)
            ahead.extend(new)
        kept = {edge: self.parts[edge] for edge in closure.edges}
        gating = (
            part * peer.coefficient
            for edge, part in kept.items()
            if edge.target in listened
            for peer in self._peers[edge]
            if any(peer.node == left.node for left in closure.peers.get(edge, ()))
        )
        kept |= {edge: kept[edge] * UNGATED for edge in closure.ungated}
        return heard(self.structure, kept, closure.nodes), fsum(gating)

    def _count(self, structure: Structure) -> dict[str, int]:
        found = cost(structure, num_classes=self.num_classes, clip=self.clip)
        edges = len(structure.edges())
        return {"macs": found.macs, "params": found.parameters, "connections": edges}


def parts(structure: Structure, scores: Mapping[Edge, float]) -> dict[Edge, float]:
    """Returns every connection's part in what its block hears; those of a block sum to 1.

    It is its score over the sum of its block's. Connections of coefficient 1 have score 1 as a
    share of the block's strongest. Where no score of a block is above 0, its strongest inputs
    count 1, and the others less the further they are below.

    Raises:
        PruneError: connections without a score, or a score that is not a number; names them.
    """
    found = dict.fromkeys(structure.edges(), 1.0)
    for _, inputs in scored_inputs(structure, scores):
        top = max(inputs.values(), default=0.0)
        for edge, score in inputs.items():
            found[edge] = max(score, 0.0) / top if top > 0 else 1 / (1 + top - score)
    for index, block in structure.blocks():
        edges = [Edge(source, index) for source in block.inputs]
        total = fsum(found[edge] for edge in edges)
        found |= {edge: found[edge] / total for edge in edges}
    return found


def heard(structure: Structure, kept: Mapping[Edge, float], nodes: Collection[int]) -> float:
    """Returns the part of what the head hears that some connections between some nodes carry.

    Args:
        structure: the whole network.
        kept: connections, each with its part in what its block hears.
        nodes: those that are left; connections from or to others carry nothing.
    """
    reach = dict.fromkeys(range(len(structure)), 0.0)
    for index, node in enumerate(structure.nodes):
        if index not in nodes:
            continue
        if isinstance(node, Block):
            edges = (Edge(source, index) for source in node.inputs)
            reach[index] = fsum(kept.get(edge, 0.0) * reach[edge.source] for edge in edges)
        else:
            reach[index] = 1.0
    finals = final_nodes(structure)
    return fsum(reach[node] for node in finals) / len(finals)


def flows(structure: Structure, kept: Mapping[Edge, float]) -> dict[Edge, float]:
    """Returns for each connection the part of what the head hears that passes through it."""
    finals = final_nodes(structure)
    listened = [0.0] * len(structure)
    for node in finals:
        listened[node] = 1 / len(finals)
    found: dict[Edge, float] = {}
    for index, block in reversed([*structure.blocks()]):
        for source in block.inputs:
            edge = Edge(source, index)
            found[edge] = listened[index] * kept[edge]
            listened[source] += found[edge]
    return found
