"""Validation: every rule of a structure, what breaks it, and the usual cure. All at once.

Rules look at whatever stands in the fields, also at values of a wrong type: a parser may put what
it read into a structure and ask here. Shapes are looked at in :mod:`connsearch.graph.rules_shapes`,
settings in :mod:`connsearch.graph.rules_settings`, kinds and filters in
:mod:`connsearch.graph.rules_kinds`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from connsearch.errors import Fault, StructureError
from connsearch.graph.checks import (
    LIMIT,
    is_a,
    is_fraction,
    is_whole,
    show,
    title,
    unknown,
)
from connsearch.graph.dag import dangling_nodes, live_nodes
from connsearch.graph.families import FAMILIES, Family
from connsearch.graph.rules_gates import gate_faults
from connsearch.graph.rules_kinds import block_kind_faults, stem_kind_faults
from connsearch.graph.rules_settings import setting_faults
from connsearch.graph.rules_shapes import shape_faults
from connsearch.graph.spec import (
    FREE,
    Attention,
    Block,
    Connection,
    Modality,
    Node,
    Stem,
    Structure,
)


def validate(structure: Structure) -> Structure:
    """Returns the structure itself if it keeps every rule.

    Raises:
        StructureError: it breaks one or more; the error holds all of them.
    """
    found = faults(structure)
    if found:
        raise StructureError(title(structure.name), found)
    return structure


def faults(
    structure: Structure,
    *,
    unreadable: Collection[int] = (),
    rows: Sequence[object] | None = None,
) -> list[Fault]:
    """Returns every broken rule, faults of the whole first, then node by node.

    Args:
        structure: may hold values of any type.
        unreadable: nodes whose row could not be read: a placeholder stands in their place, nothing
            is said about it, and nothing is concluded from it.
        rows: what faults show of a node; None: the nodes themselves.
    """
    kind = _family(structure.family)
    settings = list(setting_faults(structure.network))
    found = [*_name_faults(structure, kind), *settings]
    found += _whole_faults(structure, unreadable)
    for index, node in enumerate(structure.nodes):
        if index in unreadable:
            continue
        if isinstance(node, Stem):
            found += _stem_faults(index, node, kind)
        else:
            found += _block_faults(structure, index, node, kind, unreadable)
    broken = {f.node for f in found if f.node is not None} | set(unreadable)
    found += shape_faults(structure, None if settings else kind, broken)
    found = sorted(dict.fromkeys(found), key=lambda f: -1 if f.node is None else f.node)
    return with_rows(found, structure.nodes if rows is None else rows)


def with_rows(found: Iterable[Fault], rows: Sequence[object]) -> list[Fault]:
    """Returns the faults, each with the row it is about; a row is written down once."""
    written: dict[int, str] = {}
    shown: list[Fault] = []
    for fault in found:
        node = fault.node
        if node is not None and 0 <= node < len(rows):
            if node not in written:
                written[node] = show(rows[node])
            fault = replace(fault, row=written[node])
        shown.append(fault)
    return shown


def warnings(structure: Structure) -> list[str]:
    """Returns what is legal in a valid structure but probably not meant, one sentence each."""
    found: list[str] = []
    live = live_nodes(structure)
    for node in sorted(dangling_nodes(structure)):
        if node in live:
            found.append(f"node {node} reaches no final node over connections; only peers read it")
        else:
            found.append(f"node {node} is dead: nothing it computes reaches a final node")
    mode = structure.network.attention
    naming = [bool(connection.peers) for _, connection in structure.connections()]
    if any(naming) and mode not in (Attention.PEER, Attention.FIXED):
        count = f"{sum(naming)} of {len(naming)} connections"
        found.append(f"attention mode {mode} ignores the peers named by {count}")
    if not all(naming) and mode is Attention.FIXED:
        count = f"{naming.count(False)} of {len(naming)} connections"
        found.append(f"attention mode fixed leaves {count} ungated: they name no peer")
    return found


def _family(name: object) -> Family | None:
    return FAMILIES.get(name) if isinstance(name, str) else None


def _name_faults(structure: Structure, kind: Family | None) -> Iterator[Fault]:
    name = structure.name
    if not is_a(name, str) or not name or not name.isprintable():
        message = f"a structure's name is a printable text, not {show(name)}"
        yield Fault("name", message, cure="give it a name of letters, digits, - and _")
    if kind is None:
        yield Fault("family-unknown", unknown("family", structure.family, FAMILIES))
    if not is_a(structure.gates_decide, bool):
        message = f"gates_decide {show(structure.gates_decide)} is neither true nor false"
        yield Fault("gates-decide", message, cure="omit it, and no gate decides")


def _whole_faults(structure: Structure, unreadable: Collection[int]) -> Iterator[Fault]:
    """Rules about the list of nodes: stems first, levels ascending, both ends present."""
    known = [(i, n) for i, n in enumerate(structure.nodes) if i not in unreadable]
    stems = [i for i, n in known if isinstance(n, Stem)]
    if not stems and not unreadable:
        yield Fault("stem-missing", "no stem", cure="start with rows such as [-1, 1] (RGB)")
    first_block, highest = len(structure.nodes), -1
    for index, node in known:
        if isinstance(node, Stem):
            if index > first_block:
                message = f"a stem after block {first_block}"
                cure = "list all stems before the first block"
                yield Fault("stem-order", message, index, cure=cure)
            continue
        first_block = min(first_block, index)
        if not is_whole(node.level, least=0):
            continue
        if node.level < highest:
            message = f"level {node.level} after level {highest}"
            cure = "list blocks by ascending level"
            yield Fault("level-order", message, index, cure=cure)
        highest = max(highest, node.level)
    yield from _top_faults(structure, highest, unreadable)


def _top_faults(structure: Structure, highest: int, unreadable: Collection[int]) -> Iterator[Fault]:
    if unreadable or not is_a(structure.network.blocks, tuple) or not structure.network.blocks:
        return
    top = structure.network.levels - 1
    if highest < top:
        message = f"no block at the top level {top}, which the head reads; the highest is {highest}"
        if highest < 0:
            message = f"no block at the top level {top}, which the head reads; there are no blocks"
        cure = "add such a block, or shorten network.blocks to the levels in use"
        yield Fault("top-missing", message, cure=cure)


def _stem_faults(index: int, stem: Stem, family: Family | None) -> Iterator[Fault]:
    if not is_a(stem.modality, Modality):
        message = unknown("modality", stem.modality, [m.value for m in Modality])
        yield Fault("stem-modality", message, index)
    yield from stem_kind_faults(index, stem, family)
    if not is_whole(stem.temporal_dilation):
        yield _number_fault(index, "temporal dilation", stem.temporal_dilation)


def _block_faults(
    structure: Structure,
    index: int,
    block: Block,
    family: Family | None,
    unreadable: Collection[int],
) -> Iterator[Fault]:
    levels = structure.network.blocks
    if not is_whole(block.level, least=0):
        message = f"level {show(block.level)} is not a whole number from 0"
        yield Fault("level-range", message, index, cure="number levels 0, 1, 2, ...")
    elif is_a(levels, tuple) and block.level >= len(levels):
        message = f"level {block.level}, but network.blocks has levels 0 to {len(levels) - 1}"
        yield Fault("level-range", message, index, cure="add an entry to network.blocks")
    yield from block_kind_faults(index, block, family)
    yield from gate_faults(index, block)
    for what, value in (
        ("temporal dilation", block.temporal_dilation),
        ("spatial stride", block.spatial_stride),
        ("temporal stride", block.temporal_stride),
    ):
        if not is_whole(value):
            yield _number_fault(index, what, value)
    if not block.connections:
        yield Fault("input-missing", "no input", index, cure="name at least one lower node")
    sources: Counter[int] = Counter()
    cure = "connections lead from an earlier node of a lower level"
    for connection in block.connections:
        problem = _source_problem(structure, index, block, connection.source, unreadable)
        if problem is None:
            sources[connection.source] += 1
        else:
            yield Fault(*problem, index, cure=cure)
        yield from _connection_faults(structure, index, block, connection, unreadable)
    for source, times in sources.items():
        if times > 1:
            message = f"input {source} is named {_times(times)}"
            yield Fault("input-duplicate", message, index, cure="name each input once")


def _connection_faults(
    structure: Structure,
    index: int,
    block: Block,
    connection: Connection,
    unreadable: Collection[int],
) -> Iterator[Fault]:
    source = connection.source
    weight: object = connection.weight
    free = isinstance(weight, str) and weight == FREE
    if weight is not None and not free and not is_fraction(weight):
        message = f"weight {show(weight)} of input {show(source)} is not in [0, 1]"
        cure = (
            'weights are stored after the sigmoid; null is coefficient 1, "free" is not learned yet'
        )
        yield Fault("weight-range", message, index, cure=cure)
    yield from _peer_faults(structure, index, block, connection, unreadable)


def _source_problem(
    structure: Structure, index: int, block: Block, source: int, unreadable: Collection[int]
) -> tuple[str, str] | None:
    """The rule a connection's source breaks, and what is wrong; None where nothing is."""
    if not is_whole(source, least=0) or source >= len(structure.nodes):
        last = len(structure.nodes) - 1
        return "input-unknown", f"input {show(source)} is not a node; nodes are 0 to {last}"
    if source == index:
        return "input-self", f"input {source} is the node itself"
    if source > index:
        return "input-forward", f"input {source} is a later node"
    if source not in unreadable and not _is_lower(structure.nodes[source], block):
        level = structure.block(source).level
        return "input-level", f"input {source} has level {level}, not lower than {block.level}"
    return None


def _peer_faults(
    structure: Structure,
    index: int,
    block: Block,
    connection: Connection,
    unreadable: Collection[int],
) -> Iterator[Fault]:
    peers: Counter[int] = Counter()
    of, cure = f"of input {show(connection.source)}", "name lower nodes, each once"
    for node, coefficient in connection.peers:
        rule = _peer_problem(structure, block, node, unreadable)
        if rule is None:
            peers[node] += 1
        else:
            yield Fault(rule, f"peer {show(node)} {of} {_PEER_PROBLEMS[rule]}", index, cure=cure)
        if not is_fraction(coefficient):
            message = f"coefficient {show(coefficient)} of peer {show(node)} is not in [0, 1]"
            yield Fault("peer-coefficient", message, index, cure="write a softmax output")
    for node, times in peers.items():
        if times > 1:
            message = f"peer {node} {of} is named {_times(times)}"
            yield Fault("peer-duplicate", message, index, cure=cure)


_PEER_PROBLEMS = {
    "peer-unknown": "is not a node",
    "peer-level": "is not of a lower level",
}


def _peer_problem(
    structure: Structure, block: Block, node: int, unreadable: Collection[int]
) -> str | None:
    """The rule a peer breaks by itself, or None."""
    if not is_whole(node, least=0) or node >= len(structure.nodes):
        return "peer-unknown"
    if node not in unreadable and not _is_lower(structure.nodes[node], block):
        return "peer-level"
    return None


def _times(count: int) -> str:
    return "twice" if count == 2 else f"{count:,} times"


def _is_lower(node: Node, block: Block) -> bool:
    """Whether a node's level is lower; levels that are no numbers have a fault of their own."""
    if isinstance(node, Stem) or not is_whole(node.level, 0) or not is_whole(block.level, 0):
        return True
    return node.level < block.level


def _number_fault(index: int, what: str, value: object) -> Fault:
    message = f"{what} {show(value)} is not a whole number from 1 to {LIMIT:,}"
    return Fault(what.replace(" ", "-"), message, index, cure="published values: 1, 2, 4, 8")
