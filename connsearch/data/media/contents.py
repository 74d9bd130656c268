"""The contents of the files of a data set, as marks that are part of its fingerprint.

Of a file: its size, and the bytes it is made of. ``full`` takes all of them; ``sample`` takes 64
KiB from the beginning, the middle and the end, which is the whole of a file of up to 192 KiB. Of a
folder of pictures: the name and the size of every picture, and the content of the first, the middle
and the last one by name (``sample``) or of all (``full``).

Modification times are not trusted, because they can be set. Marks are cached under size,
modification time *and* the time at which the system last changed the file's entry, which no program
can set; if the system does not keep that time, nothing is cached.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import stat
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from connsearch.data.records import SPLITS, Record, Split
from connsearch.files.disk import open_plain

Kind = Literal["sample", "full"]

BLOCK = 64 * 1024
"""Bytes of each of the three parts of a sample."""

MARKS = 512
"""Marks of one list that a run records, so that what changed can be named."""

UNREADABLE = "unreadable"
"""The mark of a file that cannot be read."""

_PICTURES = (".jpg", ".jpeg", ".png")
_FRESH = 2 * 10**9
"""Nanoseconds in which a file may change again without another time of change."""
_TABLE = """create table if not exists contents
            (path text, kind text, state text, mark text, primary key (path, kind))"""

_Lists = Mapping[Split, Sequence[Record]]
_Follow = Callable[[Iterable[tuple[Split, int]], int], Iterable[tuple[Split, int]]]


@dataclass(frozen=True, slots=True)
class Contents:
    """The contents of the files of three splits.

    Attributes:
        kind: how much of every file was read.
        hashes: SHA-256 of each list's files, in its order.
        marks: at most :data:`MARKS` short hashes of each list, each of as many neighbours.
        names: of the records of each list.
    """

    kind: Kind
    hashes: Mapping[Split, str]
    marks: Mapping[Split, tuple[str, ...]]
    names: Mapping[Split, tuple[str, ...]]

    def changed(self, recorded: Mapping[str, Sequence[str]]) -> list[str]:
        """Returns which clips are not what they were, by marks recorded of the same lists."""
        found: list[str] = []
        for split, marks in self.marks.items():
            names = self.names[split]
            before = recorded.get(split, marks)
            span = _span(len(names))
            for place, (now, then) in enumerate(zip(marks, before, strict=False)):
                if now != then:
                    first, last = place * span, min((place + 1) * span, len(names)) - 1
                    name = names[first]
                    found.append(name if first == last else f"{name} to {names[last]}")
        return found


def read_contents(
    lists: _Lists, kind: Kind, *, cache: Path | None = None, follow: _Follow | None = None
) -> Contents:
    """Returns the contents of the files of the splits; a file of several records is read once.

    Args:
        lists: the records.
        kind: how much of every file is read.
        cache: an SQLite file that caches marks; None: no cache.
        follow: wraps the iteration over the records, to show progress.
    """
    walk: Iterable[tuple[Split, int]] = [(s, i) for s in SPLITS for i in range(len(lists[s]))]
    count = sum(map(len, lists.values()))
    found: dict[Split, list[str]] = {split: [] for split in SPLITS}
    known: dict[Path, str] = {}
    with _Cache(cache) as remembered:
        for split, place in follow(walk, count) if follow else walk:
            record = lists[split][place]
            parts = [record.path, *([record.objects] if record.objects is not None else [])]
            for path in parts:
                if path not in known:
                    known[path] = _mark(path, kind, remembered)
            found[split].append(" ".join(known[path] for path in parts))
    return Contents(
        kind,
        {split: _hash("\n".join(marks)) for split, marks in found.items()},
        {split: _grouped(marks) for split, marks in found.items()},
        {split: tuple(record.name for record in lists[split]) for split in SPLITS},
    )


def mark_of(path: Path, kind: Kind) -> str:
    """Returns SHA-256 of the content of a file or a folder of pictures; see the top of this file.

    A path that cannot be read has the mark :data:`UNREADABLE`.
    """
    try:
        return _folder(path, kind) if path.is_dir() else _file(path, kind)
    except (OSError, ValueError):
        return UNREADABLE


def _mark(path: Path, kind: Kind, cache: _Cache) -> str:
    before = cache.state(path)
    mark = cache.get(path, kind, before)
    if mark is None:
        mark = mark_of(path, kind)
        cache.put(path, kind, before, mark)
    return mark


def _file(path: Path | str, kind: Kind) -> str:
    with open_plain(path) as file:
        size = os.fstat(file.fileno()).st_size
        found = hashlib.sha256(f"{kind} {size}\n".encode())
        if kind == "full" or size <= 3 * BLOCK:
            while part := file.read(1 << 20):
                found.update(part)
        else:
            for start in (0, (size - BLOCK) // 2, size - BLOCK):
                file.seek(start)
                found.update(_exactly(file.read, BLOCK))
    return found.hexdigest()


def _exactly(read: Callable[[int], bytes | None], count: int) -> bytes:
    """Returns this many bytes, or all there are: a system may return fewer at a time."""
    parts: list[bytes] = []
    while count > 0 and (part := read(count)):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _folder(path: Path, kind: Kind) -> str:
    with os.scandir(path) as entries:
        named = [e for e in entries if e.name.lower().endswith(_PICTURES) and e.name[0] != "."]
    pictures = sorted((e.name, e.stat().st_size) for e in named)
    lines = [f"{kind} folder", *(f"{name!r} {size}" for name, size in pictures)]
    if kind == "sample" and pictures:
        last = len(pictures) - 1
        pictures = [pictures[place] for place in sorted({0, last // 2, last})]
    lines += [_file(path / name, kind) for name, _ in pictures]
    return _hash("\n".join(lines))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _span(count: int) -> int:
    """Returns how many neighbours share a mark."""
    return max(1, -(-count // MARKS))


def _grouped(marks: Sequence[str]) -> tuple[str, ...]:
    span = _span(len(marks))
    starts = range(0, len(marks), span)
    return tuple(_hash("\n".join(marks[start : start + span]))[:8] for start in starts)


class _Cache:
    """Marks by path and state of a file; it saves time and nothing else.

    Where it cannot be opened, read or written, nothing is known.
    """

    def __init__(self, place: Path | None) -> None:
        self._table: sqlite3.Connection | None = None
        if place is not None and os.name == "posix":
            with suppress(OSError, sqlite3.Error):
                place.parent.mkdir(parents=True, exist_ok=True)
                self._table = sqlite3.connect(place, timeout=10)
                self._table.execute(_TABLE)

    def __enter__(self) -> _Cache:
        return self

    def __exit__(self, *_: object) -> None:
        if self._table is not None:
            with suppress(sqlite3.Error):
                self._table.commit()
            self._table.close()

    def state(self, path: Path) -> str | None:
        """Returns what changes whenever a file does; None where nothing is remembered."""
        return None if self._table is None else _state(path)

    def get(self, path: Path, kind: Kind, state: str | None) -> str | None:
        """Returns the mark of a file in that state."""
        if self._table is None or state is None:
            return None
        with suppress(sqlite3.Error, UnicodeError):
            row = self._table.execute(
                "select mark from contents where path = ? and kind = ? and state = ?",
                (os.path.abspath(path), kind, state),
            ).fetchone()
            return row[0] if row is not None and isinstance(row[0], str) else None
        return None

    def put(self, path: Path, kind: Kind, state: str | None, mark: str) -> None:
        """Remembers a mark, unless the file has changed meanwhile or might do so unnoticed."""
        if self._table is None or state is None or mark == UNREADABLE:
            return
        if _state(path) != state or _is_fresh(path):
            return
        with suppress(sqlite3.Error, UnicodeError):
            row = (os.path.abspath(path), kind, state, mark)
            self._table.execute("insert or replace into contents values (?, ?, ?, ?)", row)


def _state(path: Path) -> str | None:
    """Returns what changes whenever the content of a file does; None for anything else."""
    with suppress(OSError, ValueError):
        found = path.stat()
        if stat.S_ISREG(found.st_mode):
            times = f"{found.st_mtime_ns} {found.st_ctime_ns}"
            return f"{found.st_dev} {found.st_ino} {found.st_size} {times}"
    return None


def _is_fresh(path: Path) -> bool:
    with suppress(OSError, ValueError):
        found = path.stat()
        return time.time_ns() - max(found.st_mtime_ns, found.st_ctime_ns) < _FRESH
    return True
