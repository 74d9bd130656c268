from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connsearch.data.clips.sampling import (
    clip_generator,
    clip_ticks,
    epoch_order,
    span,
    substitutes,
    training_ticks,
)
from connsearch.data.options import Sampler
from connsearch.errors import DataError
from tests.data.helpers import options


@given(
    count=st.integers(1, 60),
    frames=st.integers(1, 12),
    stride=st.integers(1, 5),
    short=st.sampled_from(["repeat", "loop"]),
    seed=st.one_of(st.none(), st.integers(0, 99)),
)
def test_indices_are_inside_the_video_and_evenly_spaced(count, frames, stride, short, seed) -> None:
    rng = None if seed is None else np.random.default_rng(seed)
    numbers = clip_ticks(count, frames, stride, short=short, rng=rng)
    assert len(numbers) == frames
    assert all(0 <= n < count for n in numbers)
    if count >= span(frames, stride):
        assert set(np.diff(numbers)) <= {stride}


def test_every_position_is_drawn_in_training() -> None:
    starts = {clip_ticks(12, 8, rng=clip_generator(seed=0, epoch=e, index=3))[0] for e in range(60)}
    assert starts == {0, 1, 2, 3, 4}


def test_clips_of_an_epoch_are_drawn_apart_whichever_process_reads_them() -> None:
    """The generator of a clip follows from its place alone, so no two processes share one."""
    starts = [
        clip_ticks(12, 8, rng=clip_generator(seed=0, epoch=0, index=index))[0]
        for index in range(60)
    ]
    assert set(starts) == {0, 1, 2, 3, 4}
    assert max(starts.count(start) for start in set(starts)) < 25


def test_a_video_that_is_too_short_is_refused_when_asked() -> None:
    with pytest.raises(DataError, match=r"v.mp4: 7 frames, a clip of 8 .* needs 8; cure"):
        clip_ticks(7, 8, short="refuse", name="v.mp4")


def test_the_order_depends_on_seed_and_epoch_and_holds_every_clip_once() -> None:
    orders = [epoch_order(20, seed=s, epoch=e, shuffle=True) for s in (0, 1) for e in (0, 1)]
    assert all(sorted(order) == list(range(20)) for order in orders)
    assert len({tuple(order) for order in orders}) == 4
    assert orders[0] == epoch_order(20, seed=0, epoch=0, shuffle=True)


SAMPLERS = st.sampled_from(["random", "normal", "segments", "tsn", "sequential", "centre"])


@given(
    count=st.integers(1, 200),
    frames=st.integers(1, 16),
    stride=st.floats(1, 6),
    sampler=SAMPLERS,
    short=st.sampled_from(["repeat", "loop", "shrink", "first"]),
    epoch=st.integers(0, 9),
    views=st.integers(1, 5),
    drawn=st.booleans(),
)
def test_every_sampler_stays_inside_the_video_and_in_order(
    count, frames, stride, sampler, short, epoch, views, drawn
) -> None:
    rng = np.random.default_rng(epoch) if drawn else None
    for view in range(views):
        ticks = clip_ticks(
            count,
            frames,
            stride,
            sampler=sampler,
            short=short,
            epoch=epoch,
            view=view,
            views=views,
            rng=rng,
        )
        assert len(ticks) == frames
        assert all(0 <= t < count for t in ticks)
        if short != "loop" or count >= span(frames, 1 if sampler == "tsn" else stride):
            assert ticks == sorted(ticks)


def test_segments_give_one_frame_of_every_part() -> None:
    rng = np.random.default_rng(0)
    drawn = [clip_ticks(40, 4, sampler="segments", rng=rng) for _ in range(200)]
    for part in range(4):
        assert {ticks[part] for ticks in drawn} == set(range(10 * part, 10 * part + 10))
    assert clip_ticks(40, 4, sampler="segments") == [5, 15, 25, 35]


def test_segments_of_whole_frames_leave_out_what_remains() -> None:
    rng = np.random.default_rng(0)
    drawn = [clip_ticks(43, 4, 9.0, sampler="tsn", rng=rng) for _ in range(200)]
    for part in range(4):
        assert {ticks[part] for ticks in drawn} == set(range(10 * part, 10 * part + 10))
    assert clip_ticks(43, 4, sampler="tsn") == [5, 16, 26, 37]
    halves = [clip_ticks(43, 4, sampler="tsn", view=v, views=2) for v in range(2)]
    assert halves == [[2, 13, 24, 34], [8, 18, 29, 40]]


@pytest.mark.parametrize("sampler", ["tsn", "random"])
def test_a_short_video_can_be_its_first_frame_alone(sampler: Sampler) -> None:
    rng = np.random.default_rng(0)
    assert clip_ticks(5, 6, sampler=sampler, short="first", rng=rng) == [0] * 6
    assert clip_ticks(5, 6, sampler=sampler, short="first") == [0] * 6
    assert clip_ticks(6, 6, sampler=sampler, short="first", rng=rng) == [0, 1, 2, 3, 4, 5]
    with pytest.raises(DataError, match="5 frames, a clip of 6"):
        clip_ticks(5, 6, sampler=sampler, short="refuse")


def test_a_sequential_sampler_walks_through_the_video() -> None:
    rng = np.random.default_rng(0)
    walk = [clip_ticks(23, 6, sampler="sequential", epoch=e, rng=rng) for e in range(4)]
    assert [ticks[0] for ticks in walk] == [0, 6, 12, 0]


def test_a_normal_sampler_prefers_the_middle() -> None:
    rng = np.random.default_rng(0)
    starts = [clip_ticks(108, 8, sampler="normal", rng=rng)[0] for _ in range(500)]
    assert np.mean(starts) == pytest.approx(50, abs=3)
    assert np.std(starts) == pytest.approx(18, abs=2.5)
    assert min(starts) >= 0
    assert max(starts) <= 100


def test_views_are_spread_from_the_first_to_the_last_window() -> None:
    starts = [clip_ticks(30, 6, view=v, views=3)[0] for v in range(3)]
    assert starts == [0, 12, 24]
    assert clip_ticks(30, 6)[0] == 12


def test_a_short_video_can_shrink_the_stride() -> None:
    assert clip_ticks(9, 5, 4, short="shrink") == [0, 2, 4, 6, 8]
    assert clip_ticks(3, 5, 4, short="shrink") == [0, 1, 2, 2, 2]


def test_strides_and_speeds_are_drawn_from_what_is_given() -> None:
    asked = options("x", strides=(2, 5), speed=(1.0, 1.0))
    rng = np.random.default_rng(0)
    steps = {int(np.diff(training_ticks(99, 6, asked.clips, rng=rng))[0]) for _ in range(50)}
    assert steps == {2, 5}
    fast = options("x", stride=2, speed=(1.5, 2.0))
    spans = [np.ptp(training_ticks(99, 6, fast.clips, rng=rng)) for _ in range(200)]
    assert 15 <= min(spans) <= 16
    assert 19 <= max(spans) <= 20
    stretched = training_ticks(99, 3, options("x", stride=2).clips, stretch=2.0, rng=rng)
    assert set(np.diff(stretched)) == {4}


@given(
    labels=st.lists(st.integers(0, 3), min_size=1, max_size=40),
    data=st.data(),
    epoch=st.integers(0, 5),
)
def test_a_stand_in_is_of_the_same_class_where_there_is_one(labels, data, epoch) -> None:
    index = data.draw(st.integers(0, len(labels) - 1))
    order = substitutes(index, labels, seed=1, epoch=epoch)
    assert sorted([*order, index]) == list(range(len(labels)))
    alike = [labels[i] == labels[index] for i in order]
    assert alike == sorted(alike, reverse=True)
    assert order == substitutes(index, labels, seed=1, epoch=epoch)
