"""What a keep-set leaves alive: dead branches go both ways, over connections and peer links.

A block is *fed* when a stem reaches it over kept connections. A node is *needed* when it is final
or feeds, or gates as a peer, a needed block (``graph.dag.live_nodes``). What is not both is dead.
Every link leads from a lower to a higher node, so one pass forwards and one pass backwards reach
the fixed point: dropping a node that is not needed removes no input of a needed one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from connsearch.errors import PruneError
from connsearch.graph.candidates import CandidatePeers
from connsearch.graph.dag import ancestors, live_nodes
from connsearch.graph.gates import comparable
from connsearch.graph.plan import final_nodes
from connsearch.graph.spec import Attention, Block, Connection, Edge, Peer, Structure
from connsearch.pruning.scores import name_edges


@dataclass(frozen=True, slots=True)
class Closure:
    """What stays, in the numbering of the structure it was taken from.

    Attributes:
        nodes: nodes that are fed and needed, ascending.
        edges: connections between them.
        finals: nodes the head reads, in its order; empty when none is fed.
        peers: the chosen peers of every connection that has any, coefficients summing to 1.
        starved: connections all of whose peers are dead: nothing is left to gate them.
        ungated: connections that no peer gates any more because a wish leaves them no live one.
        opened: connections that lose their temporal gate because all inputs left to their block
            have one.
    """

    nodes: tuple[int, ...]
    edges: frozenset[Edge]
    finals: tuple[int, ...]
    peers: Mapping[Edge, tuple[Peer, ...]]
    starved: tuple[Edge, ...] = ()
    ungated: tuple[Edge, ...] = ()
    opened: tuple[Edge, ...] = ()


Gates = Mapping[Edge, Collection[int]]
"""The only nodes that may gate a connection; one that is absent may be gated by all its peers."""


def close(
    structure: Structure,
    keep: Collection[Edge],
    *,
    peers_kept: int = 1,
    gates: Gates | None = None,
) -> Closure:
    """Returns what is alive when only the connections in ``keep`` remain.

    Of the peers of a connection the ``peers_kept`` strongest that are fed, and that ``gates``
    allows it, stay. Where ``gates`` leaves none, the connection stays without a gate.

    Raises:
        PruneError: some connections have learned peers and others have none.
    """
    fed = fed_nodes(structure, keep)
    rest = _without(structure, frozenset(keep), fed)
    learned = has_learned_peers(structure)
    wishes: Gates = gates or {}
    if learned:
        rest = rest.with_settings(attention=Attention.FIXED).with_peers(
            live_peers(rest, fed, peers_kept, wishes)
        )
    needed = live_nodes(rest) & fed
    kept = {edge: c for edge, c in rest.connections() if edge.target in needed}
    gated = {e for e, c in structure.connections() if c.peers} if learned else set[Edge]()
    lost = [edge for edge, c in kept.items() if edge in gated and not c.peers]
    return Closure(
        nodes=tuple(sorted(needed)),
        edges=frozenset(kept),
        finals=final_nodes(rest),
        peers={edge: c.peers for edge, c in kept.items() if edge in gated and c.peers},
        starved=tuple(edge for edge in lost if edge not in wishes),
        ungated=tuple(edge for edge in lost if edge in wishes),
        opened=tuple(edge for edge in _opened(rest) if edge in kept),
    )


def feeding_gates(structure: Structure, keep: Collection[Edge]) -> Gates:
    """Returns what may gate each connection once nothing is kept only as a peer.

    Connections are gated by nodes that a final node depends on over connections in ``keep``. A node
    that is kept only as a peer stays, with what feeds it, if it is the strongest live peer of a
    connection that names no other node that stays. Connections that have no live peer are absent.
    """
    if not has_learned_peers(structure):
        return {}
    fed = fed_nodes(structure, keep)
    rest = _without(structure, frozenset(keep), fed)
    stay = ancestors(rest, final_nodes(rest)) & fed
    named = {edge: [p for p in c.peers if p.node in fed] for edge, c in rest.connections()}
    while True:
        lost = [
            edge
            for edge, peers in named.items()
            if edge.target in stay and peers and not any(peer.node in stay for peer in peers)
        ]
        if not lost:
            return {edge: frozenset(stay) for edge, peers in named.items() if peers}
        strongest = max(named[lost[0]], key=lambda peer: peer.coefficient)
        stay |= ancestors(rest, [strongest.node]) & fed


def has_learned_peers(structure: Structure) -> bool:
    """Returns whether connections name the peers that gate them.

    In mode ``peer`` before any search they do not: every lower node gates every connection.

    Raises:
        PruneError: in mode ``peer`` some connections name peers and others do not.
    """
    mode = structure.network.attention
    if mode is not Attention.PEER:
        return mode is Attention.FIXED
    without = [edge for edge, connection in structure.connections() if not connection.peers]
    if without and len(without) < len(structure.edges()):
        raise PruneError(
            f"{structure.name}: {len(without)} connections name no peers while others do: "
            f"{name_edges(without)}\n"
            "  allowed: in attention mode peer, learned peers for all connections or for none\n"
            "  cure: prune the structure a search wrote, or remove all its peers"
        )
    return not without


def fed_nodes(structure: Structure, keep: Collection[Edge]) -> set[int]:
    """Returns the stems and every block that a stem reaches over the kept connections."""
    kept = frozenset(keep)
    fed = {index for index, _ in structure.stems()}
    for index, block in structure.blocks():
        if any(s in fed and Edge(s, index) in kept for s in block.inputs):
            fed.add(index)
    return fed


def live_peers(
    structure: Structure, fed: Collection[int], peers_kept: int, gates: Gates
) -> dict[Edge, tuple[Peer, ...]]:
    """Returns the strongest fed peers that each connection may have, coefficients summing to 1.

    They stand in the order of the block's candidates, in which the network adds them; of equally
    strong ones the first wins. One peer has coefficient 1; where none is left out, coefficients
    stay as they are. A connection that names no peers, or only dead ones, has none.
    """
    place = CandidatePeers(structure).place
    chosen: dict[Edge, tuple[Peer, ...]] = {}
    for edge, connection in structure.connections():
        allowed = gates.get(edge, fed)
        alive = [p for p in connection.peers if p.node in fed and p.node in allowed]
        alive.sort(key=lambda peer: place(peer.node))
        strongest = sorted(alive, key=lambda peer: -peer.coefficient)[:peers_kept]
        kept = [p for p in alive if p in strongest and p.coefficient > 0] or strongest[:1]
        gating = sum(p.coefficient > 0 for p in connection.peers)
        chosen[edge] = tuple(kept) if 1 < len(kept) == gating else _renormalised(kept)
    return chosen


def _opened(structure: Structure) -> Iterator[Edge]:
    """Connections with a temporal gate that has nothing to compare with."""
    for index, block in structure.blocks():
        for before, after in zip(block.connections, comparable(block.connections), strict=True):
            if before.gated and not after.gated:
                yield Edge(before.source, index)


def _renormalised(peers: list[Peer]) -> tuple[Peer, ...]:
    if len(peers) == 1:
        return (Peer(peers[0].node, 1.0),)
    total = sum(peer.coefficient for peer in peers)
    return tuple(Peer(peer.node, peer.coefficient / total) for peer in peers)


def _without(structure: Structure, keep: frozenset[Edge], fed: Collection[int]) -> Structure:
    """The structure without the connections that are not kept or come from an unfed node."""

    def stays(index: int, connection: Connection) -> bool:
        return connection.source in fed and Edge(connection.source, index) in keep

    nodes = tuple(
        replace(node, connections=tuple(c for c in node.connections if stays(index, c)))
        if isinstance(node, Block)
        else node
        for index, node in enumerate(structure.nodes)
    )
    finals = tuple(node for node in final_nodes(structure) if node in fed)
    return replace(structure, nodes=nodes, finals=finals)
