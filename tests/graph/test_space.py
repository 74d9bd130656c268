"""Over-connected and random structures: what they must contain and how they are drawn."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connsearch.errors import SettingsError
from connsearch.graph.dag import candidate_edges, dangling_nodes
from connsearch.graph.files import load_structure
from connsearch.graph.parse import parse_structure
from connsearch.graph.plan import final_nodes, pin
from connsearch.graph.rules import faults
from connsearch.graph.space import over_connect, random_structure
from connsearch.graph.spec import FREE, Block, NetworkSettings, Stem, Structure
from tests.graph.strategies import LAW, structures


@LAW
@given(structures())
def test_over_connected_is_every_candidate_and_valid(structure: Structure):
    before = structure.edges()
    full = over_connect(structure)
    assert faults(full) == []
    assert set(full.edges()) == set(candidate_edges(structure)) >= set(before)
    assert set(full.weights().values()) == {FREE}
    assert all(list(b.inputs) == sorted(b.inputs) for _, b in full.blocks())
    assert not any(c.peers for _, c in full.connections())
    assert over_connect(full) == full
    assert structure.edges() == before


@LAW
@given(structures())
def test_over_connecting_can_keep_what_was_learned(structure: Structure):
    full = over_connect(structure, keep_weights=True)
    assert faults(full) == []
    known = dict(structure.connections())
    for edge, connection in full.connections():
        if edge in known:
            assert connection == known[edge]
        else:
            assert (connection.weight, connection.peers) == (FREE, ())


def _same_nodes(a: Structure, b: Structure) -> bool:
    def bare(structure: Structure) -> list[object]:
        return [
            n
            if isinstance(n, Stem)
            else (n.level, n.filters, n.temporal_dilation, n.spatial_stride)
            for n in structure.nodes
        ]

    return bare(a) == bare(b) and (a.network, a.finals, a.family) == (b.network, b.finals, b.family)


@LAW
@given(structures(), st.data())
def test_random_structures_have_the_number_asked_for_and_are_valid(
    like: Structure, data: st.DataObject
):
    blocks, candidates = sum(1 for _ in like.blocks()), len(candidate_edges(like))
    count = data.draw(st.integers(blocks, candidates))
    seed = data.draw(st.integers(0, 2**32))
    found = random_structure(like, connections=count, rng=Random(seed))
    assert faults(found) == []
    assert len(found.edges()) == len(set(found.edges())) == count
    assert _same_nodes(found, like)
    assert found == random_structure(like, connections=count, rng=Random(seed))
    for _, block in found.blocks():
        default = FREE if len(block.connections) > 1 else None
        assert {c.weight for c in block.connections} == {default}
        assert block.pinned is None


@LAW
@given(structures(), st.data())
def test_every_node_is_live_wherever_enough_connections_are_asked_for(
    like: Structure, data: st.DataObject
):
    """As many as nodes suffice: one into every block, one out of every other node."""
    candidates = len(candidate_edges(like))
    enough = len(like) + sum(1 for _ in like.blocks())
    count = data.draw(st.integers(min(enough, candidates), candidates))
    found = random_structure(like, connections=count, rng=Random(data.draw(st.integers(0, 99))))
    top = {i for i, b in like.blocks() if b.level == like.network.levels - 1}
    assert dangling_nodes(found) <= top - set(final_nodes(like))


def chain_of_four() -> Structure:
    """Three nodes a level: 3 + 3 connections cover everything, found only by matching."""
    rows: list[list[object]] = [[-1, 1], [-2, 1], [-2, 1]]
    rows += [[0, [0], 4, 1, 1] for _ in range(3)] + [[1, [3], 4, 1, 1] for _ in range(3)]
    network = NetworkSettings(blocks=(1, 1), inner_widths=(4, 4))
    return parse_structure(rows, network=network)


@pytest.mark.parametrize("seed", range(20))
def test_the_smallest_number_that_can_keep_all_live_does(seed: int):
    found = random_structure(chain_of_four(), connections=6, rng=Random(seed))
    assert len(found.edges()) == 6
    assert dangling_nodes(found) == set()


@pytest.mark.parametrize("seed", range(20))
def test_with_too_few_connections_the_structure_is_valid_all_the_same(seed: int):
    starter = load_structure("starter")  # 12 nodes, 7 blocks
    found = random_structure(starter, connections=7, rng=Random(seed))
    assert faults(found) == []
    assert len(found.edges()) == 7
    assert 11 not in dangling_nodes(found)


def test_draws_differ_and_reach_every_candidate():
    starter = load_structure("starter")
    drawn = [random_structure(starter, connections=20, rng=Random(s)).edges() for s in range(200)]
    assert len(set(drawn)) == 200
    counts = Counter(edge for edges in drawn for edge in edges)
    assert set(counts) == set(candidate_edges(starter))


def test_the_generator_decides_and_the_parent_stays():
    starter = load_structure("starter")
    rng = Random(3)
    first = random_structure(starter, connections=20, rng=rng)
    assert first != random_structure(starter, connections=20, rng=rng)
    assert starter == load_structure("starter")


@pytest.mark.parametrize("count", [-1, 0, 6, 54])
def test_numbers_that_cannot_be_are_refused(count: int):
    expected = "starter has 7 blocks, which need one each, and 53 candidate connections"
    with pytest.raises(SettingsError, match=expected):
        random_structure(load_structure("starter"), connections=count, rng=Random(0))


def test_pinned_stem_widths_and_finals_stay_and_pinned_blocks_are_derived_again():
    pinned = pin(load_structure("starter"))
    for other in (over_connect(pinned), random_structure(pinned, connections=20, rng=Random(0))):
        assert [n.width for _, n in other.stems()] == [n.width for _, n in pinned.stems()]
        assert other.finals == pinned.finals
        assert all(n.pinned is None for n in other.nodes if isinstance(n, Block))
        assert faults(other) == []
