"""What every offspring promises about itself and its parent."""

from __future__ import annotations

from collections.abc import Iterable

from connsearch.evolution.limits import Limits, filter_sums, width_sum
from connsearch.evolution.structure_editor import Offspring
from connsearch.graph.dag import by_level, dangling_nodes, levels
from connsearch.graph.families import kind_name
from connsearch.graph.rules import validate
from connsearch.graph.spec import FREE, Block, Edge, Filters, Modality, Stem, Structure, Weight


def keeps_promises(parent: Structure, offspring: Offspring, limits: Limits) -> None:
    """Fails where an offspring breaks a rule, the limits, or has lost what the parent had."""
    child = offspring.structure
    validate(child)
    _is_whole(child)
    assert widths(child) == widths(parent) == list(limits.widths)
    if not _new_kinds(parent, offspring, limits):
        assert channels(child) == channels(parent)
    assert child.gates_decide is False
    assert (child.name, child.family, child.network) == (parent.name, parent.family, parent.network)
    assert (child.finals, dict(child.provenance)) == (None, {})
    _has_origins(parent, offspring)
    _lives_on(parent, offspring)
    _stays_within(parent, offspring, limits)
    _keeps_weights(parent, offspring)


def channels(structure: Structure) -> list[object]:
    count = structure.network.levels
    return [filter_sums(structure, at(structure, level)) for level in range(count)]


def widths(structure: Structure) -> list[int]:
    return [width_sum(structure, at(structure, n)) for n in range(structure.network.levels)]


def at(structure: Structure, level: int) -> list[Block]:
    return [block for _, block in structure.blocks() if block.level == level]


def entries(filters: Filters) -> tuple[int, ...]:
    return filters if isinstance(filters, tuple) else (filters,)


def _is_whole(child: Structure) -> None:
    assert list(levels(child)) == sorted(levels(child))
    assert all(block.inputs for _, block in child.blocks())
    assert all(levels(child)[s] < levels(child)[t] for s, t in child.edges())
    assert child.network.levels - 1 in by_level(child)


def _has_origins(parent: Structure, offspring: Offspring) -> None:
    child = offspring.structure
    assert len(offspring.origins) == len(child)
    for node, old in zip(child.nodes, offspring.origins, strict=True):
        assert len(set(old)) == len(old)
        for origin in (parent.nodes[index] for index in old):
            if isinstance(node, Stem):
                assert isinstance(origin, Stem)
                assert origin.modality is node.modality
                assert kind_name(parent, origin) == kind_name(child, node)
            else:
                assert isinstance(origin, Block)
                assert _place(origin) == _place(node)
    gone = set(range(len(parent))) - {index for old in offspring.origins for index in old}
    assert all(isinstance(parent.nodes[index], Stem) for index in gone)


def _place(block: Block) -> tuple[int, int, int]:
    return block.level, block.spatial_stride, block.temporal_stride


def _new_kinds(parent: Structure, offspring: Offspring, limits: Limits) -> bool:
    """Whether a block has changed its kind: to an allowed one, with as many channels."""
    child, changed = offspring.structure, 0
    for index, node in child.blocks():
        for old in offspring.origins[index]:
            before = parent.block(old)
            if kind_name(parent, before) != kind_name(child, node):
                assert kind_name(child, node) in limits.kinds
                assert len(offspring.origins[index]) == 1
                assert width_sum(child, [node]) == width_sum(parent, [before])
                changed += 1
    return bool(changed)


def _lives_on(parent: Structure, offspring: Offspring) -> None:
    dangled, read = dangling_nodes(parent), _read(parent)
    top = parent.network.levels - 1
    for index in dangling_nodes(offspring.structure):
        assert offspring.origins[index], "a new node dangles"
        assert set(offspring.origins[index]) <= dangled
    for index, node in enumerate(offspring.structure.nodes):
        below = isinstance(node, Stem) or node.level < top
        if below and index not in _read(offspring.structure):
            assert not set(offspring.origins[index]) & read


def _read(structure: Structure) -> set[int]:
    return {edge.source for edge in structure.edges()}


def _stays_within(parent: Structure, offspring: Offspring, limits: Limits) -> None:
    child = offspring.structure
    for modality in Modality:
        count = _count(child, modality)
        if count != _count(parent, modality):
            least, most = limits.stems[modality]
            assert least <= count <= most
            assert modality is not Modality.OBJECT
    for level, most in enumerate(limits.blocks):
        assert len(at(child, level)) <= max(most, len(at(parent, level)))
    for node, old in zip(child.nodes, offspring.origins, strict=True):
        known = {parent.nodes[index].temporal_dilation for index in old}
        assert node.temporal_dilation in known | set(limits.dilations)
        if isinstance(node, Block):
            assert node.post in {parent.block(index).post for index in old} | set(limits.posts)
            before = [entries(parent.block(index).filters) for index in old]
            least = min(min(numbers) for numbers in before)
            assert min(entries(node.filters)) >= min(limits.narrowest, least)


def _count(structure: Structure, modality: Modality) -> int:
    return sum(stem.modality is modality for _, stem in structure.stems())


def _keeps_weights(parent: Structure, offspring: Offspring) -> None:
    """A kept connection has its weight, of merged ones that of either; no other has learned.

    A kept one has a temporal gate where those it was made of all had one, unless every input would
    have one then; no other has.
    """
    child, known = offspring.structure, parent.weights()
    gates = {edge: c.gated for edge, c in parent.connections()}
    wanted: dict[int, list[bool]] = {}
    for (source, target), weight in child.weights().items():
        old = [
            Edge(s, t)
            for s in offspring.origins[source]
            for t in offspring.origins[target]
            if Edge(s, t) in known
        ]
        wanted.setdefault(target, []).append(bool(old) and all(gates[edge] for edge in old))
        if len(child.block(target).inputs) == 1:
            assert weight is None
            continue
        allowed = [FREE if len(parent.block(e.target).inputs) == 1 else known[e] for e in old]
        assert _among(weight, allowed or [FREE])
    for target, gated in wanted.items():
        found = [connection.gated for connection in child.block(target).connections]
        assert found == ([False] * len(gated) if all(gated) else gated)


def _among(weight: Weight, allowed: Iterable[Weight]) -> bool:
    return any(weight == other for other in allowed)
