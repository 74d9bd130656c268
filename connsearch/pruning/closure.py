"""What a keep-set leaves alive: dead branches go both ways, over connections and peer links.

A block is *fed* when a stem reaches it over kept connections. A node is *needed* when it is final
or feeds, or gates as a peer, a needed block (``graph.dag.live_nodes``). What is not both is dead.
Every link leads from a lower to a higher node, so one pass forwards and one pass backwards reach
the fixed point: dropping a node that is not needed removes no input of a needed one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from connsearch.errors import PruneError
from connsearch.graph.candidates import candidate_peers
from connsearch.graph.dag import levels, live_nodes
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
    """

    nodes: tuple[int, ...]
    edges: frozenset[Edge]
    finals: tuple[int, ...]
    peers: Mapping[Edge, tuple[Peer, ...]]
    starved: tuple[Edge, ...] = ()


def close(structure: Structure, keep: Collection[Edge], *, peers_kept: int = 1) -> Closure:
    """Returns what is alive when only the connections in ``keep`` remain.

    Of the peers of a connection the ``peers_kept`` strongest that are fed stay.

    Raises:
        PruneError: some connections have learned peers and others have none.
    """
    fed = fed_nodes(structure, keep)
    rest = _without(structure, frozenset(keep), fed)
    learned = has_learned_peers(structure)
    if learned:
        rest = rest.with_settings(attention=Attention.FIXED).with_peers(
            live_peers(rest, fed, peers_kept)
        )
    needed = live_nodes(rest) & fed
    kept = {edge: c for edge, c in rest.connections() if edge.target in needed}
    gated = {e for e, c in structure.connections() if c.peers} if learned else set[Edge]()
    return Closure(
        nodes=tuple(sorted(needed)),
        edges=frozenset(kept),
        finals=final_nodes(rest),
        peers={edge: c.peers for edge, c in kept.items() if edge in gated and c.peers},
        starved=tuple(edge for edge, c in kept.items() if edge in gated and not c.peers),
    )


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
    structure: Structure, fed: Collection[int], peers_kept: int
) -> dict[Edge, tuple[Peer, ...]]:
    """Returns the strongest fed peers of each connection, coefficients summing to 1.

    They stand in the order of the block's candidates, in which the network adds them; of equally
    strong ones the first wins. One peer has coefficient 1; where none is left out, coefficients
    stay as they are. A connection that names no peers, or only dead ones, has none.
    """
    order: dict[int, dict[int, int]] = {}
    level = levels(structure)
    chosen: dict[Edge, tuple[Peer, ...]] = {}
    for edge, connection in structure.connections():
        height = level[edge.target]
        if height not in order:
            candidates = candidate_peers(structure, edge.target)
            order[height] = {node: place for place, node in enumerate(candidates)}
        place = order[height]
        alive = sorted((p for p in connection.peers if p.node in fed), key=lambda p: place[p.node])
        strongest = sorted(alive, key=lambda peer: -peer.coefficient)[:peers_kept]
        kept = [p for p in alive if p in strongest and p.coefficient > 0] or strongest[:1]
        gating = sum(p.coefficient > 0 for p in connection.peers)
        chosen[edge] = tuple(kept) if 1 < len(kept) == gating else _renormalised(kept)
    return chosen


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
