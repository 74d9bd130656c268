"""The rows of a CSV list: commas, a header, as many values as columns."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from connsearch.data.sources.id_lists import IDS, id_column
from connsearch.errors import DataError
from connsearch.files.text import from_cell
from connsearch.registry import suggest

REQUIRED = ("path", "label")
TWINS: Mapping[str, str] = {"labels": "label", "subject": "group"}
"""Columns that replace another one."""


def read_rows(path: Path, optional: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """Returns (line number, column -> value) of every row.

    Args:
        path: of the file.
        optional: columns that may be there, for messages.

    Raises:
        DataError: not a UTF-8 CSV with commas, a required column, and as many values as columns.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{path}: not a CSV file in UTF-8 ({error}); cure: save it as one; a name on disk that "
            r"is not UTF-8 is listed with \xe9 (and the like) for each such byte"
        ) from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    if not rows:
        raise DataError(f"{path}: empty; expected a header with the columns path and label")
    header = [cell.strip() for cell in rows[0][1]]
    _check_header(path, header, optional)
    # One without the other says something else in most lists: where a clip was cut from, say.
    alone = {"start", "end"} if len({"start", "end"} & set(header)) == 1 else set[str]()
    out: list[tuple[int, dict[str, str]]] = []
    for line, row in rows[1:]:
        if len(row) != len(header):
            raise DataError(
                f"{path}, line {line}: {len(row)} values, the header has {len(header)} columns\n"
                f"  read: {','.join(row)[:200]}\n  cure: put a value that holds a comma into quotes"
            )
        pairs = zip(header, row, strict=True)
        cells = {k: _read_cell(path.parent, k, v.strip()) for k, v in pairs if k not in alone}
        out.append((line, cells))
    if not out:
        raise DataError(f"{path}: a header but no rows")
    return out


def _read_cell(folder: Path, column: str, text: str) -> str:
    """Returns the text of a cell; a file that is called exactly as the cell says is that file."""
    plain = from_cell(text)
    if plain != text and column in ("path", "object") and os.path.exists(folder / text):
        return text
    return plain


def _check_header(path: Path, header: list[str], optional: Sequence[str]) -> None:
    if len(header) == 1 and any(mark in header[0] for mark in ";\t|"):
        mark = next(mark for mark in ";\t|" if mark in header[0])
        raise DataError(
            f"{path}: columns are separated by {mark!r}; allowed: ','\n  read: {header[0][:200]}\n"
            "  cure: save the file with commas"
        )
    both = [f"{a} and {b}" for a, b in TWINS.items() if a in header and b in header]
    if both:
        raise DataError(f"{path}: the columns {both[0]}; allowed: one of them")
    known = {TWINS.get(column, column) for column in header}
    if id_column(path, header) is not None:
        known.add("path")
    missing = [column for column in REQUIRED if column not in known]
    if missing:
        near = sorted({name[:40] for name in header[:40]})
        more = f"\n  missing too: {', '.join(missing[1:])}" if missing[1:] else ""
        raise DataError(
            f"{path}: {suggest('column', missing[0], near)}{more}\n"
            f"  expected: {', '.join(REQUIRED)}, and optionally {', '.join(optional)}; instead "
            f"of path {', '.join(IDS)}: names of videos without their suffix\n"
            "  cure: a first line with the names of the columns, in small letters"
        )
    twice = sorted(column for column, count in Counter(header).items() if count > 1)
    if twice:
        raise DataError(f"{path}: the column {twice[0][:80]} appears more than once")
