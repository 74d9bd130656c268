"""The JSON document of a structure <-> Structure: keys, schema version, peers, pinned shapes.

What the rows and weight lists in it mean is known to :mod:`connsearch.graph.parse`; what the
values must be, to :mod:`connsearch.graph.rules`; files, to :mod:`connsearch.graph.files`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any, cast

from connsearch.errors import Fault, StructureError
from connsearch.graph.checks import is_a, show, unknown
from connsearch.graph.parse import StructureReader, connection_weights, default_settings, rows
from connsearch.graph.spec import (
    SCHEMA,
    Attention,
    Block,
    Connection,
    NetworkSettings,
    Peer,
    PinnedBlock,
    Stem,
    Structure,
)

KIND = "structure"
"""The only allowed value of ``"kind"`` at the top of a structure document."""

KEYS = (
    "schema",
    "name",
    "family",
    "nodes",
    "kinds",
    "network",
    "connection_weights",
    "peers",
    "pinned",
    "provenance",
)
"""The keys of a structure document, in the order they are written."""

_DEEPEST = 50
_PINNED_KEYS = ("stems", "blocks", "finals")
_BLOCK_KEYS = ("fused_width", "input_stride", "buckets", "attention_width")


def to_json(structure: Structure) -> dict[str, Any]:
    """Returns the structure as plain JSON values; what is empty or derived is left out."""
    settings = {
        k: list(v) if isinstance(v, tuple) else v for k, v in asdict(structure.network).items()
    }
    peers = {
        f"{edge.source}->{edge.target}": [[p.node, p.coefficient] for p in connection.peers]
        for edge, connection in structure.connections()
        if connection.peers
    }
    document = {
        "schema": SCHEMA,
        "name": structure.name,
        "family": structure.family,
        "nodes": rows(structure),
        "kinds": {str(i): n.kind for i, n in enumerate(structure.nodes) if n.kind is not None},
        "network": {**settings, "attention": structure.network.attention.value},
        "connection_weights": connection_weights(structure),
        "peers": peers,
        "pinned": _pinned_document(structure),
        "provenance": dict(structure.provenance),
    }
    optional = ("kinds", "connection_weights", "peers", "pinned", "provenance")
    return {key: value for key, value in document.items() if value or key not in optional}


def from_json(data: object, *, name: str = "structure") -> Structure:
    """Returns the structure a JSON document describes; ``name`` is for one that has none.

    Raises:
        StructureError: something is missing, unknown, of a newer schema or breaks a rule.
    """
    if not isinstance(data, Mapping):
        message = f"a structure is a JSON object, not {show(data)}"
        raise StructureError(name, [Fault("document", message)])
    document = {str(k): v for k, v in cast(Mapping[object, Any], data).items()}
    found = [*_model_faults(document), *_schema_faults(document)]
    if any(fault.rule in ("model-kind", "schema-newer") for fault in found):
        raise StructureError(name, found)  # the meaning of its keys is unknown
    document.pop("kind", None)
    found += _key_faults("document", document, KEYS)
    if "family" not in document:
        found.append(Fault("key-missing", "no family", cure='add "family": "assemblenet"'))
    found += _provenance_faults(document.get("provenance", {}))
    if "nodes" not in document:
        raise StructureError(name, [*found, Fault("key-missing", "no nodes")])
    reader = StructureReader.of(document["nodes"], document.get("connection_weights"))
    reader.faults += found
    _read_kinds(reader, document.get("kinds", {}))
    _read_peers(reader, document.get("peers", {}))
    finals = _read_pinned(reader, document.get("pinned", {}))
    family = document.get("family", "assemblenet")
    return reader.finish(
        name=document.get("name", name),
        family=family,
        network=_read_settings(reader, family, document.get("network", {})),
        finals=finals,
        provenance=document.get("provenance", {}),
    )


def _model_faults(document: Mapping[str, Any]) -> Iterator[Fault]:
    """The optional kind of model must be that of a structure."""
    if document.get("kind", KIND) != KIND:
        message = f"a document of the kind of model {show(document['kind'])}, not {KIND!r}"
        cure = f'only "kind": "{KIND}" is a structure; `connsearch models` lists the other models'
        yield Fault("model-kind", message, cure=cure)


def _schema_faults(document: Mapping[str, Any]) -> Iterator[Fault]:
    schema = document.get("schema")
    if "schema" not in document:
        yield Fault("schema", "no schema version", cure=f'add "schema": {SCHEMA}')
    elif not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        message = f"schema {show(schema)} is not a version; this program writes {SCHEMA}"
        yield Fault("schema", message, cure=f'write "schema": {SCHEMA}')
    elif schema > SCHEMA:
        message = f"schema {show(schema)} is newer than {SCHEMA}, the newest this program reads"
        yield Fault(
            "schema-newer", message, cure="update connsearch, or write the file with this one"
        )


def _key_faults(where: str, found: Mapping[str, Any], known: Sequence[str]) -> Iterator[Fault]:
    for key in found:
        if key not in known:
            yield Fault("key-unknown", f"{where}: {unknown('key', key, known)}")


def _provenance_faults(provenance: object) -> Iterator[Fault]:
    if not isinstance(provenance, Mapping):
        yield Fault("provenance", f"provenance is an object, not {show(provenance)}")
    elif _is_deep(cast(object, provenance)):
        message = f"provenance is nested more than {_DEEPEST} deep"
        yield Fault("nesting", message, cure="store only a few plain facts")


def _is_deep(value: object) -> bool:
    """Whether lists and objects are nested more than ``_DEEPEST`` deep."""
    layer: list[Any] = [value]
    for _ in range(_DEEPEST):
        inner: list[Any] = []
        for item in layer:
            if isinstance(item, Mapping):
                inner += cast(Mapping[Any, Any], item).values()
            elif isinstance(item, list | tuple):
                inner += cast(Sequence[Any], item)
        layer = inner
    return bool(layer)


def _as_object(reader: StructureReader, where: str, value: object) -> dict[str, Any]:
    """The value if it is an object; else nothing, and a fault."""
    if isinstance(value, Mapping):
        return {str(k): v for k, v in cast(Mapping[object, Any], value).items()}
    reader.fault("document", f"{where} is an object, not {show(value)}")
    return {}


def _read_settings(reader: StructureReader, family: object, value: object) -> NetworkSettings:
    """The family's settings with the file's over them; wrong values are left to the rules."""
    given = _as_object(reader, "network", value)
    known = [field.name for field in fields(NetworkSettings)]
    reader.faults += _key_faults("network", given, known)
    settings: dict[str, Any] = {}
    for key in known:
        if key in given:
            read = given[key]
            if key == "attention" and isinstance(read, str) and read in list(Attention):
                read = Attention(read)
            settings[key] = tuple(read) if isinstance(read, list) else read
    return replace(default_settings(family), **settings)


def _read_kinds(reader: StructureReader, value: object) -> None:
    """The kinds of single nodes; whether there are such kinds is left to the rules."""
    for key, kind in _as_object(reader, "kinds", value).items():
        index = reader.index(key)
        if index is None:
            problem = f"a kind for {show(key)}, which is not a node"
            reader.fault("kind-node", problem, cure='write for instance "5": "bottleneck"')
        elif not isinstance(kind, str):
            problem = f"kind {show(kind)} of node {index} is not a name"
            reader.fault("kind-form", problem, index, "omit the node to use the family's kind")
        elif index not in reader.unreadable:
            reader.nodes[index] = replace(reader.nodes[index], kind=kind)


def _read_peers(reader: StructureReader, value: object) -> None:
    by_target: dict[int, dict[int, tuple[Peer, ...]]] = {}
    for key, entry in _as_object(reader, "peers", value).items():
        match = re.fullmatch(r"(\d{1,9})->(\d{1,9})", key, re.ASCII)
        source, target = (reader.index(n) for n in match.groups()) if match else (None, None)
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


def _read_pinned(reader: StructureReader, value: object) -> tuple[int, ...] | None:
    pinned = _as_object(reader, "pinned", value)
    reader.faults += _key_faults("pinned", pinned, _PINNED_KEYS)
    for key, width in _as_object(reader, "pinned.stems", pinned.get("stems", {})).items():
        index = reader.index(key)
        node = None if index is None else reader.nodes[index]
        if index is None or not isinstance(node, Stem):
            reader.fault("pinned-node", f"pinned width of {show(key)}, which is not a stem", index)
        elif index not in reader.unreadable:
            reader.nodes[index] = replace(node, width=width)
    for key, entry in _as_object(reader, "pinned.blocks", pinned.get("blocks", {})).items():
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
    entry = _as_object(reader, f"pinned.blocks.{index}", value)
    reader.faults += _key_faults(f"pinned.blocks.{index}", entry, _BLOCK_KEYS)
    missing = [key for key in _BLOCK_KEYS[:3] if key not in entry]
    if missing:
        reader.fault("key-missing", f"pinned shapes without {', '.join(missing)}", index)
        return None
    buckets = entry["buckets"]
    if isinstance(buckets, list):
        members = cast(list[Any], buckets)
        buckets = tuple(tuple(b) if isinstance(b, list) else b for b in members)
    return PinnedBlock(
        entry["fused_width"], entry["input_stride"], buckets, entry.get("attention_width")
    )


def _pinned_document(structure: Structure) -> dict[str, Any]:
    stems = {str(i): stem.width for i, stem in structure.stems() if stem.width is not None}
    blocks = {str(i): _pinned_row(b.pinned) for i, b in structure.blocks() if b.pinned is not None}
    finals = None if structure.finals is None else list(structure.finals)
    pinned = {"stems": stems, "blocks": blocks, "finals": finals}
    return {key: value for key, value in pinned.items() if value}


def _pinned_row(pinned: PinnedBlock) -> dict[str, Any]:
    row = {**asdict(pinned), "buckets": [list(bucket) for bucket in pinned.buckets]}
    return {key: value for key, value in row.items() if value is not None}
