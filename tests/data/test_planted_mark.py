"""A mark: its texture is the class, coarse frames do not show it, and it is where its box says."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from connsearch.data.sources.planted import Factors, draw_marked
from connsearch.data.sources.planted_mark import TEXTURES


def scenes(texture: int, count: int):
    """Frames of scenes of a texture, their marks as grey squares, and the middles of these."""
    for seed in range(count):
        factors = Factors(0, 0, 0, texture=texture)
        rng = np.random.default_rng([texture, seed])
        video, boxes = draw_marked(factors, frames=1, side=96, rng=rng)
        top, left, height, width = boxes[0]
        grey = video[0].astype(float).mean(2)
        middle = np.array([top + height / 2, left + width / 2])
        yield video[0], grey[top : top + height, left : left + width], middle


@settings(max_examples=20)
@given(
    side=st.integers(48, 120),
    frames=st.integers(1, 60),
    texture=st.integers(0, len(TEXTURES) - 1),
    seed=st.integers(0, 1000),
)
def test_a_mark_stays_in_the_frame_and_moves_slowly(
    side: int, frames: int, texture: int, seed: int
) -> None:
    factors = Factors(0, 0, 0, texture=texture)
    video, boxes = draw_marked(factors, frames=frames, side=side, rng=np.random.default_rng(seed))
    assert video.shape == (frames, side, side, 3)
    corners = np.array(boxes)[:, :2]
    mark = boxes[0].height
    assert abs(mark - side / 5) <= 3
    assert ((corners >= 0) & (corners <= side - mark)).all()
    assert np.abs(np.diff(corners, axis=0)).max(initial=0) <= side / 100 + 1


def test_a_mark_changes_along_the_axes_of_its_texture() -> None:
    down_and_across: list[tuple[float, float]] = []
    for texture in range(3):
        changes = [
            [np.abs(np.diff(mark[3:-3, 3:-3], axis=axis)).mean() for axis in (0, 1)]
            for _, mark, _ in scenes(texture, 12)
        ]
        down, across = np.mean(changes, axis=0)
        down_and_across.append((float(down), float(across)))
    (rows_down, rows_across), (columns_down, columns_across), (down, across) = down_and_across
    assert rows_down > 1.5 * rows_across
    assert columns_across > 1.5 * columns_down
    assert 0.8 < down / across < 1.25


def test_a_frame_of_a_sixth_of_the_size_shows_the_halo_but_not_the_texture() -> None:
    """The mean of a block is that of its ground; the reddest place lies in the halo, mostly."""
    near = 0
    for texture in range(len(TEXTURES)):
        for frame, mark, middle in scenes(texture, 10):
            block = mark[6:12, 6:12]
            assert abs(block.mean() - mark.mean()) < 12
            assert block.std() > 30
            coarse = frame.astype(float).reshape(16, 6, 16, 6, 3).mean((1, 3))
            red = coarse[..., 0] - coarse.mean(2)
            reddest = np.array(np.unravel_index(red.argmax(), red.shape)) * 6 + 3
            near += bool(np.abs(reddest - middle).max() < 20)
    assert near > 30
