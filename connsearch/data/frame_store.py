"""The format ``frames.db``: one SQLite file a video, one JPEG a row.

``Images(ObjId TEXT PRIMARY KEY, frames BLOB, size INT)`` holds the frames: the key is
``FOLDER/frame_00001`` (from 1 on, at least five digits), the blob a whole JPEG file, ``size`` its
width. Older files lack the last column or the index; they are read as well. Beside the file
``n_frames`` holds the number of frames as text; it is written last, so where it stands the store
is whole. ``Meta(key TEXT PRIMARY KEY, value TEXT)`` is ours, values are JSON, other readers never
look at it: ``fps``, ``times`` (seconds of every frame, where the rate varies) and whatever the
writer wants to find again.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from connsearch.data.records import VideoInfo
from connsearch.disk import disk_full, require_plain, writing
from connsearch.drafts import replacing
from connsearch.errors import DataError
from connsearch.graph.files import atomic_write_bytes, atomic_write_text
from connsearch.places import make_directories

STORE, COUNT, OBJECTS = "frames.db", "n_frames", "objects.npz"
"""A store, the number of its frames, and its object maps if it has any."""
DRAFT = ".draft"
"""How the name of a file ended, up to version 0.5, that was still being written."""

_KEY = re.compile(r"(.*)/frame_(\d{5,})", re.DOTALL)
_MOST = 900
"""Keys of one query: older SQLite takes 999 values."""

_NO_ROOM = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
"""What SQLite says where there is no room: the disk is full, or a file may not grow."""

_CURE = "cure: pack the video again, fetch the file again, or take it off the list"


def write_store(
    folder: Path,
    pictures: Iterable[bytes],
    *,
    meta: Mapping[str, Any],
    beside: Mapping[str, bytes] | None = None,
) -> int:
    """Writes ``frames.db`` and ``n_frames`` into a folder, and returns the number of frames.

    A reader finds the whole store or none: the file is written under another name, brought to the
    disk and renamed; then ``n_frames`` follows.

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
                db.execute(
                    "PRAGMA synchronous = OFF"
                )  # the whole file is brought to the disk below
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


def read_pictures(path: Path, numbers: Sequence[int]) -> list[bytes]:
    """Returns the JPEG bytes of the frames of those numbers (from 0), in that order.

    One query finds all of them: a table without an index is gone through once, not once a frame.

    Raises:
        DataError: the file cannot be read, or frames are missing: which ones is said.
    """
    with opened(path) as db:
        first = db.execute("SELECT ObjId FROM Images LIMIT 1").fetchone()
        prefix, _ = _split_key(path, first[0] if first else None)
        keys = {number: _key(prefix, number) for number in numbers}
        found: dict[str, object] = {}
        wanted = list(keys.values())
        for start in range(0, len(wanted), _MOST):
            part = wanted[start : start + _MOST]
            marks = ",".join("?" * len(part))
            query = f"SELECT ObjId, frames FROM Images WHERE ObjId IN ({marks})"
            found.update(db.execute(query, part))
    _refuse_missing(path, [n for n, key in keys.items() if key not in found])
    pictures = {n: blob for n, key in keys.items() if isinstance(blob := found[key], bytes)}
    broken = [number for number in keys if number not in pictures]
    if broken:
        raise DataError(f"{path}: {_listed(broken)}: no picture is stored; {_CURE}")
    return [pictures[number] for number in numbers]


def store_info(path: Path, size_of: Callable[[bytes, str], tuple[int, int]]) -> VideoInfo:
    """Returns what is stored there; every key is looked at.

    Args:
        path: a ``frames.db``.
        size_of: (bytes of a picture, its name) -> (H, W).

    Raises:
        DataError: no such store, no frame, holes, or another number of frames than ``n_frames``.
    """
    for suffix in ("-journal", "-wal"):
        left = path.with_name(path.name + suffix)
        if left.is_file() and left.stat().st_size:
            raise DataError(f"{path}: its writing was cut short, {left.name} is left; {_CURE}")
    with opened(path) as db:
        keys = [row[0] for row in db.execute("SELECT ObjId FROM Images")]
        meta = _meta(db, path)
    parts = [_split_key(path, key) for key in keys or [None]]
    prefixes = sorted({prefix for prefix, _ in parts})
    if len(prefixes) > 1:
        raise DataError(
            f"{path}: frames of several videos, {prefixes[0]!r} and {prefixes[1]!r}; allowed: one "
            f"video a file; {_CURE}"
        )
    count = _count(path, len(keys))
    held = {number for _, number in parts}
    _refuse_missing(path, [n for n in range(max(count, len(keys))) if n not in held])
    if count != len(keys):
        raise DataError(
            f"{path}: {len(keys)} frames, {COUNT} beside it says {count}; cure: pack the video "
            f"again, or remove {COUNT} if the frames are right"
        )
    height, width = size_of(read_pictures(path, [0])[0], f"{path}, frame 1")
    times = tuple(meta.get("times", ()))
    if times and len(times) != count:
        raise DataError(f"{path}: {count} frames, {len(times)} times in Meta; {_CURE}")
    return VideoInfo(count, height, width, float(meta.get("fps", 0.0)), times)


def read_meta(path: Path) -> dict[str, Any]:
    """Returns the table ``Meta``; empty where the writer was not ours.

    Raises:
        DataError: the file cannot be read, or a value is no JSON.
    """
    with opened(path) as db:
        return _meta(db, path)


@contextmanager
def opened(path: Path) -> Generator[sqlite3.Connection]:
    """Opens a store to read, in whatever folder; whatever goes wrong becomes a DataError.

    Every reader opens its own: a connection belongs to one process and one thread, and opening
    costs a hundredth of decoding the frames of a clip.
    """
    # quoted as bytes: a name may hold ?, #, % and letters of no encoding
    uri = f"file:{quote(os.fsencode(os.path.abspath(path)))}?mode=ro&immutable=1"
    try:
        require_plain(path)  # a pipe would be waited for
        with closing(sqlite3.connect(uri, uri=True)) as db:
            yield db
    except (sqlite3.Error, OverflowError, OSError) as error:
        size = f"{path.stat().st_size} bytes" if path.is_file() else "no such file"
        raise DataError(
            f"{path}: not readable as a frame store ({error}); read: {size}; {_CURE}"
        ) from error


def _key(prefix: str, number: int) -> str:
    return f"{prefix}/frame_{number + 1:05d}"


def _split_key(path: Path, key: object) -> tuple[str, int]:
    """Returns (folder, number from 0) of a key.

    Raises:
        DataError: there is none, or it is of another form.
    """
    if key is None:
        raise DataError(f"{path}: no frame is stored; {_CURE}")
    match = _KEY.fullmatch(key) if isinstance(key, str) else None
    if match is None:
        raise DataError(f"{path}: a frame is called {key!r}; allowed: FOLDER/frame_00001; {_CURE}")
    return match[1], int(match[2]) - 1


def _count(path: Path, held: int) -> int:
    file = path.with_name(COUNT)
    if not file.is_file():
        return held
    text = file.read_text(encoding="utf-8", errors="replace").strip()
    if not (text.isascii() and text.isdecimal()):
        raise DataError(f"{file}: read {text[:40]!r}; expected a number of frames; {_CURE}")
    return int(text)


def _meta(db: sqlite3.Connection, path: Path) -> dict[str, Any]:
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'Meta'").fetchone():
        return {}
    try:
        return {key: json.loads(value) for key, value in db.execute("SELECT key, value FROM Meta")}
    except (ValueError, TypeError) as error:
        raise DataError(f"{path}: the table Meta holds no JSON ({error}); {_CURE}") from error


def _refuse_missing(path: Path, missing: Sequence[int]) -> None:
    if missing:
        raise DataError(f"{path}: {_listed(missing)} missing (counted from 1); {_CURE}")


def _listed(numbers: Sequence[int], limit: int = 10) -> str:
    """Returns the numbers as a person counts them, from 1, neighbours drawn together.

    >>> _listed([2, 6, 7, 8])
    'frames 3, 7 to 9'
    """
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    texts = [f"{a + 1}" if a == b else f"{a + 1} to {b + 1}" for a, b in runs]
    more = f" and {len(texts) - limit} more places" if len(texts) > limit else ""
    return ("frame " if len(numbers) == 1 else "frames ") + ", ".join(texts[:limit]) + more
