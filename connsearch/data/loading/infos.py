"""A cache of facts of videos across runs: a large data set is opened once."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType

from connsearch.data.records import VideoInfo

_NAME = "infos_2"
"""Name of the table; its number rises when files are measured differently."""

_BEFORE = ("infos",)
"""Tables of earlier versions: they held wrong counts and clocks."""

_TABLE = f"""create table if not exists {_NAME}
            (path text primary key, size integer, changed integer, info text)"""


class InfoCache:
    """A table of infos by path, size and time of change; changed files are read again.

    It only saves time: if it cannot be opened, read or written, it is empty.

    Args:
        place: the SQLite file; None: nothing is remembered.
    """

    def __init__(self, place: Path | None) -> None:
        self._table: sqlite3.Connection | None = None
        if place is not None:
            with suppress(OSError, sqlite3.Error):
                place.parent.mkdir(parents=True, exist_ok=True)
                place.touch()  # with the mode the umask gives; SQLite has its own
                self._table = sqlite3.connect(place, timeout=10)
                self._table.execute(_TABLE)
                for name in _BEFORE:
                    self._table.execute(f"drop table if exists {name}")

    def __enter__(self) -> InfoCache:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        if self._table is not None:
            with suppress(sqlite3.Error):
                self._table.commit()
            self._table.close()

    def get(self, path: Path) -> VideoInfo | None:
        """Returns the cached facts of a file if it is unchanged."""
        key = _key(path)
        if self._table is None or key is None:
            return None
        with suppress(sqlite3.Error, ValueError, TypeError):
            found = self._table.execute(
                f"select info from {_NAME} where path = ? and size = ? and changed = ?", key
            ).fetchone()
            if found is not None:
                return _read(found[0])
        return None

    def put(self, path: Path, info: VideoInfo) -> None:
        """Stores the facts of a file."""
        key = _key(path)
        if self._table is not None and key is not None:
            with suppress(sqlite3.Error, ValueError):  # a name that is not UTF-8
                row = (*key, json.dumps(asdict(info)))
                self._table.execute(f"insert or replace into {_NAME} values (?, ?, ?, ?)", row)


def _key(path: Path) -> tuple[str, int, int] | None:
    """Path, size and time of change; None for a folder, whose content they do not describe."""
    with suppress(OSError):
        stat = path.stat()
        if path.is_file():
            return os.path.abspath(path), stat.st_size, stat.st_mtime_ns
    return None


def _read(text: str) -> VideoInfo:
    values = json.loads(text)
    times, keys = tuple(values.pop("times")), values.pop("keys")
    return VideoInfo(**values, times=times, keys=tuple((place, number) for place, number in keys))
