"""A structure fit for the streams a data set has: fewer stems, other object classes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from connsearch.errors import SettingsError
from connsearch.graph.gates import comparable
from connsearch.graph.spec import (
    FREE,
    Block,
    Connection,
    Modality,
    Node,
    Peer,
    Stem,
    Structure,
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
        asked = ", ".join(missing) or "none"
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


def fit_objects(structure: Structure, object_classes: int, *, data: str) -> Structure:
    """Returns the structure with as many object channels as the data has object classes.

    Args:
        structure: a valid structure.
        object_classes: of the data's object maps; 0: it has none.
        data: the data set's name, for the message.

    Raises:
        SettingsError: the structure reads object maps and the data has none.
    """
    if Modality.OBJECT not in structure.modalities():
        return structure
    if not object_classes:
        others = " ".join(m for m in structure.modalities() if m is not Modality.OBJECT)
        raise SettingsError(
            f"{structure.name} reads the object stream, but {data} has no object maps\n"
            f"  cure: --streams {others}, or data with object maps"
        )
    return structure.with_settings(object_classes=object_classes)


def _node(node: Node, new: Mapping[int, int], stems: Collection[int]) -> Node:
    if isinstance(node, Stem):
        return node
    kept = [
        replace(c, source=new[c.source], peers=_peers(c, new))
        for c in node.connections
        if c.source in new
    ]
    kept = kept or [Connection(stem) for stem in stems]
    if len(kept) == 1 and kept[0].weight == FREE:  # nothing to be weighed against
        kept = [replace(kept[0], weight=None)]
    return replace(node, connections=comparable(kept), pinned=None)


def _peers(connection: Connection, new: Mapping[int, int]) -> tuple[Peer, ...]:
    """The peers that stay, sharing what all of them had together."""
    stay = [peer for peer in connection.peers if peer.node in new]
    total = sum(peer.coefficient for peer in stay)
    if not total:
        return ()
    return tuple(Peer(new[peer.node], peer.coefficient / total) for peer in stay)
