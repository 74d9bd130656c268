"""Schedule, seeds and metrics against values known without the code."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connsearch.runs.formats.metrics import Metrics
from connsearch.runs.metrics import summarise, wilson_interval
from connsearch.seeds import derive
from connsearch.training.schedule import rate_factor


def test_the_rate_climbs_peaks_and_follows_half_a_cosine() -> None:
    factors = [rate_factor(s, total_steps=100, warmup=0.1) for s in range(100)]
    assert factors[:10] == pytest.approx([(s + 1) / 11 for s in range(10)])
    assert factors[10] == 1.0
    assert factors[55] == pytest.approx(0.5)
    assert factors[99] == pytest.approx(0.5 * (1 + math.cos(math.pi * 89 / 90)))
    assert min(factors) > 0


def test_a_constant_schedule_stays_at_its_peak_after_the_climb() -> None:
    factors = [rate_factor(s, total_steps=10, warmup=0.2, shape="constant") for s in range(10)]
    assert factors == pytest.approx([1 / 3, 2 / 3, *[1.0] * 8])


@given(st.integers(1, 500), st.floats(0, 0.99))
def test_the_rate_is_never_zero_nor_above_its_peak(total: int, warmup: float) -> None:
    factors = [rate_factor(s, total_steps=total, warmup=warmup) for s in range(total)]
    assert all(0 < f <= 1 for f in factors)


def test_derived_seeds_are_stable_and_distinct() -> None:
    assert derive(0, "step", 1) == 2111436579075594638  # changing it would break old runs
    assert len({derive(s, p, i) for s in range(3) for p in ("step", "x") for i in range(50)}) == 300
    assert all(0 <= derive(s, "step") < 2**63 for s in range(100))


def test_wilson_interval_equals_published_values() -> None:
    # Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    published = {(81, 263): (0.2553, 0.3662), (15, 148): (0.0624, 0.1605)}
    published |= {(0, 20): (0.0, 0.1611), (1, 29): (0.0061, 0.1718)}
    for (hits, n), interval in published.items():
        assert wilson_interval(hits, n) == pytest.approx(interval, abs=5e-5)
    assert wilson_interval(0, 0) == (0.0, 1.0)


@given(st.integers(0, 50), st.integers(1, 50))
def test_the_interval_holds_the_share(hits: int, n: int) -> None:
    low, high = wilson_interval(min(hits, n), n)
    assert 0 <= low <= min(hits, n) / n + 1e-12
    assert min(hits, n) / n - 1e-12 <= high <= 1


def test_metrics_of_an_unbalanced_split() -> None:
    found = summarise(
        [0] * 8 + [1] * 2, [0] * 8 + [0, 1], classes=["a", "b", "never"], loss=0.5, seconds=5.0
    )
    assert found.clips == 10
    assert found.accuracy == 0.9
    assert found.balanced_accuracy == 0.75
    assert found.recalls == {"a": 1.0, "b": 0.5, "never": None}
    assert found.seconds_per_clip == 0.5
    assert Metrics.from_json(found.to_json()) == found
    assert str(found).startswith("0.900 [")


def test_metrics_of_nothing_are_not_numbers() -> None:
    found = summarise([], [], classes=["a"])
    assert math.isnan(found.accuracy)
    assert (found.low, found.high) == (0.0, 1.0)
