"""What can be told about a structure at a glance: strengths, streams, what is dead, clear peers."""

from __future__ import annotations

from connsearch.graph.dag import dangling_nodes, live_nodes
from connsearch.graph.spec import (
    Attention,
    Connection,
    Modality,
    Peer,
    Stem,
    Structure,
    Weight,
    as_number,
)


def strength(weight: Weight) -> float:
    """Returns a weight as a number in [0, 1]: undecided is 0.5, no learned weight is 1."""
    return min(max(as_number(weight), 0.0), 1.0)


def stream_shares(structure: Structure) -> dict[int, dict[Modality, float]]:
    """Returns per node the part of its input that comes from each stream, by connection weight.

    A stem is all its own stream; a block mixes the shares of its inputs in proportion to their
    weights. Streams with no part are left out; a block without inputs has none.
    """
    shares: dict[int, dict[Modality, float]] = {}
    for index, node in enumerate(structure.nodes):
        if isinstance(node, Stem):
            shares[index] = {node.modality: 1.0}
            continue
        mixed = dict.fromkeys(Modality, 0.0)
        for connection in node.connections:
            for modality, part in shares[connection.source].items():
                mixed[modality] += strength(connection.weight) * part
        total = sum(mixed.values())
        shares[index] = {m: part / total for m, part in mixed.items() if part > 0} if total else {}
    return shares


def dead_nodes(structure: Structure) -> frozenset[int]:
    """Returns the nodes that cannot change the output.

    Those that reach no final node over connections and active peer links, blocks without
    inputs, and blocks fed only by such blocks.
    """
    starved: set[int] = set()
    for index, block in structure.blocks():
        if all(source in starved for source in block.inputs):
            starved.add(index)
    return frozenset(set(range(len(structure))) - live_nodes(structure) | starved)


PEER_ONLY, DEAD = "peer only", "dead"
"""Roles of nodes: they only gate connections, or cannot change the output."""


def nodes_by_role(structure: Structure) -> dict[str, list[int]]:
    """Returns the nodes that are only looked at by others, and those that are dead.

    A role that no node has is left out.
    """
    dead = dead_nodes(structure)
    found = {PEER_ONLY: sorted(dangling_nodes(structure) - dead), DEAD: sorted(dead)}
    return {role: nodes for role, nodes in found.items() if nodes}


def clear_peers(connection: Connection, attention: Attention) -> tuple[Peer, ...]:
    """Returns the peers worth showing: all chosen ones, or the clear favourite of a soft choice.

    A soft favourite is clear with at least twice the even share; 0.75 is enough between two.

    >>> soft = Connection(0, 0.9, (Peer(0, 0.2), Peer(1, 0.5), Peer(2, 0.2), Peer(3, 0.1)))
    >>> clear_peers(soft, Attention.PEER)
    (Peer(node=1, coefficient=0.5),)
    """
    ranked = tuple(sorted(connection.peers, key=lambda p: (-p.coefficient, p.node)))
    if not ranked or attention not in (Attention.PEER, Attention.FIXED):
        return ()
    if attention is Attention.FIXED or len(ranked) == 1:
        return tuple(p for p in ranked if p.coefficient > 0)
    return ranked[:1] if ranked[0].coefficient >= min(2 / len(ranked), 0.75) else ()
