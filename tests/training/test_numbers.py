"""Schedule, seeds and metrics against values known without the code."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from connsearch.data.options import DataOptions
from connsearch.models.model import Wrapped
from connsearch.runs.formats.metrics import Metrics
from connsearch.runs.metrics import summarise, wilson_interval
from connsearch.seeds import derive
from connsearch.training.curriculum import Curriculum
from connsearch.training.evaluate import Compute
from connsearch.training.optimisers import Optimisers
from connsearch.training.options import MultigridOptions, OptimiserOptions, ScheduleOptions
from connsearch.training.remarks import remarks
from connsearch.training.schedule import rate_factor
from tests.training.tiny import TinyClips


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


def test_a_rate_by_epoch_stays_within_an_epoch_and_there_is_none_of_zero() -> None:
    smooth = ScheduleOptions(warmup=0, epochs=5)
    whole = factors_of(smooth.model_copy(update={"by_epoch": True}), 20, epoch=4)
    assert whole == [factor for factor in factors_of(smooth, 20)[::4] for _ in range(4)]
    assert whole[16] == pytest.approx(0.5 * (1 + math.cos(math.pi * 4 / 5)))
    thirds = ScheduleOptions(warmup=0, by_epoch=True)
    epoch = 10 / 3  # steps of an epoch whose batches are of unequal size
    rates = factors_of(thirds, 10, epoch=epoch)
    assert [rates.index(r) for r in dict.fromkeys(rates)] == [0, 4, 7]


def factors_of(schedule: ScheduleOptions, total: int, *, epoch: float = 1.0) -> list[float]:
    network = Wrapped(torch.nn.Linear(1, 1))
    optimisers = Optimisers(network, OptimiserOptions(lr=1.0), schedule)
    return [
        optimisers.rates(s, total_steps=total, epoch_steps=epoch)["filters"] for s in range(total)
    ]


def test_the_published_exponential_schedule() -> None:
    """0.008, times 0.96 after every 1024 steps, 50 steps of warm-up (Model Garden, UCF101)."""
    options = ScheduleOptions(schedule="exponential", warmup_steps=50)
    factors = factors_of(options, 90_000)
    assert factors[:50] == pytest.approx([(s + 1) / 51 for s in range(50)])
    assert factors[50] == factors[1023] == 1.0
    assert factors[1024] == factors[2047] == 0.96
    assert factors[89_999] == pytest.approx(0.96**87)


def test_a_smooth_decay_meets_the_stairs_where_they_fall() -> None:
    stairs = factors_of(ScheduleOptions(schedule="exponential", decay_steps=10, warmup=0), 100)
    smooth = factors_of(
        ScheduleOptions(schedule="exponential", decay_steps=10, decay_smooth=True, warmup=0), 100
    )
    assert smooth[::10] == pytest.approx(stairs[::10])
    assert smooth[5] == pytest.approx(0.96**0.5)
    assert all(a > b for a, b in pairwise(smooth))


def test_a_long_climb_ends_at_what_the_decay_has_left() -> None:
    options = ScheduleOptions(schedule="exponential", decay_rate=0.5, decay_steps=4, warmup_steps=8)
    factors = factors_of(options, 12)
    assert factors[:8] == pytest.approx([(s + 1) / 9 / 4 for s in range(8)])
    assert factors[8] == 0.25


def test_a_stepwise_schedule_falls_after_its_epochs() -> None:
    options = ScheduleOptions(schedule="steps", decay_epochs=(2, 3), warmup=0)
    factors = factors_of(options, 20, epoch=5)
    assert factors == pytest.approx([1.0] * 10 + [0.1] * 5 + [0.01] * 5)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"decay_steps": 5}, "decay_steps 5 with schedule cosine: has no effect"),
        ({"decay_smooth": True}, "decay_smooth True with schedule cosine"),
        ({"schedule": "steps"}, "--decay-epochs 15 30 40"),
        ({"schedule": "steps", "decay_epochs": (1,), "decay_steps": 5}, "schedule exponential too"),
        ({"schedule": "exponential", "decay_epochs": (3,)}, "give --schedule steps too"),
        ({"schedule": "exponential", "decay_rate": 1.0}, "less than 1"),
    ],
)
def test_a_decay_of_another_schedule_is_refused(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        ScheduleOptions(**settings)


def test_a_rate_that_never_falls_and_fp16_on_a_processor_are_said() -> None:
    clips: Any = TinyClips(20, seed=0, options=DataOptions.of(frames=4, size=16, batch_size=4))

    def told(compute: Compute, **settings: Any) -> list[str]:
        options = ScheduleOptions(epochs=4, **settings)
        curriculum = Curriculum(clips, options, MultigridOptions(), seed=0)
        return [event.message for event in remarks(curriculum, options, compute)]

    plain = Compute()
    assert told(plain) == []
    assert told(plain, schedule="exponential", decay_steps=19) == []
    (never,) = told(plain, schedule="exponential", decay_steps=20)
    assert "first falls after step 20, and the training has 20" in never
    assert told(plain, schedule="steps", decay_epochs=(3,)) == []
    assert "--decay-epochs" in told(plain, schedule="steps", decay_epochs=(4, 9))[0]
    assert "never reaches its peak" in told(plain, warmup_steps=20)[0]
    assert "fp16 on a processor" in told(Compute("cpu", "fp16"))[0]
    assert told(Compute("cuda", "fp16")) == []


def test_plain_momentum_without_sgd_is_refused() -> None:
    assert not OptimiserOptions(optimiser="sgd", nesterov=False).nesterov
    with pytest.raises(ValidationError, match="nesterov False with optimiser adamw: has no effect"):
        OptimiserOptions(nesterov=False)
