"""Statistics of few runs: against scipy and by hand, their laws, and the null by simulation."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from connsearch.analysis.statistics import (
    MOST_RUNS,
    Needed,
    as_json,
    crossed,
    hedges,
    more_pairs,
    more_runs,
    paired,
    t_quantile,
    tau_b,
)

numbers = st.floats(-1, 1).map(lambda x: round(x, 6))


@st.composite
def scores(draw: st.DrawFn) -> tuple[list[float], list[list[float]]]:
    """Scores of a found wiring and of random ones with the same seeds."""
    seeds, wirings = draw(st.integers(1, 4)), draw(st.integers(2, 5))
    row = st.lists(numbers, min_size=seeds, max_size=seeds)
    return draw(row), draw(st.lists(row, min_size=wirings, max_size=wirings))


def test_paired_is_the_t_test_of_the_library() -> None:
    values = [0.1, 0.25, -0.05, 0.2]
    found, known = paired(values), stats.ttest_1samp(values, 0)
    interval = known.confidence_interval(0.95)
    assert found.p == pytest.approx(known.pvalue)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.effect_size == pytest.approx(np.mean(values) / np.std(values, ddof=1))
    assert found.corrected == pytest.approx(found.effect_size * hedges(3))


@pytest.mark.parametrize(("n", "p"), [(2, 0.5), (3, 0.25), (5, 0.0625), (8, 2 / 256)])
def test_all_signs_alike_have_the_smallest_exact_p(n: int, p: float) -> None:
    values = [0.1 + 0.01 * i for i in range(n)]
    assert paired(values).p_sign_flip == pytest.approx(p)
    assert paired([-v for v in values]).p_sign_flip == pytest.approx(p)


def test_sign_flips_by_hand() -> None:
    # |3 + 2 - 1| = 4 of the 8 sums 6 4 2 0 0 -2 -4 -6 in size: 6, 4, -4, -6.
    assert paired([3, 2, -1]).p_sign_flip == pytest.approx(4 / 8)


def test_crossed_by_hand() -> None:
    # Means of the random wirings 0, 1, 2: mean 1, s 1; error sqrt(1 + 1/3); 2 degrees of freedom.
    found = crossed([3.0, 5.0], [[0.0, 0.0], [0.5, 1.5], [2.0, 2.0]])
    error = math.sqrt(4 / 3)
    assert found.mean == pytest.approx(3)
    assert found.low == pytest.approx(3 - 4.302653 * error, abs=1e-5)
    assert found.p == pytest.approx(2 * stats.t.sf(3 / error, 2))
    assert found.effect_size == pytest.approx(3)
    assert found.p_rank == pytest.approx(1 / 4)
    assert not found.shown


@settings(max_examples=60, deadline=None)
@given(scores(), st.lists(numbers, min_size=4, max_size=4))
def test_what_a_seed_brings_to_all_changes_nothing(
    given: tuple[list[float], list[list[float]]], shifts: list[float]
) -> None:
    ours, theirs = given
    before = crossed(ours, theirs)
    shifted = [[y + b for y, b in zip(row, shifts, strict=False)] for row in [ours, *theirs]]
    after = crossed(shifted[0], shifted[1:])
    for name in ("mean", "low", "high", "seed_noise"):
        expected = pytest.approx(getattr(before, name), abs=1e-9, nan_ok=True)
        assert getattr(after, name) == expected, name


@settings(max_examples=60, deadline=None)
@given(scores())
def test_the_other_way_round_is_the_negative(given: tuple[list[float], list[list[float]]]) -> None:
    ours, theirs = given
    a = crossed(ours, theirs)
    b = crossed([-y for y in ours], [[-y for y in row] for row in theirs])
    assert (b.mean, b.low, b.high) == pytest.approx((-a.mean, -a.high, -a.low), nan_ok=True)
    assert b.p == pytest.approx(a.p, nan_ok=True)
    assert b.p_rank == a.p_rank
    one, two = paired(ours), paired([-y for y in ours])
    assert (two.mean, two.low) == pytest.approx((-one.mean, -one.high), nan_ok=True)
    assert (two.p, two.p_sign_flip) == pytest.approx((one.p, one.p_sign_flip), nan_ok=True)


@settings(max_examples=40, deadline=None)
@given(scores())
def test_the_order_of_wirings_and_seeds_says_nothing(
    given: tuple[list[float], list[list[float]]],
) -> None:
    ours, theirs = given
    before = crossed(ours, theirs)
    after = crossed(ours[::-1], [row[::-1] for row in reversed(theirs)])
    assert after.p == pytest.approx(before.p, nan_ok=True)
    assert after.wiring_spread == pytest.approx(before.wiring_spread, abs=1e-9)


def test_rounding_is_no_spread_between_wirings() -> None:
    scores = [[1.0, 0.0], [-0.460497, 0.0]]
    assert crossed([0.0, 0.0], scores).wiring_spread == 0.0
    assert crossed([0.0, 0.0], [row[::-1] for row in reversed(scores)]).wiring_spread == 0.0


def null_scores(rng: np.random.Generator, seeds: int, wirings: int, between: float) -> np.ndarray:
    """Scores ``(1 + K, S)`` of which the first is found only by name."""
    wiring = rng.normal(size=(wirings + 1, 1)) * between
    return wiring + 2 * rng.normal(size=seeds) + rng.normal(size=(wirings + 1, seeds))


def compares(found: np.ndarray) -> float:
    return crossed(found[0].tolist(), found[1:].tolist()).p


def over_seeds_alone(found: np.ndarray) -> float:
    """The tempting one: a paired t-test over seeds against the mean of the same wirings."""
    return float(stats.ttest_1samp(found[0] - found[1:].mean(0), 0).pvalue)


def found_is_certain(found: np.ndarray) -> float:
    """Another: the random wirings against the found one's mean, as if that had no luck in it."""
    return float(stats.ttest_1samp(found[1:].mean(1), found[0].mean()).pvalue)


def uniformity(p_value: Callable[[np.ndarray], float], seeds: int, wirings: int, w: float) -> float:
    rng = np.random.default_rng(20)
    p = [p_value(null_scores(rng, seeds, wirings, w)) for _ in range(2000)]
    return float(stats.kstest(p, "uniform").pvalue)


@pytest.mark.parametrize(
    ("seeds", "wirings", "between"), [(3, 5, 1.0), (3, 5, 0.0), (2, 3, 3.0), (10, 3, 1.0)]
)
def test_p_values_are_uniform_under_the_null(seeds: int, wirings: int, between: float) -> None:
    assert uniformity(compares, seeds, wirings, between) > 0.01


@pytest.mark.parametrize("naive", [over_seeds_alone, found_is_certain])
def test_naive_p_values_are_not(naive: Callable[[np.ndarray], float]) -> None:
    assert uniformity(naive, 3, 5, 1.0) < 1e-6


def test_the_rank_keeps_its_level_under_the_null() -> None:
    rng = np.random.default_rng(3)
    p = [
        crossed(y[0].tolist(), y[1:].tolist()).p_rank
        for y in (null_scores(rng, 3, 4, 1.0) for _ in range(2000))
    ]
    for level in (0.2, 0.4, 0.8):
        assert np.mean(np.asarray(p) <= level + 1e-9) == pytest.approx(level, abs=0.035)


def test_a_real_difference_is_seen_and_an_interval_covers_it() -> None:
    rng = np.random.default_rng(5)
    covered = []
    for _ in range(1000):
        y = null_scores(rng, 3, 5, 1.0)
        result = crossed((y[0] + 2.0).tolist(), y[1:].tolist())
        covered.append(result.low <= 2.0 <= result.high)
    assert np.mean(covered) == pytest.approx(0.95, abs=0.02)


def test_the_correction_for_few_runs() -> None:
    # Table of J: 0.5642 for 2 degrees of freedom, 0.7979 for 4, close to 1 - 3 / (4 m - 1).
    assert hedges(2) == pytest.approx(0.5642, abs=1e-4)
    assert hedges(4) == pytest.approx(0.7979, abs=1e-4)
    assert hedges(200) == pytest.approx(1 - 3 / (4 * 200 - 1), abs=1e-5)
    assert math.isnan(hedges(1))


def test_the_number_of_pairs_still_needed_has_the_promised_power() -> None:
    result = paired([0.5, 0.1, -0.3, 0.7, 0.2])
    more = more_pairs(result)
    assert more is not None
    rng = np.random.default_rng(0)
    for extra, enough in ((more, True), (more - 3, False)):
        drawn = rng.normal(result.effect_size, 1, size=(20000, result.n + extra))
        power = np.mean(stats.ttest_1samp(drawn, 0, axis=1).pvalue < 0.05)
        assert (power >= 0.792) == enough


def test_the_number_of_seeds_still_needed_has_the_promised_power() -> None:
    rng = np.random.default_rng(1)
    y = null_scores(rng, 3, 8, 0.3)
    result = crossed((y[0] - y[0].mean() + y[1:].mean() + 2.0).tolist(), y[1:].tolist())
    more = more_runs(result).seeds
    assert more is not None
    assert more > 0
    between, noise, seeds = result.wiring_spread, result.seed_noise, 3 + more
    means = rng.normal(0, math.hypot(between, noise / math.sqrt(seeds)), size=(20000, 9))
    means[:, 0] += result.mean
    error = means[:, 1:].std(1, ddof=1) * math.sqrt(1 + 1 / 8)
    t = (means[:, 0] - means[:, 1:].mean(1)) / error
    power = np.mean(np.abs(t) > stats.t.ppf(0.975, 7))
    assert power == pytest.approx(0.8, abs=0.03)


def test_no_number_of_seeds_beats_what_lies_between_wirings() -> None:
    theirs = [[0.0, 0.01], [1.0, 1.01], [2.0, 2.01], [3.0, 3.01]]
    assert more_runs(crossed([2.0, 2.01], theirs)) == Needed(None, None)
    assert more_runs(crossed([1.5, 1.51], theirs)) == Needed(None, None), "no effect at all"
    assert more_runs(crossed([9.0, 9.01], theirs)).seeds == 0


def test_nothing_to_show_and_too_much_to_ask() -> None:
    assert more_pairs(paired([0.1, -0.1])) is None
    assert more_pairs(paired([1.0, -1.0, 0.001])) is None, f"more than {MOST_RUNS}"
    assert more_pairs(paired([0.2, 0.2])) is None, "no spread, so no size"


def test_what_cannot_be_known_is_null() -> None:
    alike = as_json(crossed([0.5, 0.5], [[0.4, 0.4], [0.4, 0.4]]))
    assert alike["mean"] == pytest.approx(0.1)
    assert [alike[name] for name in ("low", "high", "p", "effect_size")] == [None] * 4
    assert not crossed([0.5], [[0.4], [0.4]]).shown
    one = as_json(paired([0.3]))
    assert (one["n"], one["mean"], one["p"], one["low"]) == (1, 0.3, None, None)
    assert math.isnan(t_quantile(0))
    assert math.isnan(tau_b([1, 1], [1, 2]))


@pytest.mark.parametrize(
    ("ours", "theirs"), [([1.0], [[1.0]]), ([1.0], [[1.0, 2.0], [1.0, 2.0]]), ([], [[], []])]
)
def test_too_few_wirings_or_other_seeds_are_refused(
    ours: list[float], theirs: list[list[float]]
) -> None:
    with pytest.raises(ValueError, match="shape"):
        crossed(ours, theirs)
    with pytest.raises(ValueError, match="no pairs"):
        paired([])


def test_what_is_not_used_is_not_imported() -> None:
    """Every command imports this file, and scipy's statistics take a fifth of its start."""
    code = "import sys, connsearch.analysis.statistics; print('scipy.stats' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
