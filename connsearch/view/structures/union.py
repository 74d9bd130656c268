"""What a picture of two structures shows: the nodes and lines of both, and how each one fares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from connsearch.graph.compare import Change, Differences
from connsearch.graph.dag import STEM_LEVEL
from connsearch.graph.plan import final_nodes
from connsearch.graph.spec import Block, Edge, Node, Stem, Structure, Weight
from connsearch.view.structures.facts import PEER_ONLY, clear_peers, nodes_by_role, strength
from connsearch.view.structures.palette import ADDED, CHANGED, KEPT, REMOVED, Ink
from connsearch.view.structures.scene import MANY_CONNECTIONS, MANY_NODES, MOST_LINES

State = Literal["kept", "changed", "removed", "added"]
INKS = {"kept": KEPT, "changed": CHANGED, "removed": REMOVED, "added": ADDED}


@dataclass(frozen=True, slots=True)
class UnionNode:
    """A node of A (``before``), B (``after``) or both, under their own numbers.

    ``roles`` say of A and of B whether it only gates connections, or is dead; else they are empty.
    """

    before: int | None
    after: int | None
    node: Node
    changes: tuple[Change, ...]
    roles: tuple[str, str] = ("", "")

    @property
    def state(self) -> State:
        """How it fares from A to B."""
        return _state(self.before, self.after, self.changes)

    @property
    def key(self) -> str:
        """Its name in the picture's source: the number in A, or ``b`` and the number in B."""
        return f"b{self.after}" if self.before is None else str(self.before)

    @property
    def label(self) -> str:
        """What people read: ``7``, ``7→5`` (another number in B), ``−7`` or ``+7``."""
        if self.before is None:
            return f"+{self.after}"
        if self.after is None:
            return f"−{self.before}"
        same = self.before == self.after
        return str(self.before) if same else f"{self.before}→{self.after}"

    @property
    def role(self) -> str:
        """What it only does, and in which of the two where not in both."""
        before, after = self.roles
        if before == after or None in (self.before, self.after):
            return before or after
        return ", ".join(
            f"{role} in {name}" for role, name in zip(self.roles, "AB", strict=True) if role
        )

    @property
    def ink(self) -> Ink:
        """Its colours."""
        return INKS[self.state]


@dataclass(frozen=True, slots=True)
class UnionLine:
    """A connection of A, B or both; ``weights`` are those in A and in B.

    ``gated`` says whether it has a temporal gate: in B, or in A where it is only there.
    """

    source: UnionNode
    target: UnionNode
    state: State
    weights: tuple[Weight, Weight]
    changes: tuple[Change, ...]
    gated: bool

    @property
    def strength(self) -> float:
        """How thick to draw it, in [0, 1]: what came, what went, or by how much it changed."""
        before, after = map(strength, self.weights)
        if self.state == "removed":
            return before
        return after if self.state == "added" else abs(after - before) * (self.state == "changed")


@dataclass(frozen=True, slots=True)
class UnionGate:
    """A peer link of a node that only gates: ``source`` gates inputs of ``target``."""

    source: UnionNode
    target: UnionNode
    state: State


@dataclass(frozen=True, slots=True)
class Union:
    """Both structures as one.

    Attributes:
        columns: (level, shown nodes) from the stems, level -1, to the last level.
        lines: the shown connections.
        gates: the peer links of nodes that only gate, in A, B or both.
        finals: shown nodes the head reads in A, B or both, and whether they came or went.
        compact: whether nodes are drawn small and only what differs is drawn of the lines.
        hidden: connections that are not shown.
    """

    differences: Differences
    columns: tuple[tuple[int, tuple[UnionNode, ...]], ...]
    lines: tuple[UnionLine, ...]
    gates: tuple[UnionGate, ...]
    finals: tuple[tuple[UnionNode, State], ...]
    compact: bool
    hidden: int

    def inputs(self, node: UnionNode) -> tuple[UnionLine, ...]:
        """The shown connections into a node."""
        return tuple(line for line in self.lines if line.target is node)


def unite(found: Differences) -> Union:
    """Returns what to draw of two compared structures, each valid in itself.

    Above 60 nodes or 200 connections only what differs is drawn, at most 400 lines, strongest
    first.
    """
    nodes = list(_nodes(found))
    everything = tuple(_lines(found, nodes))
    compact = len(nodes) > MANY_NODES or len(everything) > MANY_CONNECTIONS
    lines = everything
    if compact:
        told = [line for line in everything if line.state != "kept"]
        chosen = {id(line) for line in sorted(told, key=lambda x: -x.strength)[:MOST_LINES]}
        lines = tuple(line for line in told if id(line) in chosen)
        ends = {id(end) for line in lines for end in (line.source, line.target)}
        nodes = [n for n in nodes if id(n) in ends or n.state != "kept" or isinstance(n.node, Stem)]
    groups: dict[int, list[UnionNode]] = {}
    for node in nodes:
        level = node.node.level if isinstance(node.node, Block) else STEM_LEVEL
        groups.setdefault(level, []).append(node)
    return Union(
        differences=found,
        columns=tuple((level, tuple(groups[level])) for level in sorted(groups)),
        lines=lines,
        gates=tuple(_gates(found, nodes)),
        finals=tuple(_finals(found, nodes)),
        compact=compact,
        hidden=len(everything) - len(lines),
    )


def _nodes(found: Differences) -> Iterator[UnionNode]:
    to_b, to_a = found.matching.to_b, found.matching.to_a
    changes = {node.before: node.changes for node in found.nodes}
    in_a, in_b = _roles(found.a), _roles(found.b)
    for index, node in enumerate(found.a.nodes):
        there = to_b.get(index)
        roles = in_a.get(index, ""), "" if there is None else in_b.get(there, "")
        yield UnionNode(index, there, node, changes.get(index, ()), roles)
    for index, node in enumerate(found.b.nodes):
        if index not in to_a:
            yield UnionNode(None, index, node, (), ("", in_b.get(index, "")))


def _roles(structure: Structure) -> dict[int, str]:
    found = nodes_by_role(structure).items()
    return {node: role for role, nodes in found for node in nodes}


def _gates(found: Differences, nodes: list[UnionNode]) -> Iterator[UnionGate]:
    """The peer links out of nodes that only gate, each once, by target and source."""
    in_a = {node.before: node for node in nodes if node.before is not None}
    in_b = {node.after: node for node in nodes if node.after is not None}
    sides = [
        {
            (known[peer].key, known[target].key): (known[peer], known[target])
            for peer, target in _peer_links(structure)
            if peer in known and target in known
        }
        for structure, known in ((found.a, in_a), (found.b, in_b))
    ]
    for pair, (source, target) in sorted({**sides[0], **sides[1]}.items()):
        before, after = (pair in side for side in sides)
        yield UnionGate(source, target, _state(before or None, after or None, ()))


def _peer_links(structure: Structure) -> Iterator[tuple[int, int]]:
    """The nodes that only gate, with the blocks whose inputs they clearly gate."""
    only = set(nodes_by_role(structure).get(PEER_ONLY, ()))
    for edge, connection in structure.connections():
        for peer in clear_peers(connection, structure.network.attention):
            if peer.node in only:
                yield peer.node, edge.target


def _lines(found: Differences, nodes: list[UnionNode]) -> Iterator[UnionLine]:
    in_a = {node.before: node for node in nodes if node.before is not None}
    in_b = {node.after: node for node in nodes if node.after is not None}
    differing = {edge.before: edge for edge in found.connections}
    to_b, after = found.matching.to_b, found.b.weights()
    gates_b = {edge for edge, connection in found.b.connections() if connection.gated}
    for edge, connection in found.a.connections():
        weight = connection.weight
        ends = in_a[edge.source], in_a[edge.target]
        other = differing.get(edge)
        if other is not None:
            state = _state(edge, other.after, (1,))
            gated = connection.gated if other.after is None else other.after in gates_b
            yield UnionLine(*ends, state, other.weights, other.changes, gated)
            continue
        there = Edge(to_b[edge.source], to_b[edge.target])
        yield UnionLine(*ends, "kept", (weight, after[there]), (), connection.gated)
    for other in found.connections_where("added"):
        assert other.after is not None
        ends = in_b[other.after.source], in_b[other.after.target]
        yield UnionLine(*ends, "added", other.weights, (), other.after in gates_b)


def _finals(found: Differences, nodes: list[UnionNode]) -> Iterator[tuple[UnionNode, State]]:
    finals_a, finals_b = set(final_nodes(found.a)), set(final_nodes(found.b))
    for node in nodes:
        before, after = node.before in finals_a, node.after in finals_b
        if before or after:
            yield node, _state(before or None, after or None, ())


def _state(before: object, after: object, changes: tuple[object, ...]) -> State:
    if before is None:
        return "added"
    return "removed" if after is None else "changed" if changes else "kept"
