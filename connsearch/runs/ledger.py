"""Work that adds up: each unit is done once, filed by name, and never again."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

from connsearch.errors import RunError, UserError
from connsearch.files.disk import atomic_write_text, is_there, read_plain, writing
from connsearch.files.documents import checked, parse_object
from connsearch.files.paths import check_path
from connsearch.files.places import DirectoryLock
from connsearch.runs.formats.ledger import LedgerHead, LedgerLine, Unit
from connsearch.runs.names import LEDGER
from connsearch.settings.differences import describe_differences, differences, may_change, plain

U = TypeVar("U", bound=Unit)

_ANOTHER = "choose another directory (--output, --run), or remove this file to start over"

_INSIDE = 64
"""Bytes of the longest path next to a ledger; runs of its units check their own paths."""


def check_settings(
    directory: Path, settings: Mapping[str, Any], *, besides: Collection[str] = ()
) -> None:
    """Refuses a ledger of other settings before anything is read for it; none is fine.

    Args:
        directory: of the ledger.
        settings: that are asked for.
        besides: recorded settings that are not known yet.

    Raises:
        RunError: it was begun with others, or cannot be read.
    """
    path = directory / LEDGER
    if not is_there(path):
        return
    first, found, _ = read_plain(path).partition(b"\n")
    if not found:  # killed while it was begun
        return
    try:
        recorded = LedgerHead.model_validate(parse_object(first.decode())).settings
    except ValueError:
        raise RunError(_damaged(path)) from None
    known = {name: value for name, value in recorded.items() if name not in besides}
    _refuse_other(directory, known, plain(settings))


def _refuse_other(
    directory: Path, recorded: Mapping[str, Any], settings: Mapping[str, Any]
) -> None:
    found = {k: v for k, v in differences(recorded, settings).items() if not may_change(k)}
    if found:
        raise RunError(
            f"{directory}: contains results of other settings\n"
            f"{describe_differences(found)}\n"
            "  cure: use those settings, or choose another directory (--run or --output)"
        )


def _damaged(path: Path) -> str:
    return f"{path}: cannot be read as a ledger of connsearch\n  cure: {_ANOTHER}"


class Ledger:
    """The results of a number of units in a directory, one JSON line each.

    A line is on disk before the next unit starts; an incomplete last line (the process was killed
    while it wrote) is cut off and its unit repeated. The first line has the settings: units of
    other settings never mix. The number of units is not part of the settings, so that more can
    be added later.

    Raises:
        RunError: the directory contains units of other settings or other files, or another process
            works in it.
    """

    def __init__(self, directory: str | Path, settings: Mapping[str, Any]) -> None:
        self.directory = Path(directory)
        self.results: dict[str, dict[str, Any]] = {}
        if self.directory.exists() and not self.directory.is_dir():
            raise RunError(
                f"{directory}: is a file\n  cure: choose another directory (--output, --run)"
            )
        check_path(self.directory, below=_INSIDE)
        self._lock = DirectoryLock(self.directory)
        self._fresh = not self._path.exists()
        try:
            self._read(plain(settings))
            self._file = self._path.open("a", encoding="utf-8")
        except BaseException:
            self._lock.undo()
            raise

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        """Releases the directory; work refused before its first unit leaves nothing behind."""
        self._file.close()
        if self._fresh and isinstance(error, UserError):
            self._path.unlink(missing_ok=True)
            self._lock.undo()
        else:
            self._lock.release()

    def __contains__(self, unit: str) -> bool:
        return unit in self.results

    def __getitem__(self, unit: str) -> dict[str, Any]:
        """Returns the filed result of a unit."""
        return self.results[unit]

    def read(self, unit: str, kind: type[U]) -> U:
        """Returns the filed result of a unit as its form.

        Raises:
            RunError: it is damaged.
        """
        what = f"a ledger with a valid unit {unit}"
        return checked(self._path, kind, self.results[unit], what, cure=_ANOTHER)

    def file(self, unit: str, result: Unit) -> None:
        """Records the result of a unit, safely on disk when this returns.

        Raises:
            ValueError: it has a key without a field in its form.
            DiskFullError: there is no space; an incomplete line is cut off on resume.
        """
        self._fresh = False
        self.results[unit] = plain(result.to_json())
        with writing(self._path):
            self._file.write(json.dumps({"unit": unit, **self.results[unit]}) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())

    @property
    def _path(self) -> Path:
        return self.directory / LEDGER

    def _read(self, settings: Mapping[str, Any]) -> None:
        data = read_plain(self._path) if is_there(self._path) else b""
        whole = data[: data.rfind(b"\n") + 1]
        if not whole:
            head = LedgerHead(settings=dict(settings))
            whole = (json.dumps(head.to_json()) + "\n").encode()
            atomic_write_text(self._path, whole.decode())
        elif whole != data:  # one system call: if killed here, the next process does it
            os.truncate(self._path, len(whole))
        try:
            first, *rows = [parse_object(line.decode()) for line in whole.splitlines()]
            recorded = LedgerHead.model_validate(first).settings
            lines = [LedgerLine.model_validate(row) for row in rows]
            self.results = {line.unit: dict(line.model_extra or {}) for line in lines}
        except ValueError:  # pydantic's own among them
            raise RunError(_damaged(self._path)) from None
        _refuse_other(self.directory, recorded, settings)
