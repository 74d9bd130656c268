"""Over-connected and random structures: what they must contain and how they are drawn."""

from __future__ import annotations

from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from connsearch.graph.dag import candidate_edges
from connsearch.graph.files import load_structure
from connsearch.graph.plan import pin
from connsearch.graph.rules import faults
from connsearch.graph.space import over_connect, random_wiring
from connsearch.graph.spec import FREE, Block, Edge, Stem, Structure
from tests.graph.strategies import LAW, structures
from tests.graph.wirings import random_structure


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


EDGES = [Edge(s, t) for t in range(4, 9) for s in range(t)]


def even(edges: frozenset[Edge]) -> frozenset[Edge]:
    """A wiring lives whose sources are even: what is odd goes, whatever is asked for."""
    return frozenset(e for e in edges if e.source % 2 == 0)


def test_without_a_number_each_connection_comes_with_its_probability():
    drawn = [random_wiring(EDGES, Random(seed), share=0.25) for seed in range(400)]
    counts = Counter(edge for edges in drawn for edge in edges)
    assert all(60 < counts[edge] < 140 for edge in EDGES)
    assert random_wiring(EDGES, Random(0), share=1.0) == frozenset(EDGES)
    assert random_wiring(EDGES, Random(0), share=0.0, fixed=EDGES[:2]) == frozenset(EDGES[:2])


@LAW
@given(st.integers(0, 2**32), st.data())
def test_with_a_number_exactly_so_many_are_drawn_and_the_fixed_stay(seed: int, data: st.DataObject):
    fixed = data.draw(st.lists(st.sampled_from(EDGES), unique=True, max_size=5))
    number = data.draw(st.integers(len(fixed), len(EDGES)))
    draws, thinnings = data.draw(st.sampled_from([(0, 1), (1, 0), (3, 2)]))
    chosen = {"number": number, "fixed": fixed, "draws": draws, "thinnings": thinnings}
    found = random_wiring(EDGES, Random(seed), **chosen)
    assert len(found) == number
    assert set(fixed) <= found <= set(EDGES)
    assert found == random_wiring(EDGES, Random(seed), **chosen), "the generator decides"


def test_uniform_draws_and_thinnings_reach_every_connection():
    for way in ({"draws": 1}, {"draws": 0}):
        drawn = {random_wiring(EDGES, Random(s), number=6, **way) for s in range(60)}
        assert len(drawn) == 60
        assert {edge for edges in drawn for edge in edges} == set(EDGES)


def test_what_does_not_live_goes_with_what_leaves():
    alive = len(even(frozenset(EDGES)))
    for seed in range(20):
        found = random_wiring(EDGES, Random(seed), number=alive - 3, living=even)
        assert found == even(found)
        assert len(found) == alive - 3


def test_no_draw_that_does_not_live_is_taken():
    ways = {"number": 5, "draws": 50, "thinnings": 0}
    assert random_wiring(EDGES, Random(0), living=lambda _: frozenset(), **ways) == set(EDGES)
    found = random_wiring(EDGES, Random(0), living=even, **ways)
    assert found == even(found)
    assert len(found) == 5


def test_a_number_that_cannot_be_met_leaves_the_fewest_above_it():
    pairs = [frozenset(EDGES[at : at + 2]) for at in range(0, len(EDGES) - 1, 2)]

    def whole(edges: frozenset[Edge]) -> frozenset[Edge]:
        """Connections live in twos only."""
        return frozenset(e for pair in pairs if pair <= edges for e in pair)

    found = random_wiring(EDGES[:-1], Random(1), number=7, living=whole, thinnings=5)
    assert len(found) == 8
    assert found == whole(found)


@LAW
@given(structures(), st.data())
def test_rewired_structures_have_the_number_asked_for_and_are_valid(
    like: Structure, data: st.DataObject
):
    blocks, candidates = sum(1 for _ in like.blocks()), len(candidate_edges(like))
    count = data.draw(st.integers(blocks, candidates))
    before = like.edges()
    found = random_structure(like, connections=count, rng=Random(data.draw(st.integers(0, 99))))
    assert faults(found) == []
    assert len(found.edges()) == len(set(found.edges())) == count
    assert _same_nodes(found, like)
    assert all(block.pinned is None for _, block in found.blocks())
    assert like.edges() == before


def test_pinned_stem_widths_and_finals_stay_and_pinned_blocks_are_derived_again():
    pinned = pin(load_structure("starter"))
    for other in (over_connect(pinned), random_structure(pinned, connections=20, rng=Random(0))):
        assert [n.width for _, n in other.stems()] == [n.width for _, n in pinned.stems()]
        assert other.finals == pinned.finals
        assert all(n.pinned is None for n in other.nodes if isinstance(n, Block))
        assert faults(other) == []
