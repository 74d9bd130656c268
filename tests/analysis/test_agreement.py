"""How far rankings and sets agree."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from connsearch.analysis.agreement import (
    Estimate,
    jaccard,
    kendall,
    kendall_difference,
    mean_jaccard,
)


def test_tau_is_that_of_the_library_with_ties_and_lies_in_its_interval() -> None:
    x, y = [1, 2, 2, 3, 4, 5, 6], [2, 1, 3, 3, 5, 4, 7]
    found = kendall(x, y)
    assert found.value == pytest.approx(stats.kendalltau(x, y).statistic)
    assert -1 <= found.low < found.value < found.high <= 1
    assert kendall(x, y) == found, "seeded"


def test_tau_by_hand() -> None:
    # 3 pairs, of which (2, 3) is turned round: (2 - 1) / 3.
    assert kendall([1, 2, 3], [1, 3, 2]).value == pytest.approx(1 / 3)
    order = list(range(9))
    assert str(kendall(order, order)) == "+1.00 [+1.00, +1.00]"
    assert kendall(order, order[::-1]).value == pytest.approx(-1)


def test_who_ranks_nothing_has_no_tau() -> None:
    assert math.isnan(kendall([1, 1, 1], [1, 2, 3]).value)
    assert str(kendall([1, 1, 1], [1, 2, 3])) == "unknown"


def test_the_interval_covers_the_truth() -> None:
    # tau of a bivariate normal distribution is 2 / pi arcsin(rho).
    rng, rho = np.random.default_rng(0), 0.6
    truth = 2 / math.pi * math.asin(rho)
    covered = []
    for trial in range(100):
        x = rng.normal(size=25)
        y = rho * x + math.sqrt(1 - rho**2) * rng.normal(size=25)
        found = kendall(x.tolist(), y.tolist(), seed=trial)
        covered.append(found.low <= truth <= found.high)
    assert np.mean(covered) >= 0.85


def test_a_difference_of_taus_is_antisymmetric_and_zero_against_itself() -> None:
    rng = np.random.default_rng(2)
    x, other, y = rng.normal(size=(3, 10)).tolist()
    one, two = kendall_difference(x, other, y), kendall_difference(other, x, y)
    assert one.value == pytest.approx(kendall(x, y).value - kendall(other, y).value)
    assert (two.low, two.high) == pytest.approx((-one.high, -one.low))
    assert kendall_difference(x, x, y) == Estimate(0.0, 0.0, 0.0)


def test_jaccard_by_hand() -> None:
    assert jaccard("abc", "bcd") == pytest.approx(2 / 4)
    assert jaccard([], []) == 1.0
    assert jaccard("a", "") == 0.0


def test_mean_jaccard_by_hand() -> None:
    # Pairs: 1/3, 0 and 1/3; leaving each set out in turn leaves one pair.
    found = mean_jaccard([{1, 2}, {2, 3}, {3, 4}])
    values = [1 / 3, 0, 1 / 3]
    assert found.value == pytest.approx(2 / 9)
    half = stats.t.ppf(0.975, 2) * math.sqrt(2 * np.var(values))
    assert found.high == pytest.approx(min(2 / 9 + half, 1))
    assert found.low == 0.0
    assert mean_jaccard([{1}, {1}, {1}]) == Estimate(1.0, 1.0, 1.0)


def test_two_sets_have_no_interval_and_one_has_no_pair() -> None:
    found = mean_jaccard([{1}, {1, 2}])
    assert found.value == 0.5
    assert math.isnan(found.low)
    assert str(found) == "+0.50 [no interval]"
    with pytest.raises(ValueError, match="two sets"):
        mean_jaccard([{1}])
