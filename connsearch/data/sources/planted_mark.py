"""Planted scenes in which a small mark is the class, at a place that coarse frames only hint at.

A mark is a disc of a fine texture, whose kind is the class. All kinds are made of blocks of 6 x 6
pixels of mean zero, each of either sign by chance, so a frame of a sixth of the size does not show
which. Around the mark there is a faint halo of one hue, wide enough to be seen in such a frame;
another disc, of any texture, has none. Both drift slowly, each its own way.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from connsearch.errors import DataError
from connsearch.files.text import csv_text

Array = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]

TEXTURES = ("rows", "columns", "checks", "grain")
"""Kinds of a mark, by the blocks it is made of; those of grain are of all kinds."""
_BLOCKS = np.array([[[1, 1], [-1, -1]], [[1, -1], [1, -1]], [[1, -1], [-1, 1]]], float)
_CELL = 3
"""Side of a quarter of a block, in pixels."""
MARK = 1 / 5
"""Side of a mark as a share of that of a frame, before it is rounded to whole blocks."""
_OTHERS = 1
"""Discs without a halo in every scene."""
_FASTEST = 1 / 100
"""Of the side of a frame, from one frame to the next."""
_CONTRAST = 52.0
"""Of a texture, in levels of 256."""

BOXES = "boxes.csv"
"""Beside the clips: where the mark is in every frame of every video."""


class Box(NamedTuple):
    """Where the mark is in a frame, in pixels: its top left corner, and its sides."""

    top: int
    left: int
    height: int
    width: int


def draw_marks(
    texture: int,
    ground_HW: Array,
    haze_HW3: Array,
    halo_3: Array,
    *,
    frames: int,
    rng: np.random.Generator,
) -> tuple[Bytes, tuple[Box, ...]]:
    """Returns RGB frames, ``uint8`` (T, H, W, 3), and where the mark is in each.

    Args:
        texture: of the mark, by its place in ``TEXTURES``.
        ground_HW: what is behind, brightness.
        haze_HW3: what is added to its colours.
        halo_3: what the middle of the halo adds to red, green and blue.
        frames: T.
        rng: draws places, motion and textures.
    """
    side = len(ground_HW)
    mark = 2 * _CELL * max(1, round(MARK * side / (2 * _CELL)))
    kinds = [texture, *(int(v) for v in rng.integers(len(TEXTURES), size=_OTHERS))]
    discs = [_disc(kind, mark, rng) for kind in kinds]
    tracks = [
        _track(start, frames, side - mark, rng) for start in _apart(len(kinds), mark, side, rng)
    ]
    out = np.empty((frames, side, side, 3), np.uint8)
    for t in range(frames):
        glow = _glow(tracks[0][t], mark, side)
        picture = ground_HW[..., None] + haze_HW3 + glow[..., None] * halo_3
        for (inside, grey), track in zip(discs, tracks, strict=True):
            top, left = track[t]
            behind = picture[top : top + mark, left : left + mark]
            behind += inside[..., None] * (grey[..., None] + behind.mean((0, 1)) - behind)
        out[t] = picture.round().clip(0, 255).astype(np.uint8)
    return out, tuple(Box(top, left, mark, mark) for top, left in tracks[0])


def write_boxes(path: Path, boxes: Mapping[str, Iterable[Box]]) -> None:
    """Writes the boxes of the frames of videos, by what the list of clips calls these."""
    rows = (
        {"path": name, "frame": frame, **box._asdict()}
        for name, of_frames in boxes.items()
        for frame, box in enumerate(of_frames)
    )
    text = csv_text(("path", "frame", *Box._fields), rows)
    path.write_text(text, encoding="utf-8", newline="")


def read_boxes(video: Path) -> tuple[Box, ...]:
    """Returns where the mark is in every frame of a planted video (``synthetic:mark``).

    Args:
        video: as it lies in the cache; a record of the data names it.

    Raises:
        DataError: its data set has no list of boxes, or the list does not have the video.
    """
    path, name = video.parents[1] / BOXES, f"{video.parent.name}/{video.name}"
    if not path.is_file():
        raise DataError(f"{path}: not there; only the videos of synthetic:mark have boxes")
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["path"] == name]
    if not rows:
        raise DataError(f"{path}: has no boxes of {name}")
    return tuple(Box(*(int(row[field]) for field in Box._fields)) for row in rows)


def _apart(count: int, mark: int, side: int, rng: np.random.Generator) -> list[Array]:
    """Top left corners, anywhere, with a gap of a mark or more where 100 tries find one."""
    found: list[Array] = []
    tries = 0
    while len(found) < count:
        tries += 1
        here = rng.uniform(0, side - mark, 2)
        if tries > 100 or all(np.abs(here - other).max() >= 2 * mark for other in found):
            found.append(here)
    return found


def _track(start: Array, frames: int, room: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Corners on a straight way that turns back at the border, in whole pixels."""
    speed = rng.uniform(-_FASTEST, _FASTEST, 2) * room
    corners = start + np.arange(frames)[:, None] * speed
    corners = room - np.abs(room - np.mod(corners, 2 * room))
    return [(round(float(top)), round(float(left))) for top, left in corners]


def _disc(texture: int, mark: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """How much of a disc is in each pixel of its square, and its texture."""
    blocks = mark // (2 * _CELL)
    kinds = np.full((blocks, blocks), texture)
    if texture == len(_BLOCKS):
        kinds = rng.integers(len(_BLOCKS), size=(blocks, blocks))
    cells = _BLOCKS[kinds] * rng.choice([-1.0, 1.0], (blocks, blocks))[..., None, None]
    square = cells.swapaxes(1, 2).reshape(2 * blocks, 2 * blocks)
    axis = np.arange(mark) - (mark - 1) / 2
    inside = (mark / 2 - np.hypot(axis[:, None], axis[None, :])).clip(0, 1)
    return inside, _CONTRAST * square.repeat(_CELL, 0).repeat(_CELL, 1)


def _glow(corner: tuple[int, int], mark: int, side: int) -> Array:
    """The halo of a mark, 1 in its middle; its deviation is the side of the mark."""
    down, right = (np.arange(side) - at - (mark - 1) / 2 for at in corner)
    return np.exp(-(down[:, None] ** 2 + right[None, :] ** 2) / (2 * mark**2))
