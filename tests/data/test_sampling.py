from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connsearch.data.sampling import clip_generator, clip_ticks, epoch_order, span
from connsearch.errors import DataError


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


def test_a_video_that_is_too_short_is_refused_when_asked() -> None:
    with pytest.raises(DataError, match=r"v.mp4: 7 frames, a clip of 8 .* needs 8; cure"):
        clip_ticks(7, 8, short="refuse", name="v.mp4")


def test_the_order_depends_on_seed_and_epoch_and_holds_every_clip_once() -> None:
    orders = [epoch_order(20, seed=s, epoch=e, shuffle=True) for s in (0, 1) for e in (0, 1)]
    assert all(sorted(order) == list(range(20)) for order in orders)
    assert len({tuple(order) for order in orders}) == 4
    assert orders[0] == epoch_order(20, seed=0, epoch=0, shuffle=True)
