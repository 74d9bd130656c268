"""Planted scenes in which a small mark is the class, at a place that coarse frames only hint at.

A mark is a disc of a fine texture, whose kind is the class. All kinds are made of blocks of 2 x 2
pixels of mean zero, each of either sign by chance: frames at half the size or less show none of
them. Around the mark there is a faint halo of one hue, wide enough to be seen in small frames;
other discs, of any texture, have none. All drift slowly, each its own way.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]

TEXTURES = ("rows", "columns", "checks", "grain")
"""Kinds of a mark, by the blocks of 2 x 2 pixels it is made of; those of grain are of all kinds."""
_BLOCKS = np.array([[[1, 1], [-1, -1]], [[1, -1], [1, -1]], [[1, -1], [-1, 1]]], float)

CELL = 2
MARK = 1 / 6
"""Side of a mark as a share of that of a frame."""
OTHERS = 2
"""Discs without a halo in every scene."""
_FASTEST = 1 / 100
"""Of the side of a frame, from one frame to the next."""
_CONTRAST = 52.0
_HALO = np.array([34.0, -17.0, -17.0])
"""What the halo adds to red, green and blue at its middle; its mean is 0."""
_HALO_WIDTH = 0.8
"""Its deviation, in sides of a mark."""


class Box(NamedTuple):
    """Where the mark is in a frame, in pixels: its top left corner, and its sides."""

    top: float
    left: float
    height: float
    width: float


def draw_marks(
    texture: int, ground: Array, haze: Array, *, frames: int, rng: np.random.Generator
) -> tuple[Bytes, tuple[Box, ...]]:
    """Returns RGB frames, ``uint8`` (T, H, W, 3), and where the mark is in each.

    Args:
        texture: of the mark, by its place in ``TEXTURES``.
        ground: (H, W) what is behind it, brightness.
        haze: (H, W, 3) what is added to its colours.
        frames: T.
        rng: draws places, motion, the other discs.
    """
    side = len(ground)
    mark = 2 * CELL * max(2, round(MARK * side / (2 * CELL)))
    kinds = [texture, *(int(v) for v in rng.integers(len(TEXTURES), size=OTHERS))]
    starts = _apart(len(kinds), mark, side, rng)
    speeds = rng.uniform(-_FASTEST * side, _FASTEST * side, (len(kinds), 2))
    discs = [_disc(kind, mark, rng) for kind in kinds]
    out = np.empty((frames, side, side, 3), np.uint8)
    boxes: list[Box] = []
    for t in range(frames):
        tops = [_reflected(start + t * speed, side - mark) for start, speed in zip(starts, speeds)]
        corners = [(round(float(top)), round(float(left))) for top, left in tops]
        picture = ground[..., None] + haze + _halo(corners[0], mark, side)
        for (top, left), (inside, grey) in zip(corners, discs, strict=True):
            place = picture[top : top + mark, left : left + mark]
            place += inside[..., None] * (grey[..., None] + place.mean((0, 1)) - place)
        out[t] = picture.round().clip(0, 255).astype(np.uint8)
        boxes.append(Box(float(corners[0][0]), float(corners[0][1]), float(mark), float(mark)))
    return out, tuple(boxes)


def _apart(count: int, mark: int, side: int, rng: np.random.Generator) -> list[Array]:
    """Top left corners, anywhere, with a gap of a mark or more between marks where there is room."""
    found: list[Array] = []
    tries = 0
    while len(found) < count:
        tries += 1
        here = rng.uniform(0, side - mark, 2)
        if tries > 1000 or all(np.abs(here - other).max() >= 2 * mark for other in found):
            found.append(here)
    return found


def _reflected(place: Array, room: int) -> Array:
    """A place that has turned back at the border."""
    return room - np.abs(room - np.mod(place, 2 * room))


def _disc(texture: int, mark: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Where a disc is in its square, from 0 to 1, and its texture."""
    half = mark // (2 * CELL)
    signs = rng.choice([-1.0, 1.0], (half, half))
    kinds = np.full((half, half), texture)
    if texture == len(_BLOCKS):
        kinds = rng.integers(len(_BLOCKS), size=(half, half))
    blocks = _BLOCKS[kinds] * signs[..., None, None]
    cells = blocks.swapaxes(1, 2).reshape(2 * half, 2 * half)
    grey = _CONTRAST * cells.repeat(CELL, 0).repeat(CELL, 1)
    axis = np.arange(mark) - (mark - 1) / 2
    inside = (mark / 2 - np.hypot(axis[:, None], axis[None, :])).clip(0, 1)
    return inside, grey


def _halo(corner: tuple[int, int], mark: int, side: int) -> Array:
    axis = np.arange(side)
    down, right = (axis - at - (mark - 1) / 2 for at in corner)
    far = (down[:, None] ** 2 + right[None, :] ** 2) / (_HALO_WIDTH * mark) ** 2
    return np.exp(-far / 2)[..., None] * _HALO
