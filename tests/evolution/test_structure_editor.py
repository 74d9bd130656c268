"""A editor: what it knows about its wiring, how it is repaired, and what it becomes."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings

from connsearch.evolution.structure_editor import StructureEditor
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
    offspring = StructureEditor(parent).finish()
    place = {old[0]: new for new, old in enumerate(offspring.origins)}
    assert sorted(place) == list(range(len(parent)))
    child = validate(offspring.structure)
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
    editor = StructureEditor(parent)
    assert set(editor.live()) == set(range(len(parent))) - dangling_nodes(parent)
    assert editor.legal() == sorted(candidate_edges(parent))
    assert set(editor.unused()) == set(candidate_edges(parent)) - set(parent.edges())
    for index, block in parent.blocks():
        assert editor.inputs(index) == sorted(block.inputs)
        assert editor.level(index) == block.level
    for index in range(len(parent)):
        assert editor.readers(index) == sorted(t for s, t in parent.edges() if s == index)


@settings(max_examples=40)
@given(parents(), SEEDS)
def test_removable_ones_may_all_go_one_after_the_other(parent: Structure, seed: int) -> None:
    editor, rng = StructureEditor(parent), Random(seed)
    live = editor.live()
    while removable := editor.removable():
        editor.disconnect(rng.choice(removable))
        assert editor.live() == live
    validate(editor.finish().structure)
    needs = editor.needs()
    assert all(needs.of_target(e) or needs.of_source(e) for e in editor.weights)


@settings(max_examples=40)
@given(parents(), SEEDS)
def test_mend_feeds_every_block_and_lets_every_node_reach_the_head(
    parent: Structure, seed: int
) -> None:
    editor, rng = StructureEditor(parent), Random(seed)
    for edge in rng.sample(sorted(editor.weights), rng.randint(0, len(editor.weights))):
        editor.disconnect(edge)
    before = set(editor.weights)
    added = editor.repair(rng)
    assert len(set(added)) == len(added)
    assert set(editor.weights) == before | set(added)
    assert not before & set(added)
    child = editor.finish().structure
    validate(child)
    top = child.network.levels - 1
    assert all(levels(child)[n] == top for n in dangling_nodes(child))
    assert editor.repair(rng) == []


def test_mend_prefers_what_is_worth_more(chain: Structure) -> None:
    worth = {Edge(0, 2): 0.5, Edge(1, 2): 0.2, Edge(2, 3): 0.4, Edge(1, 3): 0.6}
    for seed in range(10):
        editor = StructureEditor(chain)
        for edge in worth:
            editor.disconnect(edge)
        # 0 has a reader again before 1 looks for one; 2 is read as soon as 3 has taken 1.
        assert set(editor.repair(Random(seed), worth)) == {Edge(0, 2), Edge(1, 3), Edge(2, 3)}


def test_mend_draws_where_nothing_is_worth_more(chain: Structure) -> None:
    found = Counter[Edge]()
    for seed in range(300):
        editor = StructureEditor(chain)
        editor.disconnect(Edge(0, 2))
        found.update(editor.repair(Random(seed), {Edge(1, 2): 1.0}))
    assert set(found) == {Edge(0, 2), Edge(0, 3), Edge(0, 4)}
    assert min(found.values()) > 60
    tie = Counter[Edge]()
    for seed in range(300):
        editor = StructureEditor(chain)
        editor.disconnect(Edge(0, 2))
        tie.update(editor.repair(Random(seed), {Edge(0, 2): 0.5, Edge(0, 4): 0.5, Edge(0, 3): 0.4}))
    assert set(tie) == {Edge(0, 2), Edge(0, 4)}


def test_mend_leaves_a_whole_draft_alone() -> None:
    editor = StructureEditor(load_structure("assemblenet-50"))
    assert editor.repair(Random(0)) == []
    dangling = StructureEditor(load_structure("assemblenet_plus-50"))
    assert [edge.source for edge in dangling.repair(Random(0))] == [9]


def test_only_the_final_block_of_lite_makes_a_node_live() -> None:
    """Two blocks at the top of a lite structure: the head reads the first."""
    lite = load_structure("assemblenet_plus_lite")
    editor = StructureEditor(lite)
    other = editor.add(editor.block(10))
    editor.connect(Edge(9, other))
    assert editor.finals() == [10]
    assert other not in editor.live()
    editor.disconnect(Edge(9, 10))
    assert editor.repair(Random(0)) == [Edge(9, 10)]


def test_names_of_new_nodes_are_never_used_twice(chain: Structure) -> None:
    editor = StructureEditor(chain)
    first = editor.add(Stem(Modality.RGB))
    assert first == 5
    editor.remove(first)
    assert editor.add(Stem(Modality.RGB)) == 6
    with pytest.raises(AssertionError, match="node 0 is a stem"):
        editor.block(0)
    with pytest.raises(AssertionError, match="node 2 is a block"):
        editor.stem(2)


def test_nodes_are_numbered_by_modality_then_level() -> None:
    parent = drawn((0, 1), {2: {0: 0.5, 1: 0.5}, 3: {2: None}})
    editor = StructureEditor(parent)
    block = editor.add(editor.block(2), (2,))
    stem = editor.add(Stem(Modality.RGB, 8))
    for source, target in ((stem, block), (block, 3)):
        editor.connect(Edge(source, target))
    offspring = editor.finish()
    assert offspring.origins == ((0,), (), (1,), (2,), (2,), (3,))
    assert offspring.structure.edges() == (
        Edge(0, 3), Edge(2, 3), Edge(1, 4), Edge(3, 5), Edge(4, 5)
    )  # fmt: skip
    assert offspring.structure.weights()[Edge(1, 4)] is None
    assert offspring.structure.weights()[Edge(3, 5)] == FREE


def test_pins_and_peers_are_dropped() -> None:
    parent = pin(load_structure("assemblenet_plus-50"))
    child = StructureEditor(parent).finish().structure
    assert child.finals is None
    assert all(stem.width is None for _, stem in child.stems())
    assert all(block.pinned is None for _, block in child.blocks())
    assert not any(connection.peers for _, connection in child.connections())
