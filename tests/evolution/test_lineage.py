"""Ancestors, operators taken again, and connections traced back to what brought them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from connsearch.errors import RunError, UnknownNameError
from connsearch.evolution.history import History
from connsearch.evolution.review.lineage import (
    ancestry,
    children_of,
    connection_ancestry,
    founders,
    repeatable,
    replayed,
)
from connsearch.evolution.steps import Step, replay
from connsearch.graph.hashing import structure_hash
from connsearch.graph.spec import Edge
from tests.evolution.hand_made import Evolution, evolved


@pytest.fixture(scope="module")
def evolution() -> Evolution:
    return evolved(60)


def test_the_line_goes_from_the_founder_to_the_child(evolution: Evolution) -> None:
    history = evolution.history
    number = max(history.births, key=lambda n: len(ancestry(history, n)))
    line = ancestry(history, number)
    assert len(line) > 3
    assert line[-1] == number
    assert not history.births[line[0]]["parents"]
    assert all(history.births[c]["parents"] == [p] for p, c in pairwise(line))
    assert founders(history)[number] == line[0]


def test_children_are_those_that_have_parents(evolution: Evolution) -> None:
    history = evolution.history
    children = children_of(history)
    assert sorted(n for found in children.values() for n in found) == [
        n for n in sorted(history.births) if history.births[n]["parents"]
    ]
    for number, below in children.items():
        assert all(history.births[n]["parents"] == [number] for n in below)


def test_every_child_comes_out_of_its_steps_again(evolution: Evolution) -> None:
    for number, birth in evolution.history.births.items():
        found = replayed(evolution.history, number, evolution.limits)
        assert structure_hash(found) == birth["hash"]


def test_steps_that_make_something_else_are_told(evolution: Evolution) -> None:
    history = evolution.history
    number = next(n for n, birth in history.births.items() if birth["parents"])
    birth = history.births[number]
    forged = {**history.births, number: {**birth, "steps": [["rewire", 12345]]}}
    copy = History(history.start, history.signs, history.population)
    copy.births, copy.judged = forged, history.judged
    with pytest.raises(RunError) as caught:
        replayed(copy, number, evolution.limits)
    assert f"child {number} of child {birth['parents'][0]}: replayed" in str(caught.value)
    assert "differ" in str(caught.value)


def test_unknown_numbers_and_connections_are_named(evolution: Evolution) -> None:
    with pytest.raises(UnknownNameError, match="no child 99; children are numbered 0 to 59"):
        ancestry(evolution.history, 99)
    with pytest.raises(UnknownNameError, match="child 5 has no connection 0 -> 1"):
        connection_ancestry(evolution.history, 5, Edge(0, 1), evolution.limits)


def test_a_founders_connection_is_as_old_as_the_founder(evolution: Evolution) -> None:
    edge = evolution.history.child(0).structure.edges()[0]
    found = connection_ancestry(evolution.history, 0, edge, evolution.limits)
    assert (found.child, found.operator) == (0, "start")
    assert [g.edges for g in found.generations] == [(edge,)]
    learned = evolution.history.learned(0).weights()[edge]
    assert found.generations[0].weights == (learned,)


def test_every_connection_is_traced_to_where_it_first_stood(evolution: Evolution) -> None:
    """Before that ancestor no connection between the same nodes is there; since then always."""
    history, limits = evolution.history, evolution.limits
    number = max(history.births, key=lambda n: len(ancestry(history, n)))
    line = ancestry(history, number)
    since: set[int] = set()
    for edge in history.child(number).structure.edges():
        found = connection_ancestry(history, number, edge, limits)
        since.add(found.child)
        assert [g.child for g in found.generations] == line[line.index(found.child) :]
        assert found.generations[-1].edges == (edge,)
        for generation in found.generations:
            weights = history.learned(generation.child).weights()
            assert generation.weights == tuple(weights[e] for e in generation.edges)
        if found.child != line[0]:
            assert found.operator in {s.operator for s in history.child(found.child).steps}
            assert found.operator != "dilation", "it adds no connection"
            before = line[line.index(found.child) - 1]
            steps = history.child(found.child).steps
            origins = replay(history.learned(before), steps, limits).origins
            (first,) = found.generations[0].edges
            there = {(s, t) for s in origins[first.source] for t in origins[first.target]}
            if {s.operator for s in steps} <= {"guided", "dilation", "stem_dilation", "filters"}:
                assert there.isdisjoint(history.learned(before).edges())
    assert len(since) > 2, "connections of different ages"


def test_the_step_that_brought_a_connection_is_named() -> None:
    evolution = evolved(1, mishaps=False)
    history = evolution.history
    steps = (Step("dilation", 1), Step("add", 2), Step("stem_dilation", 3), Step("split", 4))
    offspring = replay(history.learned(0), steps, evolution.limits)
    number = evolution.bear(offspring.structure, (0,), steps)
    old = set(history.child(0).structure.edges())
    evolution.judge(number)
    origins = offspring.origins
    new = [
        e for e in offspring.structure.edges()
        if old.isdisjoint(Edge(s, t) for s in origins[e.source] for t in origins[e.target])
    ]  # fmt: skip
    assert new
    for edge in new:
        found = connection_ancestry(history, number, edge, evolution.limits)
        assert (found.child, found.operator, found.seed) == (number, "add", 2)
    kept = connection_ancestry(history, number, offspring.structure.edges()[0], evolution.limits)
    assert (kept.child, kept.operator) == (0, "start")
    assert [g.child for g in kept.generations] == [0, number]


def test_a_founder_of_no_known_operator_is_not_made_again() -> None:
    evolution = evolved(1, mishaps=False)
    number = evolution.bear(evolution.start, (), (Step("by_hand", 0),))
    evolution.judge(number)
    assert repeatable(evolution.history, 0)
    assert not repeatable(evolution.history, number)
    with pytest.raises(UnknownNameError, match="by_hand"):
        replayed(evolution.history, number, evolution.limits)
    edge = evolution.start.edges()[0]
    found = connection_ancestry(evolution.history, number, edge, evolution.limits)
    assert found.operator == "by_hand"


def test_a_merge_joins_connections_and_a_split_doubles_them() -> None:
    evolution = evolved(1, mishaps=False)
    history = evolution.history

    def child(parent: int, operator: str) -> int:
        step = Step(operator, 3)
        made = replay(history.learned(parent), [step], evolution.limits).structure
        number = evolution.bear(made, (parent,), (step,))
        evolution.judge(number)
        return number

    split = child(0, "split")
    merged = child(split, "merge")
    stages = [
        replay(history.learned(p), history.child(c).steps, evolution.limits)
        for p, c in ((0, split), (split, merged))
    ]
    twins = [n for n, o in enumerate(stages[0].origins) if stages[0].origins.count(o) > 1]
    assert len(twins) == 2
    for edge in history.child(split).structure.edges():
        if set(edge) & set(twins):
            found = connection_ancestry(history, split, edge, evolution.limits)
            assert found.operator == "start", "both halves have what the whole had"
    joined = next(n for n, o in enumerate(stages[1].origins) if len(o) == 2)
    edge = next(e for e in history.child(merged).structure.edges() if e.target == joined)
    found = connection_ancestry(history, merged, edge, evolution.limits)
    assert {e.target for g in found.generations if g.child == split for e in g.edges} <= set(
        stages[1].origins[joined]
    )


def test_replaying_needs_what_the_parent_learned(evolution: Evolution) -> None:
    """The steps are pure: nothing but the parent, the steps and the limits counts."""
    history = evolution.history
    number = next(n for n, birth in history.births.items() if birth["parents"])
    child = history.child(number)
    parent = history.learned(child.parents[0])
    again = replay(replace(parent, name="other"), child.steps, evolution.limits)
    assert structure_hash(again.structure) == child.hash
