"""A draft: what it knows about its wiring, how it is mended, and what it becomes."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings

from connsearch.evolution.draft import Draft
from connsearch.graph.dag import candidate_edges, dangling_nodes, levels
from connsearch.graph.files import load_structure
from connsearch.graph.plan import pin
from connsearch.graph.rules import validate
from connsearch.graph.spec import FREE, Block, Edge, Modality, Stem, Structure
from tests.evolution.parents import SEEDS, parents
from tests.pruning.structures import drawn


@pytest.fixture
def chain() -> Structure:
    """Two stems -> 2 -> 3 -> 4, and 1 -> 3."""
    return drawn((0, 1, 2), {2: {0: 0.5, 1: 0.2}, 3: {2: 0.4, 1: 0.6}, 4: {3: None}})


@settings(max_examples=40)
@given(parents())
def test_nothing_done_gives_the_parent_back(parent: Structure) -> None:
    mutant = Draft(parent).finish()
    place = {old[0]: new for new, old in enumerate(mutant.origins)}
    assert sorted(place) == list(range(len(parent)))
    child = validate(mutant.structure)
    for index, node in enumerate(parent.nodes):
        other = child.nodes[place[index]]
        if isinstance(node, Stem):
            assert other == node
            continue
        assert isinstance(other, Block)
        known = {place[c.source]: c.weight for c in node.connections}
        if len(known) == 1:
            known = dict.fromkeys(known)
        assert {c.source: c.weight for c in other.connections} == known


@settings(max_examples=40)
@given(parents())
def test_it_knows_what_the_graph_knows(parent: Structure) -> None:
    draft = Draft(parent)
    assert set(draft.live()) == set(range(len(parent))) - dangling_nodes(parent)
    assert draft.legal() == sorted(candidate_edges(parent))
    assert set(draft.unused()) == set(candidate_edges(parent)) - set(parent.edges())
    for index, block in parent.blocks():
        assert draft.inputs(index) == sorted(block.inputs)
        assert draft.level(index) == block.level
    for index in range(len(parent)):
        assert draft.readers(index) == sorted(t for s, t in parent.edges() if s == index)


@settings(max_examples=40)
@given(parents(), SEEDS)
def test_removable_ones_may_all_go_one_after_the_other(parent: Structure, seed: int) -> None:
    draft, rng = Draft(parent), Random(seed)
    live = draft.live()
    while removable := draft.removable():
        draft.disconnect(rng.choice(removable))
        assert draft.live() == live
    validate(draft.finish().structure)
    needs = draft.needs()
    assert all(needs.of_target(e) or needs.of_source(e) for e in draft.weights)


@settings(max_examples=40)
@given(parents(), SEEDS)
def test_mend_feeds_every_block_and_lets_every_node_reach_the_head(
    parent: Structure, seed: int
) -> None:
    draft, rng = Draft(parent), Random(seed)
    for edge in rng.sample(sorted(draft.weights), rng.randint(0, len(draft.weights))):
        draft.disconnect(edge)
    before = set(draft.weights)
    added = draft.mend(rng)
    assert len(set(added)) == len(added)
    assert set(draft.weights) == before | set(added)
    assert not before & set(added)
    child = draft.finish().structure
    validate(child)
    top = child.network.levels - 1
    assert all(levels(child)[n] == top for n in dangling_nodes(child))
    assert draft.mend(rng) == []


def test_mend_prefers_what_is_worth_more(chain: Structure) -> None:
    worth = {Edge(0, 2): 0.5, Edge(1, 2): 0.2, Edge(2, 3): 0.4, Edge(1, 3): 0.6}
    for seed in range(10):
        draft = Draft(chain)
        for edge in worth:
            draft.disconnect(edge)
        # 0 has a reader again before 1 looks for one; 2 is read as soon as 3 has taken 1.
        assert set(draft.mend(Random(seed), worth)) == {Edge(0, 2), Edge(1, 3), Edge(2, 3)}


def test_mend_draws_where_nothing_is_worth_more(chain: Structure) -> None:
    found = Counter[Edge]()
    for seed in range(300):
        draft = Draft(chain)
        draft.disconnect(Edge(0, 2))
        found.update(draft.mend(Random(seed), {Edge(1, 2): 1.0}))
    assert set(found) == {Edge(0, 2), Edge(0, 3), Edge(0, 4)}
    assert min(found.values()) > 60
    tie = Counter[Edge]()
    for seed in range(300):
        draft = Draft(chain)
        draft.disconnect(Edge(0, 2))
        tie.update(draft.mend(Random(seed), {Edge(0, 2): 0.5, Edge(0, 4): 0.5, Edge(0, 3): 0.4}))
    assert set(tie) == {Edge(0, 2), Edge(0, 4)}


def test_mend_leaves_a_whole_draft_alone() -> None:
    draft = Draft(load_structure("assemblenet-50"))
    assert draft.mend(Random(0)) == []
    dangling = Draft(load_structure("assemblenet_plus-50"))
    assert [edge.source for edge in dangling.mend(Random(0))] == [9]


def test_only_the_final_block_of_lite_makes_a_node_live() -> None:
    """Two blocks at the top of a lite structure: the head reads the first."""
    lite = load_structure("assemblenet_plus_lite")
    draft = Draft(lite)
    other = draft.add(draft.block(10))
    draft.connect(Edge(9, other))
    assert draft.finals() == [10]
    assert other not in draft.live()
    draft.disconnect(Edge(9, 10))
    assert draft.mend(Random(0)) == [Edge(9, 10)]


def test_names_of_new_nodes_are_never_used_twice(chain: Structure) -> None:
    draft = Draft(chain)
    first = draft.add(Stem(Modality.RGB))
    assert first == 5
    draft.remove(first)
    assert draft.add(Stem(Modality.RGB)) == 6
    with pytest.raises(AssertionError, match="node 0 is a stem"):
        draft.block(0)
    with pytest.raises(AssertionError, match="node 2 is a block"):
        draft.stem(2)


def test_nodes_are_numbered_by_modality_then_level() -> None:
    parent = drawn((0, 1), {2: {0: 0.5, 1: 0.5}, 3: {2: None}})
    draft = Draft(parent)
    block = draft.add(draft.block(2), (2,))
    stem = draft.add(Stem(Modality.RGB, 8))
    for source, target in ((stem, block), (block, 3)):
        draft.connect(Edge(source, target))
    mutant = draft.finish()
    assert mutant.origins == ((0,), (), (1,), (2,), (2,), (3,))
    assert mutant.structure.edges() == (
        Edge(0, 3), Edge(2, 3), Edge(1, 4), Edge(3, 5), Edge(4, 5)
    )  # fmt: skip
    assert mutant.structure.weights()[Edge(1, 4)] is None
    assert mutant.structure.weights()[Edge(3, 5)] == FREE


def test_pins_and_peers_are_dropped() -> None:
    parent = pin(load_structure("assemblenet_plus-50"))
    child = Draft(parent).finish().structure
    assert child.finals is None
    assert all(stem.width is None for _, stem in child.stems())
    assert all(block.pinned is None for _, block in child.blocks())
    assert not any(connection.peers for _, connection in child.connections())
