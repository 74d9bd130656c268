"""A structure for fewer streams: the same blocks without the stems nobody can feed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from connsearch.errors import SettingsError
from connsearch.graph.spec import (
    FREE,
    Block,
    Connection,
    Modality,
    Node,
    Peer,
    Stem,
    Structure,
    Weight,
)


def keep_streams(structure: Structure, streams: Collection[Modality]) -> Structure:
    """Returns the structure with only the stems that read these streams, renumbered.

    Connections and peer links of the other stems go with them; a block that loses all its inputs
    takes every stem that stays. Shapes pinned on blocks belong to the old wiring and are dropped.

    Args:
        structure: a valid structure.
        streams: what to keep; each must be read by a stem.

    Raises:
        SettingsError: no stream, or one that no stem of the structure reads.

    >>> from connsearch.graph.files import load_structure
    >>> keep_streams(load_structure("starter"), [Modality.RGB]).modalities()
    (<Modality.RGB: 'rgb'>,)
    """
    read = structure.modalities()
    missing = [stream for stream in streams if stream not in read]
    if missing or not streams:
        asked = ", ".join(missing) or "none at all"
        raise SettingsError(
            f"{structure.name}: asked for the streams {asked}; its stems read {', '.join(read)}"
        )
    if set(streams) >= set(read):
        return structure
    kept = [
        index
        for index, node in enumerate(structure.nodes)
        if isinstance(node, Block) or node.modality in streams
    ]
    new = {old: index for index, old in enumerate(kept)}
    stems = [new[index] for index, _ in structure.stems() if index in new]
    nodes: list[Node] = [_node(structure.nodes[old], new, stems) for old in kept]
    finals = structure.finals
    if finals is not None:
        finals = tuple(new[final] for final in finals)
    return replace(structure, nodes=tuple(nodes), finals=finals)


def _node(node: Node, new: Mapping[int, int], stems: Collection[int]) -> Node:
    if isinstance(node, Stem):
        return node
    kept = [c for c in node.connections if c.source in new]
    sources = [new[c.source] for c in kept] or list(stems)
    weights = [c.weight for c in kept] or [FREE for _ in stems]
    peers = [_peers(c, new) for c in kept] or [() for _ in stems]
    if len(sources) == 1:
        weights = [_single(weights[0])]
    connections = tuple(map(Connection, sources, weights, peers))
    return replace(node, connections=connections, pinned=None)


def _single(weight: Weight) -> Weight:
    """A single input has nothing to be weighed against: coefficient 1 unless it has learned one."""
    return None if weight == FREE else weight


def _peers(connection: Connection, new: Mapping[int, int]) -> tuple[Peer, ...]:
    """The peers that stay, sharing what all of them had together."""
    stay = [peer for peer in connection.peers if peer.node in new]
    total = sum(peer.coefficient for peer in stay)
    if not total:
        return ()
    return tuple(Peer(new[peer.node], peer.coefficient / total) for peer in stay)
