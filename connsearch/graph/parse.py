"""Published rows <-> Structure: the only file that knows ``[level, [inputs], filters, ...]``.

A stem is ``[-1 | -2 | -3, temporal dilation]`` (RGB, optical flow, object maps). A block is
``[level, [inputs], filters, temporal dilation, spatial stride]``; published rows carry a sixth
entry, always 0. Published connection weights are a parallel list: ``[]`` for none, ``[[...]]``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from connsearch.errors import Fault, StructureError
from connsearch.graph.checks import is_fraction, show, title
from connsearch.graph.families import FAMILIES
from connsearch.graph.rules import faults, with_rows
from connsearch.graph.spec import (
    FREE,
    Block,
    Connection,
    Modality,
    NetworkSettings,
    Node,
    Stem,
    Structure,
    Weight,
)

_STEM_CODES = {-1: Modality.RGB, -2: Modality.FLOW, -3: Modality.OBJECT}
_STEM_ROWS = {modality: code for code, modality in _STEM_CODES.items()}
_STEM_FORM = "[-1 (RGB) | -2 (flow) | -3 (object), temporal dilation]"
_BLOCK_FORM = "[level, [inputs], filters, temporal dilation, spatial stride]"


def parse_structure(
    rows: Sequence[Any],
    *,
    name: str = "structure",
    family: str = "assemblenet",
    network: NetworkSettings | None = None,
    connection_weights: Sequence[Any] | Mapping[Any, Any] | None = None,
) -> Structure:
    """Returns the structure that published rows describe.

    Args:
        rows: stems and blocks, verbatim; five or six entries a block.
        name: for people.
        family: see ``graph.families``.
        network: settings; None takes the family's.
        connection_weights: post-sigmoid values, a list parallel to ``rows`` (``[]`` or
            ``[[...]]`` each) or a mapping from node to list. A node without weights has
            coefficient 1 on a single input and unlearned weights on several.

    Raises:
        StructureError: anything cannot be read or breaks a rule; the error holds all faults.

    >>> tiny = NetworkSettings(blocks=(1,), inner_widths=(8,))
    >>> structure = parse_structure([[-1, 4], [-2, 1], [0, [0, 1], 32, 1, 1, 0]], network=tiny)
    >>> structure.edges()
    (Edge(source=0, target=2), Edge(source=1, target=2))
    """
    reader = StructureReader.of(rows, connection_weights)
    return reader.finish(name=name, family=family, network=network or default_settings(family))


def rows(structure: Structure) -> list[list[Any]]:
    """Returns the structure's five-entry rows, ready for JSON."""
    return [_row(node) for node in structure.nodes]


def connection_weights(structure: Structure) -> dict[str, list[Weight]]:
    """Returns node -> weights in input order; nodes whose weights are all the default are left out.

    The default is None on a single input and ``"free"`` on each of several.
    """
    found: dict[str, list[Weight]] = {}
    for index, block in structure.blocks():
        weights: list[Weight] = [connection.weight for connection in block.connections]
        if weights != _default_weights(len(weights)):
            found[str(index)] = weights
    return found


def published_rows(structure: Structure) -> list[list[Any]]:
    """Returns the rows as published: six entries a block, the last one 0."""
    return [[*row, 0] if len(row) > 2 else row for row in rows(structure)]


def published_weights(structure: Structure) -> list[list[list[float]]]:
    """Returns the connection weights as published, parallel to the rows: ``[]`` or ``[[...]]``.

    Stems, single inputs and unlearned blocks have ``[]``. A list holds numbers only:
    beside learned weights, coefficient 1 is written as 1.0 and an unlearned weight as 0.5.
    """
    return [_published_weights(node) for node in structure.nodes]


def default_settings(family: object) -> NetworkSettings:
    """Returns a family's settings; those of AssembleNet where the family is not known."""
    known = FAMILIES.get(family) if isinstance(family, str) else None
    return known.defaults if known is not None else NetworkSettings()


@dataclass
class StructureReader:
    """A structure while it is read: the nodes that could be read, and the faults."""

    rows: Sequence[object]
    nodes: list[Node] = field(default_factory=list[Node])
    faults: list[Fault] = field(default_factory=list[Fault])
    unreadable: set[int] = field(default_factory=set[int])

    @classmethod
    def of(cls, rows: object, weights: object = None) -> StructureReader:
        """Returns a reader that has read published rows with their weights."""
        if not _is_list(rows):
            message = f"nodes are a list of rows, not {show(rows)}"
            # No node was read, which is not to say that there is none.
            return cls([], faults=[Fault("nodes", message)], unreadable={-1})
        reader = cls(cast(Sequence[object], rows))
        for index, row in enumerate(reader.rows):
            reader.nodes.append(reader._read_row(index, row))
        reader._read_weights(weights)
        return reader

    def fault(self, rule: str, message: str, node: int | None = None, cure: str = "") -> None:
        """Notes a fault; its row is filled in at the end."""
        self.faults.append(Fault(rule, message, node, cure=cure))

    def finish(self, **fields: Any) -> Structure:
        """Returns the structure of these nodes and fields, if all of it keeps the rules."""
        structure = Structure(nodes=tuple(self.nodes), **fields)
        broken = faults(structure, unreadable=self.unreadable, rows=self.rows)
        found = [*with_rows(self.faults, self.rows), *broken]
        if not found:
            return structure
        found.sort(key=lambda f: -1 if f.node is None else f.node)
        raise StructureError(title(structure.name), found)

    def index(self, key: object) -> int | None:
        """Returns the node a text or number names, or None: there is no such node."""
        if isinstance(key, str) and key.isascii() and key.isdigit() and len(key) < 10:
            key = int(key)
        if isinstance(key, int) and not isinstance(key, bool) and 0 <= key < len(self.nodes):
            return key
        return None

    def _read_row(self, index: int, row: object) -> Node:
        entries: list[Any] = list(cast(Sequence[Any], row)) if _is_list(row) else []
        if len(entries) == 2:
            return self._read_stem(index, entries)
        if len(entries) in (5, 6) and _is_list(entries[1]):
            return self._read_block(index, entries)
        if len(entries) in (5, 6):
            problem = f"inputs {show(entries[1])} are not a list"
        elif _is_list(row):
            problem = f"a row of {len(entries)} entries"
        else:
            problem = "a row is a list"
        self.fault("row-form", problem, index, f"write {_STEM_FORM} or {_BLOCK_FORM}")
        return self._placeholder(index)

    def _read_stem(self, index: int, entries: list[Any]) -> Node:
        code, dilation = entries
        if not isinstance(code, int) or isinstance(code, bool) or code not in _STEM_CODES:
            self.fault(
                "stem-modality", f"unknown stem type {show(code)}", index, f"write {_STEM_FORM}"
            )
            return self._placeholder(index)
        return Stem(_STEM_CODES[code], dilation)

    def _read_block(self, index: int, entries: list[Any]) -> Block:
        level, inputs, filters, dilation, stride, *rest = entries
        if rest and (isinstance(rest[0], bool) or rest[0] != 0):
            problem = f"the sixth entry is always 0, not {show(rest[0])}"
            self.fault("row-sixth", problem, index, f"write {_BLOCK_FORM}")
        weights = _default_weights(len(inputs))
        connections = tuple(Connection(s, w) for s, w in zip(inputs, weights, strict=True))
        filters = tuple(filters) if _is_list(filters) else filters
        return Block(level, connections, filters, dilation, stride)

    def _placeholder(self, index: int) -> Node:
        self.unreadable.add(index)
        return Stem(Modality.RGB)

    def _read_weights(self, weights: object) -> None:
        if isinstance(weights, Mapping):
            for key, entry in cast(Mapping[object, object], weights).items():
                index = self.index(key)
                if index is None:
                    last = len(self.nodes) - 1
                    problem = f"connection weights for node {show(key)}; nodes are 0 to {last}"
                    self.fault("weights-node", problem, cure="name a block of this structure")
                else:
                    self._set_weights(index, entry)
        elif _is_list(weights):
            entries = cast(Sequence[object], weights)
            if entries and len(entries) != len(self.nodes):
                problem = (
                    f"connection weights for {len(entries)} nodes, but there are {len(self.nodes)}"
                )
                self.fault("weights-node", problem, cure="give [] to a node without weights")
            for index, entry in enumerate(entries[: len(self.nodes)]):
                self._set_weights(index, entry)
        elif weights is not None:
            problem = f"connection weights are a list or an object, not {show(weights)}"
            self.fault("weights-form", problem)

    def _set_weights(self, index: int, entry: object) -> None:
        if not _is_list(entry):
            problem = f"connection weights {show(entry)} are not a list"
            self.fault("weights-form", problem, index, "write one number for each input")
            return
        values = list(cast(Sequence[Any], entry))
        if len(values) == 1 and _is_list(values[0]):  # the published form [[...]]
            values = list(values[0])
        node = self.nodes[index]
        if not values or index in self.unreadable:
            return
        if isinstance(node, Stem):
            problem = f"connection weights {show(values)} for a stem, which has no inputs"
            self.fault("weights-node", problem, index, "omit it, or give []")
        elif len(values) != len(node.connections):
            problem = f"{len(values)} connection weights for {len(node.connections)} inputs"
            self.fault(
                "weights-length", problem, index, "write one number for each input, in order"
            )
        else:
            pairs = zip(node.connections, values, strict=True)
            connections = tuple(replace(c, weight=_weight(v)) for c, v in pairs)
            self.nodes[index] = replace(node, connections=connections)


def _row(node: Node) -> list[Any]:
    if isinstance(node, Stem):
        return [_STEM_ROWS[node.modality], node.temporal_dilation]
    filters = list(node.filters) if isinstance(node.filters, tuple) else node.filters
    return [node.level, list(node.inputs), filters, node.temporal_dilation, node.spatial_stride]


def _published_weights(node: Node) -> list[list[float]]:
    weights = [] if isinstance(node, Stem) else [c.weight for c in node.connections]
    if len(weights) < 2 or weights == _default_weights(len(weights)):
        return []
    written = {FREE: 0.5, None: 1.0}
    return [[float(written.get(w, w)) for w in weights]]  # type: ignore[arg-type]


def _default_weights(inputs: int) -> list[Weight]:
    return [FREE] * inputs if inputs > 1 else [None] * inputs


def _weight(value: Any) -> Weight:
    """A weight as a float where it is a number in range; anything else is left to the rules."""
    return float(value) if is_fraction(value) else value


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple)
