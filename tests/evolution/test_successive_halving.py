"""Who goes on from a rung."""

from __future__ import annotations

from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from connsearch.evolution.population import dominates
from connsearch.evolution.successive_halving import goes_on

ROWS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=12)


@given(ROWS, st.floats(0.05, 0.95))
def test_the_share_that_goes_on_is_the_best(rows: list[tuple[int, int]], share: float) -> None:
    reached = {n: tuple(map(float, row)) for n, row in enumerate(rows)}
    on = [n for n in reached if goes_on(n, reached, share)]
    assert len(on) == ceil(len(rows) * share)
    for stays in set(reached) - set(on):
        assert not any(dominates(reached[stays], reached[n]) for n in on)


@given(st.floats(0.01, 0.99))
def test_the_first_goes_on(share: float) -> None:
    assert goes_on(7, {7: (0.0,)}, share)


def test_equal_values_are_decided_by_age() -> None:
    assert [goes_on(n, {1: (1.0,), 2: (1.0,)}, 0.5) for n in (1, 2)] == [True, False]
