"""Add, drop and rewire: one connection more, one fewer, or one end elsewhere."""

from __future__ import annotations

from hypothesis import given, settings

from connsearch.evolution.limits import Limits
from connsearch.evolution.structure_editor import StructureEditor
from connsearch.graph.dag import candidate_edges, dangling_nodes
from connsearch.graph.files import load_structure
from connsearch.graph.rules import faults
from connsearch.graph.space import over_connect
from connsearch.graph.spec import FREE, Edge, Structure
from tests.evolution.parents import NAMES, SEEDS, parents, step
from tests.pruning.structures import drawn


def edges_after(parent: Structure, name: str, seed: int) -> set[Edge] | None:
    offspring = step(parent, name, seed, Limits.of(parent))
    return None if offspring is None else set(offspring.structure.edges())


def test_add_reaches_every_unused_connection() -> None:
    parent = load_structure("starter")
    before, added = set(parent.edges()), set[Edge]()
    for seed in range(400):
        offspring = step(parent, "add", seed, Limits.of(parent))
        assert offspring is not None
        (new,) = set(offspring.structure.edges()) - before
        assert before < set(offspring.structure.edges())
        assert offspring.structure.weights()[new] == FREE
        added.add(new)
    assert added == set(candidate_edges(parent)) - before


def test_add_finds_nothing_where_all_are_there() -> None:
    for name in NAMES:
        parent = over_connect(load_structure(name))
        assert edges_after(parent, "add", 0) is None


def test_drop_reaches_every_connection_that_may_go() -> None:
    """Found independently: taken out one by one, judged by the rules and by reachability."""
    for name in NAMES:
        parent = load_structure(name)
        may_go = {e for e in parent.edges() if not harms(parent, e)}
        dropped = set[Edge]()
        for seed in range(600):
            after = edges_after(parent, "drop", seed)
            assert after is not None
            dropped |= set(parent.edges()) - after
        assert dropped == may_go


def harms(parent: Structure, edge: Edge) -> bool:
    editor = StructureEditor(parent)
    editor.disconnect(edge)
    child = editor.finish().structure
    read = {source for source, _ in child.edges()}
    return bool(faults(child)) or edge.source not in read or dangling(child) > dangling(parent)


def dangling(structure: Structure) -> set[int]:
    return dangling_nodes(structure)


def test_drop_leaves_what_somebody_needs() -> None:
    chain = drawn((0, 1), {2: {0: 0.5, 1: 0.5}, 3: {2: None}})
    assert edges_after(chain, "drop", 0) is None  # both stems would go unread
    spare = drawn((0, 1), {2: {0: 0.5, 1: 0.5}, 3: {2: 0.5, 0: 0.5}})
    assert {frozenset(edges_after(spare, "drop", s) or ()) for s in range(20)} == {
        frozenset({Edge(1, 2), Edge(2, 3), Edge(0, 3)}),
        frozenset({Edge(0, 2), Edge(1, 2), Edge(2, 3)}),
    }


def test_drop_does_not_rely_on_a_reader_that_dangles() -> None:
    """Node 2 is read by 4, and by 3, which nobody reads: it must keep 4."""
    parent = drawn(
        (0, 1, 2),
        {2: {0: 0.5, 1: 0.5}, 3: {2: 0.5, 0: 0.5}, 4: {2: 0.5, 1: 0.5, 0: 0.5}},
    )
    assert dangling_nodes(parent) == {3}
    for seed in range(40):
        after = edges_after(parent, "drop", seed)
        assert after is not None
        assert Edge(2, 4) in after


@settings(max_examples=40)
@given(parents(), SEEDS)
def test_rewire_moves_one_end(parent: Structure, seed: int) -> None:
    offspring = step(parent, "rewire", seed, Limits.of(parent))
    if offspring is None:
        return
    new = {
        Edge(*(offspring.origins[n][0] for n in edge)): edge for edge in offspring.structure.edges()
    }
    (gone,) = set(parent.edges()) - set(new)
    (come,) = set(new) - set(parent.edges())
    assert (gone.source == come.source) != (gone.target == come.target)
    alone = len(offspring.structure.block(new[come].target).inputs) == 1
    assert offspring.structure.weights()[new[come]] == (None if alone else FREE)


def test_rewire_reaches_all_moves_that_harm_nobody() -> None:
    parent = drawn((0, 0, 1), {2: {0: 0.5, 1: 0.5}, 3: {1: None}, 4: {2: 0.5, 3: 0.5}})
    moves = {(Edge(1, 2), Edge(0, 2)): False}
    for gone in parent.edges():
        for come in set(candidate_edges(parent)) - set(parent.edges()):
            if (gone.source == come.source) != (gone.target == come.target):
                moves[gone, come] = _moves_well(parent, gone, come)
    found = set[tuple[Edge, Edge]]()
    for seed in range(300):
        after = edges_after(parent, "rewire", seed)
        assert after is not None
        (gone,), (come,) = set(parent.edges()) - after, after - set(parent.edges())
        found.add((gone, come))
    assert found == {move for move, well in moves.items() if well}
    assert found


def _moves_well(parent: Structure, gone: Edge, come: Edge) -> bool:
    editor = StructureEditor(parent)
    editor.disconnect(gone)
    editor.connect(come)
    child = editor.finish().structure
    return not faults(child) and not dangling_nodes(child)


def test_rewire_finds_nothing_where_no_end_can_move() -> None:
    parent = drawn((0,), {2: {0: 0.5, 1: 0.5}})
    assert edges_after(parent, "rewire", 0) is None
    assert edges_after(over_connect(load_structure("starter")), "rewire", 0) is None


def test_rewire_does_not_move_the_last_way_up_into_a_dead_end() -> None:
    """Node 2 reaches the top over 4 only; nobody reads 3."""
    parent = drawn((0, 1, 2), {2: {0: 0.5, 1: 0.5}, 3: {0: 0.5, 1: 0.5}, 4: {2: 0.5, 1: 0.5}})
    assert dangling_nodes(parent) == {3}
    for seed in range(100):
        offspring = step(parent, "rewire", seed, Limits.of(parent))
        assert offspring is not None
        assert dangling_nodes(offspring.structure) <= {3}
