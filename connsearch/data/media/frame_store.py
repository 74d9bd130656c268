"""The format ``frames.db``: one SQLite file per video, one JPEG per row.

``Images(ObjId TEXT PRIMARY KEY, frames BLOB, size INT)`` holds the frames: the key is
``FOLDER/frame_00001`` (from 1 on, at least five digits), the blob a whole JPEG file, ``size`` its
width. Older files lack the last column or the index; they are read as well. Beside the file
``n_frames`` holds the number of frames as text; it is written last, so where it stands the store
is whole. ``Meta(key TEXT PRIMARY KEY, value TEXT)`` is ours, values are JSON, other readers never
look at it: ``fps``, ``times`` (seconds of every frame, where the rate varies) and whatever the
writer wants to find again.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import sqlite3
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from connsearch.data.bounds import MOST_FRAMES, file_bytes, shortly
from connsearch.data.media.store_file import CURE, opened
from connsearch.data.media.store_meta import meta_of, stored_clock
from connsearch.data.records import VideoInfo
from connsearch.errors import DataError
from connsearch.files.disk import disk_full, writing
from connsearch.files.drafts import replacing
from connsearch.files.places import make_directories
from connsearch.graph.files import atomic_write_bytes, atomic_write_text

STORE, COUNT, OBJECTS = "frames.db", "n_frames", "objects.npz"
"""A store, the number of its frames, and its object maps if it has any."""
DRAFT = ".draft"
"""How the name of a file ended, by earlier versions, that was still being written."""

_KEY = re.compile(r"(.*)/frame_(\d{5,9})", re.DOTALL | re.ASCII)
_MOST = 900
"""Keys of one query: older SQLite takes 999 values."""
_SHORT = 100
"""Bytes of the file with the number of frames."""

_NO_ROOM = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
"""Messages of SQLite if the disk is full, or a file may not grow."""


def write_store(
    folder: Path,
    pictures: Iterable[bytes],
    *,
    meta: Mapping[str, Any],
    beside: Mapping[str, bytes] | None = None,
) -> int:
    """Writes ``frames.db`` and ``n_frames`` into a folder, and returns the number of frames.

    A reader finds the complete store or none: the file is written under another name, brought to
    the disk and renamed; then ``n_frames`` follows.

    Args:
        folder: is made; its name is part of every key.
        pictures: JPEG files, in order.
        meta: is kept in the table ``Meta``; ``width`` is also written to every row.
        beside: name -> content of files that belong to the store.
    """
    make_directories(folder)
    count = 0
    try:
        with replacing(folder / STORE) as draft:
            with closing(sqlite3.connect(draft, isolation_level=None)) as db:
                db.execute("PRAGMA journal_mode = OFF")
                # the whole file is brought to the disk below
                db.execute("PRAGMA synchronous = OFF")
                db.execute("CREATE TABLE Images (ObjId TEXT PRIMARY KEY, frames BLOB, size INT)")
                db.execute("CREATE TABLE Meta (key TEXT PRIMARY KEY, value TEXT)")
                db.execute("BEGIN")
                for count, picture in enumerate(pictures, start=1):
                    row = (_key(folder.name, count - 1), picture, meta.get("width"))
                    db.execute("INSERT INTO Images VALUES (?, ?, ?)", row)
                rows = [(key, json.dumps(value)) for key, value in sorted(meta.items())]
                db.executemany("INSERT INTO Meta VALUES (?, ?)", rows)
                db.execute("COMMIT")
            with writing(folder / STORE), draft.open("rb+") as file:
                os.fsync(file.fileno())
            (folder / COUNT).unlink(missing_ok=True)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in _NO_ROOM:
            raise disk_full(folder / STORE, error) from None
        raise
    for name, content in (beside or {}).items():
        atomic_write_bytes(folder / name, content)
    atomic_write_text(folder / COUNT, f"{count}\n")
    return count


def read_pictures(path: Path, numbers: Sequence[int]) -> Generator[tuple[int, bytes]]:
    """Yields number (from 0) and JPEG bytes of those frames, each once, in no order.

    One query finds hundreds of them: a table without an index is gone through once, not once a
    frame.

    Raises:
        DataError: the file cannot be read, or frames are missing, which are named.
    """
    with opened(path) as db:
        first = db.execute("SELECT ObjId FROM Images LIMIT 1").fetchone()
        prefix, _ = _split_key(path, first[0] if first else None)
        missing = {_key(prefix, number): number for number in numbers}
        broken: list[int] = []
        wanted = list(missing)
        for start in range(0, len(wanted), _MOST):
            part = wanted[start : start + _MOST]
            marks = ",".join("?" * len(part))
            query = f"SELECT ObjId, frames FROM Images WHERE ObjId IN ({marks})"
            for key, blob in db.execute(query, part):
                number = missing.pop(key, None)
                if number is None:
                    continue
                if isinstance(blob, bytes):
                    yield number, blob
                else:
                    broken.append(number)
    _refuse_missing(path, [(number, number) for number in sorted(missing.values())])
    if broken:
        runs = [(number, number) for number in sorted(broken)]
        raise DataError(f"{path}: {_listed(runs)}: no picture is stored; {CURE}")


def store_info(path: Path, size_of: Callable[[bytes, str], tuple[int, int]]) -> VideoInfo:
    """Returns what is stored there; every key is looked at.

    Args:
        path: a ``frames.db``.
        size_of: (bytes of a picture, its name) -> (H, W).

    Raises:
        DataError: no such store, no frame, holes, another number of frames than ``n_frames``, or
            an invalid rate or times in Meta.
    """
    for suffix in ("-journal", "-wal"):
        left = path.with_name(path.name + suffix)
        if left.is_file() and left.stat().st_size:
            raise DataError(f"{path}: its writing was interrupted, {left.name} is left; {CURE}")
    with opened(path) as db:
        held = _numbers(path, db)
        meta = meta_of(db, path, len(held))
    count = read_count(path)
    count = len(held) if count is None else count
    _refuse_missing(path, _holes(held, max(count, len(held))))
    if count != len(held):
        raise DataError(
            f"{path}: {len(held)} frames, {COUNT} next to it gives {count}; cure: pack the video "
            f"again, or remove {COUNT} if the frames are right"
        )
    ((_, first),) = read_pictures(path, [0])
    height, width = size_of(first, f"{path}, frame 1")
    fps, times = stored_clock(path, meta, count)
    return VideoInfo(count, height, width, fps, times)


def _numbers(path: Path, db: sqlite3.Connection) -> list[int]:
    """Returns the numbers of all frames, from 0, in order.

    Raises:
        DataError: a key of another form, of another video, or repeated; or too many.
    """
    numbers: list[int] = []
    prefix: str | None = None
    for (key,) in db.execute("SELECT ObjId FROM Images"):
        found, number = _split_key(path, key)
        prefix = found if prefix is None else prefix
        if found != prefix:
            first, second = (shortly(name) for name in sorted((found, prefix)))
            raise DataError(
                f"{path}: frames of several videos, {first} and {second}; allowed: one video per "
                f"file; {CURE}"
            )
        numbers.append(number)
        if len(numbers) > MOST_FRAMES:
            raise DataError(f"{path}: more than {MOST_FRAMES} frames; cure: cut the video in two")
    if prefix is None:
        _split_key(path, None)
    numbers.sort()
    twice = [n for m, n in itertools.pairwise(numbers) if m == n]
    if twice:
        raise DataError(f"{path}: frame {twice[0] + 1} is there twice; {CURE}")
    return numbers


def _holes(held: Sequence[int], end: int) -> list[tuple[int, int]]:
    """Returns (first, last) of every run of numbers below the end that are not held.

    >>> _holes([0, 3, 7], 6)
    [(1, 2), (4, 5)]
    """
    edges = [-1, *(number for number in held if 0 <= number < end), end]
    return [(a + 1, b - 1) for a, b in itertools.pairwise(edges) if b - a > 1]


def _key(prefix: str, number: int) -> str:
    return f"{prefix}/frame_{number + 1:05d}"


def _split_key(path: Path, key: object) -> tuple[str, int]:
    """Returns (folder, number from 0) of a key.

    Raises:
        DataError: there is none, or it is of another form.
    """
    if key is None:
        raise DataError(f"{path}: no frame is stored; {CURE}")
    match = _KEY.fullmatch(key) if isinstance(key, str) else None
    if match is None:
        raise DataError(
            f"{path}: a frame is called {shortly(key)}; allowed: FOLDER/frame_00001; {CURE}"
        )
    return match[1], int(match[2]) - 1


def read_count(path: Path) -> int | None:
    """Returns the number of frames that is written beside a store; None: there is none.

    Raises:
        DataError: it cannot be read, or is not a number.
    """
    file = path.with_name(COUNT)
    if not file.is_file():
        return None
    text = file_bytes(file, most=_SHORT).decode("utf-8", "replace").strip()
    if not (text.isascii() and text.isdecimal()):
        raise DataError(f"{file}: read {text[:40]!r}; expected a number of frames; {CURE}")
    return int(text)


def _refuse_missing(path: Path, runs: Sequence[tuple[int, int]]) -> None:
    if runs:
        raise DataError(f"{path}: {_listed(runs)} missing (counted from 1); {CURE}")


def _listed(found: Sequence[tuple[int, int]], limit: int = 10) -> str:
    """Returns runs of numbers as a person counts them, from 1, neighbours drawn together.

    >>> _listed([(2, 2), (6, 7), (8, 8)])
    'frames 3, 7 to 9'
    """
    runs: list[tuple[int, int]] = []
    for first, last in found:
        if runs and first == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], last)
        else:
            runs.append((first, last))
    several = len(runs) > 1 or any(a < b for a, b in runs)
    texts = [f"{a + 1}" if a == b else f"{a + 1} to {b + 1}" for a, b in runs]
    more = f" and {len(texts) - limit} more places" if len(texts) > limit else ""
    return ("frames " if several else "frame ") + ", ".join(texts[:limit]) + more
