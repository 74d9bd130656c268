"""What a structure document says of single nodes and connections, read into a reader's nodes.

Kinds, what follows a block, peers, temporal gates, pinned shapes. What the values must be is left
to :mod:`connsearch.graph.rules`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from connsearch.errors import Fault
from connsearch.graph.checks import is_a, show, unknown
from connsearch.graph.parse import StructureReader
from connsearch.graph.spec import Block, Connection, Peer, PinnedBlock, Post, Stem, Structure

LATER_PINS = ("input_temporal_stride",)
"""Pinned shapes that schema 2 has added."""

_PINNED_KEYS = ("stems", "blocks", "finals")
_BLOCK_KEYS = ("fused_width", "input_stride", "buckets", "attention_width", *LATER_PINS)
_EDGE = re.compile(r"(\d{1,9})->(\d{1,9})", re.ASCII)


def key_faults(where: str, found: Mapping[str, Any], known: Sequence[str]) -> Iterator[Fault]:
    """Yields a fault for each key that is not known."""
    for key in found:
        if key not in known:
            yield Fault("key-unknown", f"{where}: {unknown('key', key, known)}")


def as_object(reader: StructureReader, where: str, value: object) -> dict[str, Any]:
    """The value if it is an object; else nothing, and a fault."""
    if isinstance(value, Mapping):
        return {str(k): v for k, v in cast(Mapping[object, Any], value).items()}
    reader.fault("document", f"{where} is an object, not {show(value)}")
    return {}


def node_document(structure: Structure) -> dict[str, Any]:
    """Returns what a document says of single nodes and connections beside the published rows.

    Keys are ``kinds``, ``posts``, ``temporal_strides`` and ``gates``; what is empty is left out.
    """
    blocks = dict(structure.blocks())
    found: dict[str, Any] = {
        "kinds": {str(i): n.kind for i, n in enumerate(structure.nodes) if n.kind is not None},
        "posts": {str(i): b.post.value for i, b in blocks.items() if b.post is not Post.NONE},
        "temporal_strides": {
            str(i): b.temporal_stride for i, b in blocks.items() if b.temporal_stride != 1
        },
        "gates": [f"{e.source}->{e.target}" for e, c in structure.connections() if c.gated],
    }
    return {key: value for key, value in found.items() if value}


def read_nodes(reader: StructureReader, document: Mapping[str, Any]) -> None:
    """Reads what :func:`node_document` has written."""
    read_kinds(reader, document.get("kinds", {}))
    read_posts(reader, document.get("posts", {}))
    read_temporal_strides(reader, document.get("temporal_strides", {}))
    read_gates(reader, document.get("gates", []))


def read_kinds(reader: StructureReader, value: object) -> None:
    """The kinds of single nodes; whether there are such kinds is left to the rules."""
    for key, kind in as_object(reader, "kinds", value).items():
        index = reader.index(key)
        if index is None:
            problem = f"a kind for {show(key)}, which is not a node"
            reader.fault("kind-node", problem, cure='write for instance "5": "bottleneck"')
        elif not isinstance(kind, str):
            problem = f"kind {show(kind)} of node {index} is not a name"
            reader.fault("kind-form", problem, index, "omit the node to use the family's kind")
        elif index not in reader.unreadable:
            reader.nodes[index] = replace(reader.nodes[index], kind=kind)


def read_posts(reader: StructureReader, value: object) -> None:
    """Reads what follows single blocks."""

    def post(given: object) -> object:
        return Post(given) if isinstance(given, str) and given in list(Post) else given

    _read_of_blocks(reader, "posts", value, "post", post)


def read_temporal_strides(reader: StructureReader, value: object) -> None:
    """Reads the strides in time of single blocks."""
    _read_of_blocks(reader, "temporal_strides", value, "temporal_stride", lambda given: given)


def _read_of_blocks(
    reader: StructureReader,
    key: str,
    value: object,
    field: str,
    read: Callable[[object], object],
) -> None:
    for name, given in as_object(reader, key, value).items():
        index = reader.index(name)
        node = None if index is None else reader.nodes[index]
        if index is not None and index in reader.unreadable:
            continue
        if index is None or not isinstance(node, Block):
            problem = f"{key} of {show(name)}, which is not a block"
            reader.fault(
                f"{key.replace('_', '-')}-node", problem, index, "name a block by its number"
            )
        else:
            found: Any = {field: read(given)}
            reader.nodes[index] = replace(node, **found)


def read_peers(reader: StructureReader, value: object) -> None:
    """Reads the peers of connections."""
    by_target: dict[int, dict[int, tuple[Peer, ...]]] = {}
    for key, entry in as_object(reader, "peers", value).items():
        edge = _edge(reader, key)
        source, target = edge or (None, None)
        if source is None or target is None:
            problem = f"peers of {show(key)}, which is not a connection source->target"
            reader.fault("peers-edge", problem, cure='write for instance "0->8": [[2, 1.0]]')
        elif not isinstance(entry, list) or not all(
            isinstance(peer, list) and len(cast(list[Any], peer)) == 2
            for peer in cast(list[Any], entry)
        ):
            problem = f"peers {show(entry)} of {key} are not a list of [node, coefficient]"
            reader.fault("peers-form", problem, target, 'write for instance "0->8": [[2, 1.0]]')
        else:
            pairs = cast(list[tuple[Any, Any]], entry)
            by_target.setdefault(target, {})[source] = tuple(Peer(n, c) for n, c in pairs)
    for target, peers in by_target.items():
        node = reader.nodes[target]
        block = isinstance(node, Block)
        sources: tuple[object, ...] = node.inputs if block else ()
        inputs = {source for source in sources if is_a(source, int)}
        for source in peers:
            if source not in inputs and target not in reader.unreadable:
                problem = f"peers of connection {source}->{target}, which does not exist"
                reader.fault("peers-edge", problem, target, "name one of the node's inputs")
        if isinstance(node, Block):
            connections = tuple(_with_peers(c, peers) for c in node.connections)
            reader.nodes[target] = replace(node, connections=connections)


def _with_peers(connection: Connection, peers: dict[int, tuple[Peer, ...]]) -> Connection:
    """The connection with its peers, which are taken out: one of two equal inputs gets them."""
    source = connection.source
    if not is_a(source, int) or source not in peers:
        return connection
    return replace(connection, peers=peers.pop(source))


def read_gates(reader: StructureReader, value: object) -> None:
    """The connections that carry a temporal gate."""
    if not isinstance(value, list):
        problem = f"gates are a list of connections, not {show(value)}"
        reader.fault("gates-form", problem, cure='write for instance ["3->8"]')
        return
    for key in cast(list[object], value):
        edge = _edge(reader, key)
        if edge is None:
            problem = f"a gate of {show(key)}, which is not a connection source->target"
            if isinstance(key, str) and _EDGE.fullmatch(key):
                problem = f"a gate of {key}, but the nodes are 0 to {len(reader.nodes) - 1}"
            reader.fault("gates-edge", problem, cure='write for instance "3->8"')
            continue
        source, target = edge
        node = reader.nodes[target]
        if target in reader.unreadable:
            continue
        inputs = node.connections if isinstance(node, Block) else ()
        if not any(is_a(c.source, int) and c.source == source for c in inputs):
            problem = f"a gate of connection {source}->{target}, which does not exist"
            reader.fault("gates-edge", problem, target, "name one of the node's inputs")
            continue
        assert isinstance(node, Block)
        gated = tuple(replace(c, gated=True) if c.source == source else c for c in inputs)
        reader.nodes[target] = replace(node, connections=gated)


def _edge(reader: StructureReader, key: object) -> tuple[int, int] | None:
    """The nodes that a text such as ``3->8`` names, or None."""
    match = _EDGE.fullmatch(key) if isinstance(key, str) else None
    source, target = (reader.index(n) for n in match.groups()) if match else (None, None)
    return None if source is None or target is None else (source, target)


def read_pinned(reader: StructureReader, value: object) -> tuple[int, ...] | None:
    """Reads the shapes pinned on nodes; returns the pinned final nodes, or None: derive them."""
    pinned = as_object(reader, "pinned", value)
    reader.faults += key_faults("pinned", pinned, _PINNED_KEYS)
    for key, width in as_object(reader, "pinned.stems", pinned.get("stems", {})).items():
        index = reader.index(key)
        node = None if index is None else reader.nodes[index]
        if index is None or not isinstance(node, Stem):
            reader.fault("pinned-node", f"pinned width of {show(key)}, which is not a stem", index)
        elif index not in reader.unreadable:
            reader.nodes[index] = replace(node, width=width)
    for key, entry in as_object(reader, "pinned.blocks", pinned.get("blocks", {})).items():
        index = reader.index(key)
        node = None if index is None else reader.nodes[index]
        if index is None or not isinstance(node, Block):
            if index not in reader.unreadable:
                reader.fault(
                    "pinned-node", f"pinned shapes of {show(key)}, which is not a block", index
                )
        else:
            reader.nodes[index] = replace(node, pinned=_read_pinned_block(reader, index, entry))
    finals = pinned.get("finals")
    return tuple(cast(list[Any], finals)) if isinstance(finals, list) else finals


def _read_pinned_block(reader: StructureReader, index: int, value: object) -> PinnedBlock | None:
    entry = as_object(reader, f"pinned.blocks.{index}", value)
    reader.faults += key_faults(f"pinned.blocks.{index}", entry, _BLOCK_KEYS)
    missing = [key for key in _BLOCK_KEYS[:3] if key not in entry]
    if missing:
        reader.fault("key-missing", f"pinned shapes without {', '.join(missing)}", index)
        return None
    buckets = entry["buckets"]
    if isinstance(buckets, list):
        members = cast(list[Any], buckets)
        buckets = tuple(tuple(b) if isinstance(b, list) else b for b in members)
    return PinnedBlock(
        entry["fused_width"],
        entry["input_stride"],
        buckets,
        entry.get("attention_width"),
        entry.get("input_temporal_stride", 1),
    )
