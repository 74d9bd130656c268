"""Masks, label pictures and measured arrays to the object maps of a clip.

Shape letters: T frames, R rows (pictures or measurements) of the source, H W pixels.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from connsearch.data.bounds import shortly
from connsearch.data.media.objects import Maps, scale_objects, stored_maps, stored_shape
from connsearch.errors import DataError
from connsearch.files.places import place_of
from connsearch.graph.files import atomic_write_bytes

_Array = npt.NDArray[Any]


def convert_objects(
    source: Path,
    *,
    numbers: Mapping[int, int] | None = None,
    levels: Sequence[float] = (),
    rate: float | None = None,
    start: int = 0,
    frames: int | None = None,
    size: tuple[int, int] | None = None,
) -> Maps:
    """Returns object maps ``uint8`` (T, H, W).

    Args:
        source: a folder of PNG label maps, or an npy or npz array (R, H, W).
        numbers: stored value -> class; None: the values are the classes.
        levels: cut points, rising: values below the first are class 0, and so on.
        rate: row r was recorded at frame ``rate * r`` of the video; None: a row is a frame.
        start: the first frame of the clip in that video.
        frames: T; None: as far as the rows go.
        size: (H, W) to scale to, every pixel takes the class at its own centre; None: as stored.

    Raises:
        DataError: the source cannot be read, a value has no class, or frames lie beyond its rows.
    """
    shape = stored_shape(source)
    if len(shape) != 3 or 0 in shape:
        raise DataError(f"{source}: an array of shape {shortly(shape)}; expected (rows, H, W)")
    picks = _rows(source, shape[0], rate=rate, start=start, frames=frames)
    used = sorted(set(picks))
    taken = stored_maps(source, used)
    maps = _cut(source, taken, levels) if levels else _renumbered(source, taken, numbers)
    places = {row: n for n, row in enumerate(used)}
    maps_THW = maps[[places[row] for row in picks]]
    return maps_THW if size is None else scale_objects(maps_THW, size)


def parse_numbers(text: str) -> dict[int, int]:
    """Returns stored value -> class.

    >>> parse_numbers("0:0, 255:1")
    {0: 0, 255: 1}

    Raises:
        DataError: not ``VALUE:CLASS`` separated by commas, a value twice, or a class over 255.
    """
    found: dict[int, int] = {}
    for part in text.split(","):
        value, colon, number = part.partition(":")
        try:
            key, label = int(value), int(number)
        except ValueError:
            key, label = 0, -1
        if not colon or key in found or not 0 <= label <= 255:
            raise DataError(
                f"map {text!r}: read {part.strip()!r}; allowed: VALUE:CLASS,VALUE:CLASS with every "
                "value once and classes from 0 to 255, such as 0:0,255:1"
            )
        found[key] = label
    return found


def write_objects(path: Path, maps: Maps) -> None:
    """Writes object maps to an npz file, atomically."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, classes=maps)
    with place_of(path):
        atomic_write_bytes(path, buffer.getvalue())


def _rows(
    source: Path, count: int, *, rate: float | None, start: int, frames: int | None
) -> list[int]:
    """Returns the row of every frame: the one recorded nearest to it."""
    step = 1.0 if rate is None else rate
    if frames is None:
        frames = max(0, math.floor((count - 1) * step) + 1 - start)
    if frames == 0:
        raise DataError(
            f"{source}: {count} rows end before frame {start}; cure: a smaller --start, or the "
            "right --rate"
        )
    rows = [math.floor((start + frame) / step + 0.5) for frame in range(frames)]
    if rows[-1] >= count:
        raise DataError(
            f"{source}: frame {start + frames - 1} needs row {rows[-1]}, there are rows 0 to "
            f"{count - 1}; cure: fewer --frames, another --start, or the right --rate"
        )
    return rows


def _cut(source: Path, values: _Array, levels: Sequence[float]) -> Maps:
    """Returns the class of measured values: how many levels they reach."""
    cuts = np.asarray(levels, np.float64)
    if len(cuts) > 255 or not np.all(np.isfinite(cuts)) or np.any(np.diff(cuts) <= 0):
        raise DataError(f"levels {list(levels)}: allowed: up to 255 rising numbers")
    if values.dtype.kind not in "fiub":
        raise DataError(f"{source}: values of {values.dtype}; levels need numbers")
    with np.errstate(invalid="ignore"):  # values that are no numbers are named below
        measured = values.astype(np.float64)
    if not np.all(np.isfinite(measured)):
        row = int(np.argwhere(~np.isfinite(measured))[0][0])
        raise DataError(
            f"{source}: a value that is not a number among the rows used, first in row {row} of "
            "them; cure: fill the gaps, or omit these frames"
        )
    return np.digitize(measured, cuts).astype(np.uint8)


def _renumbered(source: Path, values: _Array, numbers: Mapping[int, int] | None) -> Maps:
    """Returns the class of stored values, each as it is told."""
    if values.dtype.kind not in "iub":
        raise DataError(
            f"{source}: values of {values.dtype}; expected whole numbers; cure: --levels "
            "divides measured values into classes"
        )
    held = [int(value) for value in np.unique(values)]
    known = {value: value for value in range(256)} if numbers is None else numbers
    strange = [str(value) for value in held if value not in known]
    if strange:
        few = ", ".join(strange[:12]) + (" ..." if len(strange) > 12 else "")
        raise DataError(
            f"{source}: values without a class: {few}; cure: --map VALUE:CLASS for each of "
            f"{', '.join(str(v) for v in held[:12])}{' ...' if len(held) > 12 else ''}"
        )
    maps = np.zeros(values.shape, np.uint8)
    for value in held:
        maps[values == value] = known[value]
    return maps
