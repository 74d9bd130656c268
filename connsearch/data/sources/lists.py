"""Text files of published lists, read line by line; every fault of a file is named at once."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connsearch.data.records import listed
from connsearch.errors import DataError
from connsearch.files.disk import open_text

_DIGITS = 18
"""Of a whole number; Python refuses to read one of several thousand."""

Line = tuple[int, str]
"""A line's number, from 1, and its text without spaces at its ends."""


class Faults:
    """Faults of the lines of one file, collected and reported together.

    Args:
        path: the file.
        allowed: the form of a line.
    """

    def __init__(self, path: Path, allowed: str) -> None:
        self.path = path
        self.allowed = allowed
        self._lines: list[tuple[int, str]] = []

    def add(self, line: int, message: str) -> None:
        """Adds a fault of a line."""
        self._lines.append((line, f"line {line}: {message}"))

    @property
    def found(self) -> bool:
        """Whether anything is wrong."""
        return bool(self._lines)

    def refuse(self) -> None:
        """Refuses the file if anything is wrong with it.

        Raises:
            DataError: every faulty line, in order.
        """
        if self.found:
            lines = [text for _, text in sorted(self._lines)]
            raise DataError(
                f"{self.path}: {len(lines)} lines that cannot be used\n{listed(lines)}\n"
                f"  expected: {self.allowed}"
            )


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV file with a header.

    Attributes:
        path: the file.
        columns: column name -> place in a row.
        rows: (line number, values), as many values as columns.
        faults: of the file; rows with another number of values are in it already.
    """

    path: Path
    columns: dict[str, int]
    rows: list[tuple[int, list[str]]]
    faults: Faults


def find_file(folder: Path, *names: str) -> Path | None:
    """Returns the first of those files that is there."""
    return next((folder / name for name in names if (folder / name).is_file()), None)


def need_file(folder: Path, *names: str) -> Path:
    """Returns the first of those files that is there.

    Raises:
        DataError: none of them is; all are named.
    """
    found = find_file(folder, *names)
    if found is None:
        raise DataError(
            f"{folder}: none of these annotation files exists\n{listed(names)}\n"
            "  cure: name the folder that holds the official files"
        )
    return found


def read_text(path: Path) -> str:
    """Returns a file's text: UTF-8, with or without a byte order mark.

    Raises:
        DataError: it cannot be read, or is not UTF-8.
    """
    try:
        with open_text(path, encoding="utf-8-sig") as file:
            return file.read()
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not in UTF-8 ({error}); cure: save it as UTF-8") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error


def read_lines(path: Path) -> list[Line]:
    """Returns the lines of a file that are not empty, whether they end in LF or CRLF.

    Raises:
        DataError: the file cannot be read, or has no such line.
    """
    numbered = enumerate(read_text(path).split("\n"), start=1)
    lines = [(number, text.strip()) for number, text in numbered if text.strip()]
    if not lines:
        raise DataError(f"{path}: empty")
    return lines


def read_json(path: Path) -> Any:
    """Returns the content of a JSON file.

    Raises:
        DataError: the file cannot be read, or is not JSON.
    """
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise DataError(f"{path}: not JSON ({error}); cure: use the official file") from error


def read_table(path: Path, required: Sequence[str], *, header: bool = True) -> Table:
    """Returns a CSV file with commas.

    Args:
        path: the file.
        required: columns it must have; without a header line, all of its columns in order.
        header: the first line names the columns.

    Raises:
        DataError: not such a file, or a required column is missing.
    """
    try:
        reader = csv.reader(io.StringIO(read_text(path)), strict=True)
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise DataError(f"{path}: not a CSV file ({error}); cure: save it as one") from error
    if not rows:
        raise DataError(f"{path}: empty; expected rows of {','.join(required)}")
    names = [cell.strip() for cell in rows[0][1]] if header else list(required)
    if header:
        _check_header(path, names, required)
        rows = rows[1:]
    faults = Faults(path, ",".join(names))
    for line, row in rows:
        if len(row) != len(names):
            read = ",".join(row)[:80]
            faults.add(line, f"{len(row)} values, {len(names)} columns; read: {read}")
    if faults.found:
        rows = [(line, row) for line, row in rows if len(row) == len(names)]
    return Table(path, {name: place for place, name in enumerate(names)}, rows, faults)


def _check_header(path: Path, names: Sequence[str], required: Sequence[str]) -> None:
    missing = [name for name in required if name not in names]
    if not missing:
        return
    cure = "use the official file"
    mark = next((m for m in ";\t|" if len(names) == 1 and m in names[0]), None)
    if mark is not None:
        cure = f"columns are separated by {mark!r} here; save the file with commas"
    raise DataError(
        f"{path}: no column {missing[0]}\n  read: {','.join(names)[:200]}\n"
        f"  expected: {','.join(required)}\n  cure: {cure}"
    )


def whole(text: str) -> int | None:
    """Returns a whole number of at least 0, or None.

    >>> whole("12"), whole("-1"), whole("1.5")
    (12, None, None)
    """
    text = text.strip()
    short = len(text) <= _DIGITS
    return int(text) if short and text.isascii() and text.isdecimal() else None


def seconds(text: str) -> float | None:
    """Returns a finite number of at least 0, or None.

    >>> seconds("15.5"), seconds("nan"), seconds("-1")
    (15.5, None, None)
    """
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
