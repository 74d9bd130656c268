"""Places: how widely they are spread, and what is said of a policy that has collapsed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connsearch.analysis.focus_looks import ClipLook, Looked
from connsearch.analysis.focus_places import places_of, remarks_on, steps_of

FRAME, SIDE = (80, 100), 20
CENTRE = (30.0, 40.0)
"""The corner of a window in the centre."""


def looked(
    corners_NS2: Any,
    *,
    side: float = SIDE,
    labels: Sequence[int] = (),
    ends: Sequence[int] = (),
) -> Looked:
    """Windows at corners; the answer of every clip is class 0 for sure."""
    corners = np.asarray(corners_NS2, np.float64)
    steps = corners.shape[1]
    sides = np.full_like(corners, side)
    clips = [
        ClipLook(
            number,
            tuple(labels[number : number + 1]),
            windows,
            np.zeros((steps, 2), np.int64),
            np.tile([0.75, 0.25], (steps, 1)),
            ends[number] if ends else steps - 1,
        )
        for number, windows in enumerate(np.concatenate([corners, sides], 2))
    ]
    return Looked(clips, tuple(range(steps)), tuple(range(1, steps + 1)), FRAME, "rgb", {})


def kinds(corners_NS2: Any, *, chosen_by: str = "policy", side: float = SIDE) -> list[str]:
    found = looked(corners_NS2, side=side)
    return [r.kind for r in remarks_on(found, places_of(found), chosen_by=chosen_by)]


def random_corners(clips: int, steps: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).uniform((0, 0), (60, 80), (clips, steps, 2))


def test_random_places_are_as_wide_as_random_ones_and_nothing_is_said() -> None:
    corners = random_corners(200, 8)
    places = places_of(looked(corners))
    assert places.share == pytest.approx(1, abs=0.05)
    assert places.across == pytest.approx(places.spread, rel=0.02)
    assert places.middle == pytest.approx([40, 50], abs=1.5)
    assert kinds(corners) == []


def test_a_collapsed_policy_is_named_whatever_a_few_windows_do() -> None:
    corners = np.full((30, 4, 2), 5.0) + np.random.default_rng(0).normal(0, 0.4, (30, 4, 2))
    assert kinds(corners) == ["collapsed"]
    corners[0, 0] = (60, 80)
    assert kinds(corners) == ["collapsed"]
    corners[:15] += 30
    assert kinds(corners) == []


def test_windows_like_that_in_the_centre_are_named() -> None:
    near = np.random.default_rng(0).uniform((19.5, 25), (20.5, 35), (30, 4, 2))
    assert kinds(near, side=40) == ["like the centre"]
    assert kinds(near - 15, side=40) == []
    exact = places_of(looked(np.broadcast_to(CENTRE, (2, 2, 2))))
    assert (exact.overlap, exact.from_centre) == (1, 0)


def test_one_path_for_all_clips_is_named() -> None:
    path = random_corners(1, 6)
    assert kinds(np.repeat(path, 9, 0)) == ["the same in every clip"]
    assert kinds(path) == [], "of one clip nobody knows"


def test_windows_that_are_pinned_to_the_edge_are_named() -> None:
    corners = random_corners(40, 3)
    corners[:, :, 0] = np.where(corners[:, :, 0] > 30, 60, 0.5)
    assert kinds(corners) == ["at the edge"]
    corners[:8, :, 0] = 30
    assert kinds(corners) == []


def test_baselines_and_windows_without_room_are_not_accused() -> None:
    still = np.broadcast_to(CENTRE, (5, 3, 2))
    assert kinds(still) == ["collapsed"]
    assert kinds(still, chosen_by="centre") == []
    whole = looked(np.zeros((5, 3, 2)))
    full = Looked(whole.clips, whole.order, whole.answered, (SIDE, SIDE), "rgb", {})
    places = places_of(full)
    assert remarks_on(full, places, chosen_by="policy") == []
    assert places.share is None


@given(st.lists(st.tuples(st.floats(0, 60), st.floats(0, 80)), min_size=1, max_size=12))
def test_every_window_is_in_the_heat_map_where_its_middle_is(
    corners: list[tuple[float, float]],
) -> None:
    places = places_of(looked([corners]))
    assert sum(map(sum, places.heat)) == len(corners)
    rows, columns = len(places.heat), len(places.heat[0])
    assert rows / columns == pytest.approx(FRAME[0] / FRAME[1], rel=0.1)
    top, left = corners[0]
    row = min(int((top + SIDE / 2) / FRAME[0] * rows), rows - 1)
    column = min(int((left + SIDE / 2) / FRAME[1] * columns), columns - 1)
    around = [r[max(column - 1, 0) : column + 2] for r in places.heat[max(row - 1, 0) : row + 2]]
    assert sum(map(sum, around)) > 0
    assert 0 <= places.overlap <= 1


def test_steps_count_right_answers_and_stops() -> None:
    found = looked(random_corners(4, 3), labels=(0, 0, 0, 1), ends=(0, 2, 2, 1))
    steps = steps_of(found, stopping=True)
    assert [step.stops for step in steps] == [1, 1, 2]
    assert {step.accuracy for step in steps} == {0.75}
    assert {step.probability for step in steps} == {0.75}
    unknown = steps_of(looked(random_corners(2, 3)), stopping=False)
    assert {(step.accuracy, step.stops) for step in unknown} == {(None, None)}
