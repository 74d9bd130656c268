"""What a picture of a structure shows, before any layout: columns, lines, colours, notes.

Everything a reader is told is decided here; ``draw`` only puts it on paper.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from connsearch.errors import SettingsError
from connsearch.graph.dag import by_level, dangling_nodes
from connsearch.graph.gates import connection_gate_name
from connsearch.graph.matching import numbers_before
from connsearch.graph.plan import BlockPlan, StemPlan, final_nodes, plan
from connsearch.graph.spec import (
    Attention,
    Edge,
    Modality,
    Peer,
    Structure,
    Weight,
)
from connsearch.view.structures.facts import clear_peers, dead_nodes, stream_shares, strength
from connsearch.view.structures.palette import DEAD, MIXED, PEER, STREAMS

MANY_NODES = 60
MANY_CONNECTIONS = 200
MOST_LINES = 400
"""Above either of the first two only connections at or above the threshold are drawn: the third
says how many at most."""


@dataclass(frozen=True, slots=True)
class Line:
    """A drawn connection.

    Attributes:
        edge: source and target.
        weight: post-sigmoid in [0, 1], ``"free"``, or None (coefficient 1).
        colour: of the only stream it carries, grey for several, red when dead.
        below: whether it lies below the threshold, drawn dashed.
        peers: the peers worth showing, strongest first.
        gated: whether it has a temporal gate.
        open_rate: share of clips for which its gate is open; None: it has none, or it is unknown.
        opened: whether pruning has taken its gate, so that it always adds.
    """

    edge: Edge
    weight: Weight
    colour: str
    below: bool
    dead: bool
    peers: tuple[Peer, ...] = ()
    gated: bool = False
    open_rate: float | None = None
    opened: bool = False

    @property
    def strength(self) -> float:
        """How thick to draw it, in [0, 1]: undecided is 0.5, no learned weight is 1."""
        return strength(self.weight)


@dataclass(frozen=True, slots=True)
class Gate:
    """A drawn peer link: ``node`` gates the inputs ``gated`` of ``target``.

    The coefficient is the largest of them.
    """

    node: int
    target: int
    coefficient: float
    gated: tuple[int, ...]
    dead: bool

    @property
    def colour(self) -> str:
        """Red when what it gates is dead."""
        return DEAD.line if self.dead else PEER.line


@dataclass(frozen=True, slots=True)
class Scene:
    """A structure ready to be laid out.

    Attributes:
        columns: (level, shown nodes) from the stems, level -1, to the last level.
        lines: the drawn connections, in node order, then source order.
        gates: the drawn peer links.
        finals: the shown nodes the head reads.
        dead: nodes that cannot change the output.
        peer_only: live nodes that no connection leads on from.
        shares: per node, what part of it comes from each stream, by weight.
        widths: output channels per node; empty if a block without inputs leaves them undefined.
        compact: whether nodes are drawn small, without their list of inputs.
        notes: what the picture leaves out, in sentences.
        open_rates: shares of clips for which temporal gates are open, by their names.
        paces: strides in time relative to the clip, of the nodes that do not have all frames.
        before: numbers of the nodes before pruning; empty: it was not pruned.
        after: numbers of the nodes after pruning, where they are drawn under those before it.
        gone: nodes whose place stays empty.
        beside: the picture it stands beside: what only that one shows keeps its place here.
        key: finished entries of the key, where both have the same; empty: its own.
    """

    structure: Structure
    threshold: float
    columns: tuple[tuple[int, tuple[int, ...]], ...]
    lines: tuple[Line, ...]
    gates: tuple[Gate, ...]
    finals: tuple[int, ...]
    dead: frozenset[int]
    peer_only: frozenset[int]
    shares: Mapping[int, Mapping[Modality, float]]
    widths: Mapping[int, int]
    compact: bool
    notes: tuple[str, ...]
    open_rates: Mapping[str, float] = field(default_factory=dict[str, float])
    paces: Mapping[int, int] = field(default_factory=dict[int, int])
    before: Mapping[int, int] = field(default_factory=dict[int, int])
    after: Mapping[int, int] = field(default_factory=dict[int, int])
    gone: frozenset[int] = frozenset()
    beside: Scene | None = None
    key: tuple[str, ...] = ()

    def inputs(self, node: int) -> tuple[Line, ...]:
        """The drawn connections into a node, sources ascending."""
        return tuple(line for line in self.lines if line.edge.target == node)

    @property
    def ghosts(self) -> tuple[Line, ...]:
        """Connections that only the picture beside it shows."""
        shown = {line.edge for line in self.lines}
        beside = () if self.beside is None else self.beside.lines
        return tuple(line for line in beside if line.edge not in shown)

    @property
    def ghost_gates(self) -> tuple[Gate, ...]:
        """Peer links that only the picture beside it shows."""
        shown = {(gate.node, gate.target) for gate in self.gates}
        beside = () if self.beside is None else self.beside.gates
        return tuple(gate for gate in beside if (gate.node, gate.target) not in shown)


def compose(
    structure: Structure,
    *,
    threshold: float = 0.5,
    scores: Mapping[Edge, float] | None = None,
    widths: Mapping[int, int] | None = None,
    open_rates: Mapping[str, float] | None = None,
) -> Scene:
    """Returns what to draw of a valid structure.

    Args:
        structure: the structure; blocks without inputs are tolerated and drawn dead.
        threshold: connections below it are dashed, in [0, 1].
        scores: numbers in [0, 1] to show in place of the structure's own weights.
        widths: output channels by node; None: as planned.
        open_rates: shares of clips for which temporal gates are open, by their names
            (``graph.gates``), as far as they are known.

    Raises:
        SettingsError: a threshold outside [0, 1], or a score for a connection that is not there.
    """
    if not 0.0 <= threshold <= 1.0:
        raise SettingsError(f"threshold: read {threshold}, allowed is 0 to 1")
    structure = _with_scores(structure, scores)
    dead = dead_nodes(structure)
    shares = stream_shares(structure)
    rates = dict(open_rates or {})
    shapes = _shapes(structure)
    everything = tuple(_lines(structure, threshold, shares, dead, rates))
    compact = len(structure) > MANY_NODES or len(everything) > MANY_CONNECTIONS
    lines = _strongest(everything) if compact else everything
    gates = _gates(lines, dead)
    nodes = _shown(structure, lines, gates) if compact else frozenset(range(len(structure)))
    columns = tuple(
        (level, tuple(n for n in members if n in nodes))
        for level, members in by_level(structure).items()
    )
    return Scene(
        structure=structure,
        threshold=threshold,
        columns=columns,
        lines=lines,
        gates=gates,
        finals=tuple(n for n in final_nodes(structure) if n in nodes),
        dead=dead,
        peer_only=frozenset(dangling_nodes(structure) - dead),
        shares=shares,
        widths={i: shape.width for i, shape in shapes.items()} if widths is None else widths,
        compact=compact,
        notes=tuple(_notes(structure, threshold, everything, lines, nodes)),
        open_rates=rates,
        paces={i: s.temporal_stride for i, s in shapes.items() if s.temporal_stride != 1},
        before=numbers_before(structure),
    )


def _with_scores(structure: Structure, scores: Mapping[Edge, float] | None) -> Structure:
    if scores is None:
        return structure
    known = set(structure.edges())
    strange = sorted(edge for edge in scores if edge not in known)
    if strange:
        source, target = strange[0]
        raise SettingsError(
            f"scores: {len(strange)} for connections that {structure.name} does not have, "
            f"the first is {source} -> {target}"
        )
    for edge, score in scores.items():
        if not math.isfinite(score):
            raise SettingsError(f"scores: read {score} for {edge.source} -> {edge.target}")
    return structure.with_weights({edge: float(score) for edge, score in scores.items()})


def _lines(
    structure: Structure,
    threshold: float,
    shares: Mapping[int, Mapping[Modality, float]],
    dead: frozenset[int],
    rates: Mapping[str, float],
) -> Iterator[Line]:
    for index, block in structure.blocks():
        for c in sorted(block.connections, key=lambda c: c.source):
            edge, gone = Edge(c.source, index), c.source in dead or index in dead
            streams = list(shares[c.source])
            colour = STREAMS[streams[0]].line if len(streams) == 1 else MIXED.line
            yield Line(
                edge=edge,
                weight=c.weight,
                colour=DEAD.line if gone else colour,
                below=strength(c.weight) < threshold,
                dead=gone,
                peers=clear_peers(c, structure.network.attention),
                gated=c.gated,
                open_rate=rates.get(connection_gate_name(Edge(c.source, index)))
                if c.gated
                else None,
            )


def _strongest(lines: Sequence[Line]) -> tuple[Line, ...]:
    """The lines at or above the threshold, the strongest ``MOST_LINES`` of them, order kept.

    Among equals every block gets its first before any gets its second.
    """
    kept = [line for line in lines if not line.below]
    seen: dict[int, int] = {}
    ranks: dict[Edge, tuple[float, int, int]] = {}
    for line in sorted(kept, key=lambda line: -line.strength):
        target = line.edge.target
        ranks[line.edge] = (-line.strength, seen.get(target, 0), target)
        seen[target] = seen.get(target, 0) + 1
    chosen = set(sorted(ranks, key=ranks.__getitem__)[:MOST_LINES])
    return tuple(line for line in kept if line.edge in chosen)


def _gates(lines: Sequence[Line], dead: frozenset[int]) -> tuple[Gate, ...]:
    """One gate per peer and target, over the connections that are not below the threshold."""
    found: dict[tuple[int, int], list[tuple[float, int]]] = {}
    for line in lines:
        if line.below:
            continue
        for peer in line.peers:
            pair = (peer.node, line.edge.target)
            found.setdefault(pair, []).append((peer.coefficient, line.edge.source))
    gates = [
        Gate(
            node,
            target,
            coefficient=max(gated)[0],
            gated=tuple(source for _, source in gated),
            dead=node in dead or target in dead,
        )
        for (node, target), gated in sorted(found.items())
    ]
    spare = max(MOST_LINES - len(lines), 0)
    ranked = sorted(gates, key=lambda g: (-g.coefficient, g.target, g.node))[:spare]
    return tuple(sorted(ranked, key=lambda g: (g.target, g.node)))


def _shown(structure: Structure, lines: Sequence[Line], gates: Sequence[Gate]) -> frozenset[int]:
    """Stems, final nodes and the ends of every drawn line."""
    nodes = {index for index, _ in structure.stems()} | set(final_nodes(structure))
    nodes.update(node for line in lines for node in line.edge)
    nodes.update(node for gate in gates for node in (gate.node, gate.target))
    return frozenset(nodes)


def _shapes(structure: Structure) -> dict[int, StemPlan | BlockPlan]:
    """The shapes of all nodes; none where a block without inputs leaves them open."""
    if any(not block.connections for _, block in structure.blocks()):
        return {}
    return dict(enumerate(plan(structure).nodes))


def _notes(
    structure: Structure,
    threshold: float,
    everything: Sequence[Line],
    lines: Sequence[Line],
    nodes: frozenset[int],
) -> Iterator[str]:
    below = sum(line.below for line in everything)
    if len(lines) < len(everything):
        hidden = len(everything) - len(lines)
        weaker = hidden - below
        why = f"{below} below {threshold:g}"
        why += f", {weaker} weaker than the {len(lines)} shown" if weaker else ""
        yield f"{hidden} of {len(everything)} connections are not drawn ({why})"
    if len(nodes) < len(structure):
        left_out = len(structure) - len(nodes)
        yield f"{left_out} of {len(structure)} nodes have no drawn connection and are left out"
    peers = {edge: connection.peers for edge, connection in structure.connections()}
    unclear = sum(not line.peers and len(peers[line.edge]) > 1 for line in lines if not line.below)
    if unclear and structure.network.attention is Attention.PEER:
        yield f"{unclear} connections attend to no node clearly (twice the even share or more)"
