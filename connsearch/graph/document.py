"""The JSON document of a structure <-> Structure: keys, schema version, peers, pinned shapes.

What the rows and weight lists in it mean is known to :mod:`connsearch.graph.parse`; what the
values must be, to :mod:`connsearch.graph.rules`; files, to :mod:`connsearch.graph.files`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any, cast

from connsearch.errors import Fault, StructureError
from connsearch.graph.checks import show
from connsearch.graph.document_nodes import (
    LATER_PINS,
    as_object,
    key_faults,
    node_document,
    read_nodes,
    read_peers,
    read_pinned,
)
from connsearch.graph.parse import StructureReader, connection_weights, default_settings, rows
from connsearch.graph.spec import (
    LATER_SETTINGS,
    SCHEMA,
    Attention,
    NetworkSettings,
    PinnedBlock,
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
    "posts",
    "temporal_strides",
    "connection_weights",
    "peers",
    "gates",
    "gates_decide",
    "pinned",
    "provenance",
)
"""The keys of a structure document, in the order they are written."""

LATER_KEYS = ("posts", "temporal_strides", "gates", "gates_decide")
"""Keys that schema 2 has added."""


_DEEPEST = 50


def to_json(structure: Structure) -> dict[str, Any]:
    """Returns the structure as plain JSON values; what is empty or derived is left out.

    Its schema is the lowest that can hold it: earlier programs read what they know.
    """
    peers = {
        f"{edge.source}->{edge.target}": [[p.node, p.coefficient] for p in connection.peers]
        for edge, connection in structure.connections()
        if connection.peers
    }
    own = node_document(structure)
    document = {
        "schema": 1,
        "name": structure.name,
        "family": structure.family,
        "nodes": rows(structure),
        "kinds": own.get("kinds"),
        "posts": own.get("posts"),
        "temporal_strides": own.get("temporal_strides"),
        "network": _settings_document(structure.network),
        "connection_weights": connection_weights(structure),
        "peers": peers,
        "gates": own.get("gates"),
        "gates_decide": structure.gates_decide,
        "pinned": _pinned_document(structure),
        "provenance": dict(structure.provenance),
    }
    optional = ("kinds", "connection_weights", "peers", "pinned", "provenance", *LATER_KEYS)
    found = {key: value for key, value in document.items() if value or key not in optional}
    return {**found, "schema": SCHEMA} if any(_later(found)) else found


def _settings_document(settings: NetworkSettings) -> dict[str, Any]:
    told = settings.told() | {"attention": settings.attention.value}
    return {name: list(v) if isinstance(v, tuple) else v for name, v in told.items()}


def _later(document: Mapping[str, Any]) -> Iterator[str]:
    """What stands in a document that schema 1 does not know, as far as it is readable."""
    yield from (key for key in LATER_KEYS if key in document)
    network = _mapping(document.get("network"))
    yield from (f"network.{key}" for key in LATER_SETTINGS if key in network)
    for index, row in _mapping(_mapping(document.get("pinned")).get("blocks")).items():
        yield from (f"pinned.blocks.{index}.{key}" for key in LATER_PINS if key in _mapping(row))


def _mapping(value: object) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], value) if isinstance(value, Mapping) else {}


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
    found += key_faults("document", document, KEYS)
    if "family" not in document:
        found.append(Fault("key-missing", "no family", cure='add "family": "assemblenet"'))
    found += _provenance_faults(document.get("provenance", {}))
    if "nodes" not in document:
        raise StructureError(name, [*found, Fault("key-missing", "no nodes")])
    reader = StructureReader.of(document["nodes"], document.get("connection_weights"))
    reader.faults += found
    read_nodes(reader, document)
    read_peers(reader, document.get("peers", {}))
    finals = read_pinned(reader, document.get("pinned", {}))
    family = document.get("family", "assemblenet")
    return reader.finish(
        name=document.get("name", name),
        family=family,
        network=_read_settings(reader, family, document.get("network", {})),
        finals=finals,
        provenance=document.get("provenance", {}),
        gates_decide=document.get("gates_decide", False),
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
    elif schema < SCHEMA and (later := list(_later(document))):
        message = f"{', '.join(later)}: known from schema {SCHEMA} on, this is schema {schema}"
        yield Fault("schema-older", message, cure=f'write "schema": {SCHEMA}')


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


def _read_settings(reader: StructureReader, family: object, value: object) -> NetworkSettings:
    """The family's settings with the file's over them; wrong values are left to the rules."""
    given = as_object(reader, "network", value)
    known = [field.name for field in fields(NetworkSettings)]
    reader.faults += key_faults("network", given, known)
    settings: dict[str, Any] = {}
    for key in known:
        if key in given:
            read = given[key]
            if key == "attention" and isinstance(read, str) and read in list(Attention):
                read = Attention(read)
            settings[key] = tuple(read) if isinstance(read, list) else read
    return replace(default_settings(family), **settings)


def _pinned_document(structure: Structure) -> dict[str, Any]:
    stems = {str(i): stem.width for i, stem in structure.stems() if stem.width is not None}
    blocks = {str(i): _pinned_row(b.pinned) for i, b in structure.blocks() if b.pinned is not None}
    finals = None if structure.finals is None else list(structure.finals)
    pinned = {"stems": stems, "blocks": blocks, "finals": finals}
    return {key: value for key, value in pinned.items() if value}


def _pinned_row(pinned: PinnedBlock) -> dict[str, Any]:
    row = {**asdict(pinned), "buckets": [list(bucket) for bucket in pinned.buckets]}
    one_frame = pinned.input_temporal_stride == 1
    return {
        key: value
        for key, value in row.items()
        if value is not None and not (one_frame and key in LATER_PINS)
    }
