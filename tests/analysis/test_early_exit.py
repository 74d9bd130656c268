"""Budgets, shares and thresholds of early exits."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from connsearch.analysis.early_exit import (
    area_under,
    exit_shares,
    exits_of,
    expected_cost,
    mean_cost,
    recall_interval,
    solve,
    solve_budget,
    thresholds_of,
)
from connsearch.errors import SettingsError

COSTS = st.lists(st.floats(0.01, 100), min_size=2, max_size=20).map(
    lambda steps: np.cumsum(steps).tolist()
)
QS = st.floats(0.05, 20)


@given(COSTS, QS, st.floats(1.01, 3))
def test_costs_rise_with_q(costs: list[float], q: float, more: float) -> None:
    low, high = expected_cost(q, costs), expected_cost(q * more, costs)
    assert costs[0] <= low < high + 1e-12 * costs[-1]
    assert high <= costs[-1] * (1 + 1e-12)
    assert exit_shares(q, len(costs)).sum() == pytest.approx(1, abs=1e-12)


@given(COSTS, st.floats(0.001, 0.999))
def test_a_budget_is_met(costs: list[float], share: float) -> None:
    budget = costs[0] + share * (costs[-1] - costs[0])
    assert abs(expected_cost(solve(budget, costs), costs) - budget) < 2e-9 * costs[-1]


def test_published_budgets() -> None:
    costs = [1.684842018 * steps for steps in range(1, 17)]
    for budget, q in ((5, 0.66572), (9.9, 0.87591), (13.5, 0.97728), (20, 1.19636)):
        assert solve(budget, costs) == pytest.approx(q, abs=1e-5)


@pytest.mark.parametrize("budget", [0.0, 1.0, 5.0, 7.0, math.nan])
def test_a_budget_out_of_reach_is_refused_with_the_range(budget: float) -> None:
    with pytest.raises(SettingsError, match="above 1 and below 5"):
        solve(budget, [1.0, 3.0, 5.0])


def drawn(seed: int, clips: int, exits: int) -> np.ndarray:
    return np.random.default_rng(seed).permuted(
        np.tile(np.arange(clips, dtype=float)[:, None], exits), axis=0
    )


@given(st.integers(0, 99), st.integers(1, 60), COSTS, QS)
def test_calibration_clips_stop_as_planned(
    seed: int, clips: int, costs: list[float], q: float
) -> None:
    exits = len(costs)
    sure = drawn(seed, clips, exits)
    shares = exit_shares(q, exits)
    found = thresholds_of(sure, shares)
    by_then = np.ceil(clips * np.cumsum(shares[:-1]) - 1e-9)
    assert found.leaving[:-1].cumsum().tolist() == by_then.tolist()
    assert found.leaving.sum() == clips
    assert all(
        math.isinf(x) == (n == 0)
        for x, n in zip(found.values[:-1], found.leaving[:-1], strict=True)
    )
    stopped = exits_of(sure, found.values)
    assert np.bincount(stopped, minlength=exits).tolist() == found.leaving.tolist()
    saved = expected_cost(q, costs) - mean_cost(stopped, costs)
    rounding = 1e-8 * costs[-1]
    assert -rounding <= saved <= (costs[-1] - costs[0]) / clips + rounding


@given(st.integers(0, 99), st.integers(1, 60), COSTS, QS)
def test_as_published_every_exit_is_rounded_by_itself(
    seed: int, clips: int, costs: list[float], q: float
) -> None:
    sure, shares = drawn(seed, clips, len(costs)), exit_shares(q, len(costs))
    found = thresholds_of(sure, shares, apart=True)
    assert found.leaving[:-1].tolist() == np.floor(clips * shares[:-1] + 1e-9).tolist()
    stopped = exits_of(sure, found.values)
    assert np.bincount(stopped, minlength=len(costs)).tolist() == found.leaving.tolist()
    over = mean_cost(stopped, costs) - expected_cost(q, costs)
    assert -1e-9 * costs[-1] <= over <= sum(costs[-1] - c for c in costs) / clips + 1e-9 * costs[-1]


@given(st.integers(0, 99), st.integers(2, 40), COSTS, QS)
def test_the_order_of_clips_does_not_matter(
    seed: int, clips: int, costs: list[float], q: float
) -> None:
    sure = drawn(seed, clips, len(costs))
    order = np.random.default_rng(seed + 1).permutation(clips)
    one, other = (thresholds_of(x, exit_shares(q, len(costs))) for x in (sure, sure[order]))
    assert one.values.tolist() == other.values.tolist()
    assert exits_of(sure, one.values)[order].tolist() == exits_of(sure[order], one.values).tolist()


@given(st.integers(0, 99), st.integers(5, 60), QS)
def test_of_equally_sure_clips_more_may_stop_but_none_later(
    seed: int, clips: int, q: float
) -> None:
    costs = [1.0, 2.0, 3.0, 4.0]
    sure = np.random.default_rng(seed).integers(0, 3, (clips, 4)).astype(float)
    found = thresholds_of(sure, exit_shares(q, 4))
    stopped = np.bincount(exits_of(sure, found.values), minlength=4)
    assert (stopped.cumsum() >= found.leaving.cumsum()).all()
    first = found.leaving[0]
    if first:  # only clips as sure as the last that was planned are more than planned
        alike = int((sure[:, 0] == found.values[0]).sum())
        assert first <= stopped[0] < first + alike
    assert costs[0] <= mean_cost(exits_of(sure, found.values), costs) <= costs[-1]


def test_clips_like_those_of_the_calibration_cost_what_was_planned() -> None:
    rng = np.random.default_rng(3)
    costs = [float(steps) for steps in range(1, 9)]

    def clips(count: int) -> np.ndarray:
        return np.clip(rng.normal(0.5, 0.2, (count, 1)) + rng.normal(0.1, 0.1, (count, 8)), 0, 1)

    for budget in (2.0, 4.0, 6.0):
        solved = solve_budget(budget, costs, clips(1000))
        exits = exits_of(clips(1000), solved.thresholds)
        spread = np.asarray(costs)[exits].std() / math.sqrt(1000)
        calibrated = 3 * np.asarray(costs)[exits].std() / math.sqrt(1000)
        assert abs(mean_cost(exits, costs) - budget) < 3 * spread + calibrated


def test_too_sure_calibration_answers_overshoot() -> None:
    rng = np.random.default_rng(4)
    costs = [float(steps) for steps in range(1, 9)]
    honest = rng.uniform(0.2, 0.9, (2000, 8))
    solved = solve_budget(4.0, costs, honest + 0.1)
    assert mean_cost(exits_of(honest, solved.thresholds), costs) > 4.5


def test_nobody_is_sure_of_no_number() -> None:
    sure = np.full((4, 2), np.nan)
    found = thresholds_of(sure, np.array([0.5, 0.5]))
    assert found.values[0] == math.inf
    assert exits_of(sure, found.values).tolist() == [1] * 4


@given(st.lists(st.tuples(st.floats(0, 9), st.floats(0, 1)), min_size=2, max_size=9))
def test_the_area_is_a_mean_score(points: list[tuple[float, float]]) -> None:
    costs, scores = zip(*points, strict=True)
    assume(max(costs) - min(costs) > 1e-3)
    found = area_under(costs, scores)
    assert min(scores) - 1e-9 <= found <= max(scores) + 1e-9
    assert found == area_under(costs[::-1], scores[::-1])
    assert math.isnan(area_under([1.0, 1.0], [0.0, 1.0]))


def test_an_interval_of_recalls_is_of_its_size() -> None:
    low, high = recall_interval([0.5, 0.5], [100, 100])
    assert low < 0.5 < high
    assert 0.1 < high - low < 0.17, "1.96 standard errors on both sides: 0.139"
    assert recall_interval([1.0], [5]) == (1.0, 1.0)
    assert all(map(math.isnan, recall_interval([], [])))


def test_evenly_spread_planned_costs_rise() -> None:
    costs = [1.0, 2.0, 5.0]
    qs = [solve(budget, costs) for budget in (1.5, 2.5, 3.5, 4.5)]
    assert all(a < b for a, b in pairwise(qs))


def test_what_is_no_number_keeps_nobody_who_is_sure() -> None:
    sure = np.array([[np.nan, 0.1], [np.nan, 0.2], [0.9, 0.3], [np.nan, 0.4]])
    found = thresholds_of(sure, np.array([0.5, 0.5]))
    assert found.values.tolist() == [0.9, -np.inf]
    assert found.leaving.tolist() == [1, 3]
    assert exits_of(sure, found.values).tolist() == [1, 1, 0, 1]
