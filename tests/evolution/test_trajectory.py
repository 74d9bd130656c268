"""An evolution told again: rounds, diversity, what operators brought, who fared how."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connsearch.evolution.history import key_of
from connsearch.evolution.population import dominates
from connsearch.evolution.review.children import best_children, children_of, mishaps, refusals
from connsearch.evolution.review.operator_stats import operator_yield
from connsearch.evolution.review.trajectory import (
    diversity,
    initial_rounds,
    rounds,
    wiring_distance,
    wiring_pattern,
)
from connsearch.evolution.steps import Step, replay
from connsearch.graph.spec import Structure
from tests.evolution.hand_made import Evolution, evolved


def bred(evolution: Evolution, parent: int, operators: tuple[str, ...], value: float) -> int:
    """A child of a known parent, by known operators, of a known value."""
    steps = [Step(operator, 3) for operator in operators]
    made = replay(evolution.history.learned(parent), steps, evolution.limits).structure
    number = evolution.bear(made, (parent,), tuple(steps))
    evolution.judge(number, values=(value,))
    return number


@pytest.fixture
def empty() -> Evolution:
    return evolved(0, population=2)


@settings(max_examples=15)
@given(
    seed=st.integers(0, 1000),
    children=st.integers(0, 40),
    removal=st.sampled_from(["worst", "oldest"]),
    objectives=st.sampled_from([("accuracy",), ("accuracy", "macs")]),
)
def test_the_told_population_is_the_studys(
    seed: int, children: int, removal: str, objectives: tuple[str, ...]
) -> None:
    evolution = evolved(children, population=5, seed=seed, removal=removal, objectives=objectives)
    told = rounds(evolution.history)
    assert [e.number for e in told] == list(range(len(told)))
    assert len({e.child for e in told}) == len(told)
    if told:
        assert list(told[-1].members) == evolution.history.population.members
        best = [
            max(v) for v in zip(*(s.values for s in evolution.history.standings()), strict=True)
        ]
        assert list(told[-1].top) == pytest.approx(best)
    for entry in told:
        assert entry.entered == (entry.left != entry.child)
        assert len(entry.members) <= 5
        if not entry.entered:
            assert entry.child not in {m.number for m in entry.members}


def test_rounds_say_who_entered_who_left_and_who_was_the_best(empty: Evolution) -> None:
    values = [0.5, 0.4, 0.6, 0.3]
    for value in values:
        empty.judge(empty.found(), values=(value,))
    told = rounds(empty.history)
    assert [e.number for e in told] == [e.child for e in told], "both count from 0"
    assert [d.round for d in diversity(empty.history)] == [e.number for e in told]
    assert [(e.entered, e.left, e.best) for e in told] == [
        (True, None, True),
        (True, None, False),
        (True, 1, True),
        (False, 3, False),
    ]
    assert [e.mean for e in told] == [(0.5,), (pytest.approx(0.45),), *[(pytest.approx(0.55),)] * 2]
    assert [e.top for e in told] == [(0.5,), (0.5,), (0.6,), (0.6,)]


def test_a_second_evaluation_belongs_to_the_round_before_it(empty: Evolution) -> None:
    empty.judge(empty.found(), values=(0.8,))
    empty.judge(empty.found(), values=(0.5,))
    empty.judge(0, evaluation=1, values=(0.2,))
    told = rounds(empty.history)
    assert len(told) == 2
    assert told[0].top == (0.8,)
    assert told[1].top == (0.5,), "a lucky best is no longer one"
    assert [m.number for m in told[1].members] == [0, 1]


def test_children_of_parents_end_the_initial_phase(empty: Evolution) -> None:
    assert initial_rounds(empty.history, []) == 0
    empty.judge(empty.found(), values=(0.5,))
    empty.judge(empty.found(), values=(0.5,))
    assert initial_rounds(empty.history, rounds(empty.history)) == 2
    bred(empty, 0, ("rewire",), 0.7)
    empty.judge(empty.found(), values=(0.5,))
    assert initial_rounds(empty.history, rounds(empty.history)) == 2


def test_diversity_counts_structures_founders_and_distance(empty: Evolution) -> None:
    start = empty.found()
    empty.judge(start, values=(0.5,))
    twin = empty.bear(empty.start, (), (Step("start", 0),))
    empty.judge(twin, values=(0.6,))
    child = bred(empty, twin, ("add",), 0.7)
    found = diversity(empty.history)
    counts = [(d.members, d.structures, d.founders) for d in found]
    assert counts == [
        (1, 1, 1),
        (2, 1, 2),
        (2, 2, 1),
    ]
    patterns = [wiring_pattern(empty.history.child(n).structure) for n in (twin, child)]
    assert [d.distance for d in found] == [0, 0, pytest.approx(wiring_distance(*patterns))]
    assert found[-1].distance > 0


def test_the_distance_is_a_distance(structure: Structure) -> None:
    a = wiring_pattern(structure)
    assert sum(a.values()) == len(structure.edges())
    assert wiring_distance(a, a) == 0
    assert wiring_distance(a, {}) == 1
    assert wiring_distance({}, {}) == 0
    b = Counter({("rgb", "level 0"): 1})
    assert wiring_distance(a, b) == wiring_distance(b, a) == 1 - 1 / len(structure.edges())


def test_each_operator_of_a_child_is_counted_once(empty: Evolution) -> None:
    empty.judge(empty.found(), values=(0.5,))
    bred(empty, 0, ("rewire", "dilation", "rewire"), 0.7)
    bred(empty, 0, ("rewire",), 0.4)
    number = empty.bear(empty.start, (0,), (Step("split", 1),))
    empty.judge(number, state="failed", given_up=True)
    found = {row.operator: row for row in operator_yield(empty.history)}
    assert list(found) == ["rewire", "dilation", "split"]
    rewire = found["rewire"]
    assert (rewire.used, rewire.judged, rewire.better) == (2, 2, 1)
    assert (rewire.entered, rewire.best) == (1, 1)
    assert rewire.change == pytest.approx(0.05)
    assert rewire.error == pytest.approx(0.15)  # sd 0.2121 over the root of 2
    assert found["dilation"].judged == 1
    assert math.isnan(found["dilation"].error)
    split = found["split"]
    assert (split.used, split.judged, split.better) == (1, 0, 0)
    assert math.isnan(split.change)


def test_better_means_dominating_for_several_objectives() -> None:
    evolution = evolved(40, objectives=("accuracy", "macs"), mishaps=False, elites=0)
    history = evolution.history
    pairs = {n: birth["parents"][0] for n, birth in history.births.items() if birth["parents"]}
    for row in operator_yield(history):
        used = [n for n in pairs if row.operator in {s.operator for s in history.child(n).steps}]
        better = [
            n for n in used
            if dominates(history.standing(n).values, history.standing(pairs[n]).values)
        ]  # fmt: skip
        assert (row.used, row.better) == (len(used), len(better))
    front = best_children(history)
    assert len(front) > 1
    for a in front:
        assert not any(dominates(s.values, history.standing(a).values) for s in history.standings())


def test_the_census_knows_every_child() -> None:
    history = evolved(60).history
    entries = children_of(history)
    assert [e.number for e in entries] == list(range(60))
    assert Counter(e.fate for e in entries).keys() == {"judged", "pruned", "failed"}
    assert sum(e.member for e in entries) == len(history.population.members)
    best = best_children(history)[0]
    assert entries[best].values == max(e.values for e in entries if e.values)
    assert any(e.evaluations == 3 and e.spread and e.spread[0] > 0 for e in entries)
    failed = [t for t in history.trials.values() if t.state == "failed"]
    assert [m.trial for m in mishaps(history)] == [t.number for t in failed]
    given_up = {m.child for m in mishaps(history) if m.given_up}
    assert given_up == {e.number for e in entries if e.fate == "failed"}
    children = [n for n, birth in history.births.items() if birth["parents"]]
    assert refusals(history)["over budget"] == sum(n % 2 for n in children)


def test_an_unfinished_child_is_open() -> None:
    evolution = evolved(0)
    evolution.judge(evolution.found(), state="running")
    (entry,) = children_of(evolution.history)
    assert (entry.fate, entry.values, entry.evaluations) == ("open", None, 0)
    assert key_of(evolution.history.trials[0]).child == 0
