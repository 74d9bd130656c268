"""Who is in the population, against brute force and against laws."""

from __future__ import annotations

from collections import Counter
from itertools import permutations
from math import comb, inf, sqrt
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connsearch.evolution.population import (
    Population,
    Standing,
    crowding,
    dominates,
    fronts,
    ranked,
)

VALUES = st.integers(0, 3).map(float)


@st.composite
def standings(draw: st.DrawFn, least: int = 1) -> list[Standing]:
    """Some standings of equally many values; few different ones, so that many are equal."""
    width = draw(st.integers(1, 3))
    rows = draw(st.lists(st.tuples(*[VALUES] * width), min_size=least, max_size=12))
    numbers = draw(st.permutations(range(len(rows))))
    return [Standing(number, row) for number, row in zip(numbers, rows, strict=True)]


@given(standings(3))
def test_dominance_is_a_strict_partial_order(found: list[Standing]) -> None:
    a, b, c = (s.values for s in found[:3])
    assert not dominates(a, a)
    assert not (dominates(a, b) and dominates(b, a))
    if dominates(a, b) and dominates(b, c):
        assert dominates(a, c)


@given(standings())
def test_fronts_are_depths_of_dominance(found: list[Standing]) -> None:
    def depth(s: Standing) -> int:
        above = [o for o in found if dominates(o.values, s.values)]
        return 1 + max((depth(o) for o in above), default=-1)

    expected = {s.number: depth(s) for s in found}
    layers = fronts(found)
    assert {s.number: n for n, layer in enumerate(layers) for s in layer} == expected
    assert sum(map(len, layers)) == len(found)


def test_crowding_by_hand() -> None:
    front = [Standing(n, v) for n, v in enumerate([(0.0, 4.0), (1.0, 3.0), (3.0, 1.0), (4.0, 0.0)])]
    assert crowding(front) == {0: inf, 3: inf, 1: 1.5, 2: 1.5}
    assert crowding([]) == {}
    alike = [Standing(n, (1.0, 1.0)) for n in range(4)]
    assert sorted(crowding(alike).values()) == [0.0, 0.0, inf, inf]


@given(standings())
def test_a_ranking_is_one_order_that_agrees_with_dominance(found: list[Standing]) -> None:
    order = ranked(found)
    assert sorted(s.number for s in order) == sorted(s.number for s in found)
    for place, s in enumerate(order):
        assert not any(dominates(later.values, s.values) for later in order[place + 1 :])
    assert ranked(reversed(found)) == order, "the order they are given in does not matter"


def test_the_older_of_two_equals_comes_first() -> None:
    assert [s.number for s in ranked(Standing(n, (1.0,)) for n in (3, 1, 2))] == [1, 2, 3]


@given(st.lists(st.integers(0, 4).map(float), max_size=25), st.integers(1, 6))
def test_the_worst_leave(values: list[float], size: int) -> None:
    population = Population(size)
    for number, value in enumerate(values):
        population.enter(Standing(number, (value,)))
    best = sorted(range(len(values)), key=lambda n: (-values[n], n))[:size]
    assert [m.number for m in population.members] == best


@given(st.lists(st.integers(0, 4).map(float), max_size=25), st.integers(1, 6))
def test_the_oldest_leave(values: list[float], size: int) -> None:
    population = Population(size, "oldest")
    left = [population.enter(Standing(n, (v,))) for n, v in enumerate(values)]
    newest = range(max(0, len(values) - size), len(values))
    assert sorted(m.number for m in population.members) == list(newest)
    assert [n for n in left if n is not None] == list(range(max(0, len(values) - size)))
    assert population.members == ranked(population.members)


def test_a_child_may_leave_as_it_comes() -> None:
    population = Population(2)
    assert [population.enter(Standing(n, (v,))) for n, v in enumerate((2.0, 3.0, 1.0))][-1] == 2
    assert 2 not in population
    assert 1 in population


def test_an_update_moves_a_member_and_brings_nobody_back() -> None:
    population = Population(2)
    for number, value in enumerate((3.0, 2.0, 1.0)):
        population.enter(Standing(number, (value,)))
    population.update(Standing(0, (1.5,), 2))
    assert [m.number for m in population.members] == [1, 0]
    population.update(Standing(2, (9.0,), 2))
    assert [m.number for m in population.members] == [1, 0]


def test_a_tournament_draws_without_repetition() -> None:
    """The member of rank r wins if it is drawn and nobody above it is: C(n-1-r, k-1) / C(n, k)."""
    size, members, draws = 3, 7, 6000
    population = Population(members)
    for number in range(members):
        population.enter(Standing(number, (-float(number),)))
    rng = Random(5)
    wins = Counter(population.tournament(size, rng).number for _ in range(draws))
    for rank in range(members):
        chance = comb(members - 1 - rank, size - 1) / comb(members, size)
        error = sqrt(chance * (1 - chance) / draws)
        assert wins[rank] / draws == pytest.approx(chance, abs=4.5 * error + 1e-12)


def test_a_tournament_of_too_few_is_all_of_them() -> None:
    population = Population(5)
    for number in range(2):
        population.enter(Standing(number, (float(number),)))
    assert {population.tournament(5, Random(n)).number for n in range(10)} == {1}


def test_several_objectives_keep_the_ends_of_the_front() -> None:
    front = [(0.0, 4.0), (1.0, 3.0), (1.1, 2.9), (3.0, 1.0), (4.0, 0.0)]
    for order in permutations(range(5)):
        population = Population(4)
        for number in order:
            population.enter(Standing(number, front[number]))
        assert {0, 4} <= {m.number for m in population.members}
