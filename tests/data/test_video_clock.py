"""Presentation times to a clock, and what is said where they are odd."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connsearch.data.media.clock import read_clock, tells_order


@given(
    step=st.integers(1, 3000),
    first=st.integers(-(10**6), 10**6),
    frames=st.integers(2, 200),
    header=st.sampled_from([0.0, 0.5, 1.0, 1.9, 2.1]),
)
def test_an_even_clock_has_its_rate_whatever_the_header_says(
    step: int, first: int, frames: int, header: float
) -> None:
    unit = 1 / 1000
    clock = read_clock([first + n * step for n in range(frames)], unit, header * 1000 / step)
    assert clock.fps == pytest.approx(1000 / step)
    assert clock.times == ()
    assert clock.note == ""


def test_a_header_that_is_right_is_kept() -> None:
    stamps = [round(n * 1001 / 30) for n in range(100)]  # 29.97, in milliseconds
    assert read_clock(stamps, 0.001, 30000 / 1001).fps == 30000 / 1001
    assert read_clock(stamps, 0.001, 30.7).fps == pytest.approx(29.97, rel=1e-4)


@pytest.mark.parametrize(
    ("gap", "odd"), [(40, False), (999, False), (1001, True), (3.6e6, True), (-1, True), (0, True)]
)
def test_a_gap_is_a_jump_from_a_second_on_or_backwards(gap: float, odd: bool) -> None:
    stamps = np.cumsum([0] + [40] * 50 + [int(gap)] + [40] * 50).tolist()
    clock = read_clock(stamps, 0.001, 25.0)
    assert bool(clock.note) is odd
    if odd:
        assert f"by {(gap - 40) / 1000:+g} s before frame 52" in clock.note
        assert (clock.fps, clock.times) == (25.0, ())


def test_a_slow_clock_has_gaps_of_a_second() -> None:
    stamps = np.cumsum([0] + [1000] * 9 + [9000] + [1000] * 9).tolist()
    clock = read_clock(stamps, 0.001, 0.0)
    assert clock.note == ""
    assert clock.times[-1] == 27.0


def test_several_jumps_are_counted_and_the_uneven_rest_stays() -> None:
    steps = [20, 60] * 20
    stamps = np.cumsum([0, *steps, 5000, *steps, -90000, *steps]).tolist()
    clock = read_clock(stamps, 0.001, 0.0)
    assert "at 2 places, first by +4.94 s before frame 42" in clock.note
    assert clock.times[1:3] == pytest.approx((0.02, 0.08))
    assert np.diff(clock.times).min() > 0
    assert np.diff(clock.times).max() < 0.1


def test_times_that_go_back_and_forth_tell_nothing() -> None:
    assert tells_order([1, 2, 3])
    assert not tells_order([1, None, 3])
    assert not tells_order([1, 4, 3, 2, 8, 7, 6, 5], back=0.02)
    twice = [*range(50), *range(50)]
    assert not tells_order(twice)
    assert tells_order(twice, back=0.02)


@pytest.mark.parametrize("stamps", [None, [], [5], [3, 3, 3]])
def test_without_times_the_header_is_all_there_is(stamps: list[int] | None) -> None:
    clock = read_clock(stamps, 0.04, 12.5)
    assert (clock.fps, clock.times) == (12.5, ())
