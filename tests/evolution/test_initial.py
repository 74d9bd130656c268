"""The random structures an evolution begins with."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connsearch.evolution.initial import _wired, depth, initial_structure
from connsearch.evolution.limits import Limits, filter_sums
from connsearch.graph.dag import candidate_edges, dangling_nodes
from connsearch.graph.files import load_structure
from connsearch.graph.hashing import node_facts
from connsearch.graph.rules import validate
from connsearch.graph.space import over_connect
from connsearch.graph.spec import FREE, Block, Connection, Edge, Modality, Stem, Structure
from connsearch.graph.temporal import has_dilation
from tests.evolution.promises import entries
from tests.graph.strategies import LAW, structures

STARTS = (
    "starter",
    "starter_rgb_flow",
    "assemblenet-50",
    "assemblenet_plus-50",
    "assemblenet_plus_lite",
)


def _drawn(name: str, count: int = 200) -> list[Structure]:
    start = load_structure(name)
    return [initial_structure(start, Limits.of(start), Random(seed)) for seed in range(count)]


def _stems(structure: Structure) -> Counter[Modality]:
    return Counter(stem.modality for _, stem in structure.stems())


def _at(structure: Structure, level: int) -> list[Block]:
    return [b for _, b in structure.blocks() if b.level == level]


@LAW
@given(structures(), st.integers(0, 2**32))
def test_any_start_gives_valid_structures_within_its_limits(start: Structure, seed: int):
    limits = Limits.of(start)
    found = initial_structure(start, limits, Random(seed))
    assert validate(found) is found
    assert dangling_nodes(found) == set()
    assert (found.name, found.family, found.network) == (start.name, start.family, start.network)
    assert (found.finals, found.provenance) == (None, {})
    for level in range(start.network.levels):
        blocks = _at(found, level)
        assert filter_sums(found, blocks) == limits.channels[level]
        assert bool(_at(start, level)) == bool(blocks)
        assert len(blocks) <= limits.blocks[level]
        assert {b.spatial_stride for b in blocks} <= {limits.strides[level]}
        fewest = min((min(entries(b.filters)) for b in blocks), default=2)
        assert fewest >= limits.narrowest or len(blocks) == 1
    stems = _stems(found)
    assert stems.keys() == limits.stems.keys()
    assert all(low <= stems[m] <= high for m, (low, high) in limits.stems.items())
    assert {n.temporal_dilation for n in found.nodes} <= set(limits.dilations)
    for _, block in found.blocks():
        expected = FREE if len(block.connections) > 1 else None
        assert {c.weight for c in block.connections} == {expected}
        assert not any(c.peers for c in block.connections)


@pytest.mark.parametrize("name", STARTS)
def test_a_seed_gives_one_structure_and_seeds_give_many(name: str):
    first = _drawn(name, 30)
    assert first == _drawn(name, 30)
    assert len(set(first)) == 30


@pytest.mark.parametrize("name", STARTS)
def test_the_longest_path_goes_through_every_level(name: str):
    assert {depth(structure) for structure in _drawn(name)} == {4}


def test_a_wiring_that_leaves_out_a_level_is_what_would_come_without_drawing_again():
    start = load_structure("starter")
    assert {depth(_wired(start, Random(seed))) for seed in range(300)} == {3, 4}


@pytest.mark.parametrize("name", STARTS)
def test_as_many_flow_as_rgb_stems_and_one_or_two_of_each(name: str):
    start, counts = _stems(load_structure(name)), Counter[tuple[int, int, int]]()
    for structure in _drawn(name):
        stems = _stems(structure)
        counts[stems[Modality.RGB], stems[Modality.FLOW], stems[Modality.OBJECT]] += 1
    objects = start[Modality.OBJECT]
    assert set(counts) == {(1, 1, objects), (2, 2, objects)}
    assert all(60 < count < 140 for count in counts.values())


def test_a_start_without_flow_gets_one_or_two_rgb_stems():
    start = load_structure("starter_rgb_flow")
    rgb = replace(
        start,
        nodes=tuple(
            replace(n, modality=Modality.RGB) if isinstance(n, Stem) else n for n in start.nodes
        )[2:],
    )
    rgb = replace(rgb, nodes=tuple(_moved(node, 2) for node in rgb.nodes))
    limits = Limits.of(validate(rgb))
    drawn = [_stems(initial_structure(rgb, limits, Random(seed))) for seed in range(60)]
    assert {tuple(stems.items()) for stems in drawn} == {
        ((Modality.RGB, 1),),
        ((Modality.RGB, 2),),
    }


def _moved(node: Stem | Block, by: int) -> Stem | Block:
    if isinstance(node, Stem):
        return node
    sources = sorted({max(source - by, 0) for source in node.inputs})
    return replace(node, connections=tuple(Connection(source) for source in sources))


def test_stems_are_as_many_as_there_are_channels_for():
    start = load_structure("starter_rgb_flow").with_settings(stem_total=3)
    limits = Limits.of(start)
    for seed in range(20):
        assert len(list(initial_structure(start, limits, Random(seed)).stems())) == 2


@pytest.mark.parametrize("name", ["assemblenet-50", "starter"])
def test_two_blocks_a_level_one_at_the_top_and_one_to_five_splits(name: str):
    start = load_structure(name)
    totals = Counter(len(list(s.blocks())) - 7 for s in _drawn(name, 400))
    assert set(totals) == {1, 2, 3, 4, 5}
    assert min(totals.values()) > 40
    # Where nothing may be split, there are two at each level and one at the top.
    whole = replace(Limits.of(start), blocks=(2, 2, 2, 1))
    found = initial_structure(start, whole, Random(0))
    assert [len(_at(found, level)) for level in range(4)] == [2, 2, 2, 1]
    tight = replace(Limits.of(start), blocks=(1, 1, 1, 1))
    assert len(list(initial_structure(start, tight, Random(0)).blocks())) == 4


@pytest.mark.parametrize("name", STARTS)
def test_every_dilation_is_as_likely_and_only_where_it_changes_something(name: str):
    start = load_structure(name)
    found: Counter[int] = Counter()
    for structure in _drawn(name):
        for node in structure.nodes:
            if has_dilation(structure, node):
                found[node.temporal_dilation] += 1
            else:
                assert node.temporal_dilation == 1
    total = sum(found.values())
    assert set(found) == set(Limits.of(start).dilations)
    assert all(abs(count / total - 0.25) < 0.05 for count in found.values())


@pytest.mark.parametrize("name", STARTS)
def test_stems_that_identity_gives_no_dilation_have_none(name: str):
    structure = load_structure(name)
    facts = node_facts(structure)
    for index, stem in structure.stems():
        assert has_dilation(structure, stem) == (facts[index]["dilation"] is not None)


def test_a_bottleneck_of_one_module_has_no_temporal_convolution():
    starter, larger = load_structure("starter"), load_structure("starter_rgb_flow")
    assert not has_dilation(starter, starter.block(5))
    assert has_dilation(larger, larger.block(5))
    lite = load_structure("assemblenet_plus_lite").with_settings(blocks=(1, 1, 1, 1))
    assert has_dilation(lite, lite.block(2))


@pytest.mark.parametrize("name", STARTS)
def test_every_legal_connection_comes_with_probability_one_half(name: str):
    """The mean over all connections: mending adds a little, drawing again as well."""
    shares = [len(s.edges()) / len(candidate_edges(s)) for s in _drawn(name)]
    assert 0.49 < sum(shares) / len(shares) < 0.55


def test_wherever_nothing_needs_mending_each_connection_comes_in_half_of_the_wirings():
    """Stems into the top block of a large network: others feed it, and others read them."""
    full = over_connect(load_structure("assemblenet-50"))
    counts: Counter[Edge] = Counter()
    for seed in range(1000):
        counts.update(_wired(full, Random(seed)).edges())
    assert all(440 < counts[Edge(stem, 14)] < 560 for stem in range(4))


def test_depth_counts_blocks_on_the_longest_path():
    start = load_structure("starter")
    nodes = list(start.nodes)
    nodes[11] = replace(start.block(11), connections=(Connection(0, None),))
    assert depth(replace(start, nodes=tuple(nodes[:5]))) == 0
    assert depth(replace(start, nodes=(*nodes[:5], nodes[11]))) == 1
    assert depth(start) == 4
