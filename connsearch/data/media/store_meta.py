"""The table ``Meta`` of a frame store: values as JSON, and the clock among them."""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from connsearch.data.bounds import shortly
from connsearch.data.media.store_file import CURE, opened
from connsearch.errors import DataError

_META, _META_A_FRAME, _META_ROWS = 2**20, 64, 1000
"""Letters of Meta, more of them for every frame (its time, the size of its map), and rows."""
_RATES = (1e-6, 1e9)
_APART = 1000.0
"""Frames a second; and how far they may be from what the times say, which is how far a header may
be wrong."""
_LONGEST = 1e9
"""Seconds."""


def read_meta(path: Path) -> dict[str, Any]:
    """Returns the table ``Meta``; empty where the writer was not ours.

    Raises:
        DataError: the file cannot be read, or a value is no JSON.
    """
    with opened(path) as db:
        (count,) = db.execute("SELECT count(*) FROM Images").fetchone()
        return meta_of(db, path, count)


def meta_of(db: sqlite3.Connection, path: Path, frames: int) -> dict[str, Any]:
    """Returns the table Meta, which has few rows and little text a frame."""
    if not db.execute("SELECT 1 FROM sqlite_master WHERE lower(name) = 'meta'").fetchone():
        return {}
    rows, size = db.execute("SELECT count(*), sum(length(value)) FROM Meta").fetchone()
    most = _META + _META_A_FRAME * frames
    if rows > _META_ROWS or (size or 0) > most:
        raise DataError(
            f"{path}: the table Meta has {rows} rows of {size} characters; allowed: {_META_ROWS} "
            f"rows and {most} characters; {CURE}"
        )
    try:
        return {
            key: json.loads(value, parse_constant=_no_number)
            for key, value in db.execute("SELECT key, value FROM Meta")
        }
    except (ValueError, TypeError, RecursionError) as error:
        raise DataError(f"{path}: the table Meta is not JSON ({error}); {CURE}") from error


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is not a number")


def stored_clock(
    path: Path, meta: Mapping[str, Any], frames: int
) -> tuple[float, tuple[float, ...]]:
    """Returns the rate and the times of a store, from its Meta; 0 and none without it.

    Raises:
        DataError: they are not numbers, not a clock, or contradict each other.
    """
    times = meta.get("times", ())
    if not isinstance(times, list | tuple) or not all(_is_number(t, _LONGEST) for t in times):
        raise DataError(
            f"{path}: times {shortly(times)} in Meta; allowed: seconds, one per frame; {CURE}"
        )
    if times and len(times) != frames:
        raise DataError(f"{path}: {frames} frames, {len(times)} times in Meta; {CURE}")
    if times and (times[0] != 0 or any(b <= a for a, b in itertools.pairwise(times))):
        raise DataError(f"{path}: times in Meta that do not rise from 0: {shortly(times)}; {CURE}")
    mean = (len(times) - 1) / times[-1] if len(times) > 1 else 0.0
    fps = meta.get("fps", mean)
    slowest, fastest = _RATES if not mean else (mean / _APART, mean * _APART)
    if not _is_number(fps, _RATES[1]) or (fps and not slowest <= fps <= fastest):
        raise DataError(
            f"{path}: fps {shortly(fps)} in Meta; allowed: frames per second, {slowest:g} "
            f"to {fastest:g}, or 0 if it is not known; {CURE}"
        )
    if not fps and not mean:  # one frame at most: nothing passes
        return 0.0, ()
    return float(fps or mean), tuple(float(time) for time in times)


def _is_number(value: object, most: float) -> bool:
    return type(value) in (int, float) and 0 <= cast(float, value) <= most
