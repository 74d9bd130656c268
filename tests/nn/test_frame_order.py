"""The order in which frames are looked at."""

import math
from itertools import pairwise

import pytest

from connsearch.nn.frame_order import coverage_order


@pytest.mark.parametrize("frames", range(1, 65))
def test_every_frame_is_looked_at_once(frames: int) -> None:
    assert sorted(coverage_order(frames)) == list(range(frames))


@pytest.mark.parametrize("frames", range(3, 65))
def test_the_first_three_frames_cover_the_clip(frames: int) -> None:
    first = sorted(coverage_order(frames)[:3])
    assert (first[0], first[-1]) == (0, frames - 1)
    assert max(b - a for a, b in pairwise(first)) <= math.ceil(frames / 2)


def test_orders_are_the_published_ones() -> None:
    assert coverage_order(12) == [5, 0, 11, 2, 8, 1, 3, 6, 9, 4, 7, 10]
    assert coverage_order(16) == [7, 0, 15, 3, 11, 1, 5, 9, 13, 2, 4, 6, 8, 10, 12, 14]
