"""A CSV file of videos: path, label, and optionally group, split and object.

Paths are relative to the CSV. ``split`` is ``train``, ``select`` (or ``val``), ``test``; ``all``,
``cv`` or nothing: the split is decided by group; ``exclude`` or anything that begins with
``extra-``: left out, and said. Further columns are allowed and not read.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from pathlib import Path

from connsearch.data.datasets import DATASETS
from connsearch.data.options import DataOptions
from connsearch.data.records import Record, Source, Split, class_names, listed
from connsearch.errors import DataError
from connsearch.registry import suggest

REQUIRED = ("path", "label")
OPTIONAL = ("group", "split", "object")
SPLIT_WORDS: Mapping[str, Split | None] = {
    "train": "train",
    "val": "select",
    "select": "select",
    "test": "test",
    "all": None,
    "cv": None,
    "": None,
}


def _excluded(word: str) -> bool:
    return word == "exclude" or word.startswith("extra-")


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Returns (line number, column -> value) of every row.

    Raises:
        DataError: not a UTF-8 CSV with commas, a required column, and as many values as columns.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{path}: not a CSV file in UTF-8 ({error}); cure: save it as one"
        ) from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    if not rows:
        raise DataError(f"{path}: empty; expected a header with the columns path and label")
    header = [cell.strip() for cell in rows[0][1]]
    _check_header(path, header)
    out: list[tuple[int, dict[str, str]]] = []
    for line, row in rows[1:]:
        if len(row) != len(header):
            raise DataError(
                f"{path}, line {line}: {len(row)} values, the header has {len(header)} columns\n"
                f"  read: {','.join(row)}\n  cure: put a value that holds a comma into quotes"
            )
        out.append((line, {k: v.strip() for k, v in zip(header, row, strict=True)}))
    if not out:
        raise DataError(f"{path}: a header but no rows")
    return out


def _check_header(path: Path, header: list[str]) -> None:
    if len(header) == 1 and any(mark in header[0] for mark in ";\t|"):
        mark = next(mark for mark in ";\t|" if mark in header[0])
        raise DataError(
            f"{path}: columns are separated by {mark!r}; allowed: ','\n  read: {header[0]}\n"
            "  cure: save the file with commas"
        )
    for column in REQUIRED:
        if column not in header:
            raise DataError(
                f"{path}: {suggest('column', column, sorted(header))}\n"
                f"  expected: {', '.join(REQUIRED)}, and optionally {', '.join(OPTIONAL)}"
            )
    twice = sorted({column for column in header if header.count(column) > 1})
    if twice:
        raise DataError(f"{path}: the column {twice[0]} appears more than once")


def _check_rows(path: Path, rows: list[tuple[int, dict[str, str]]]) -> None:
    """Refuses empty cells, unknown splits and repeated paths, each by line."""
    faults: list[str] = []
    seen: dict[str, int] = {}
    for line, row in rows:
        for column in REQUIRED:
            if not row[column]:
                faults.append(f"line {line}: no {column}")
        word = row.get("split", "")
        if word not in SPLIT_WORDS and not _excluded(word):
            faults.append(f"line {line}: unknown split {word!r}")
        file = os.path.normpath(row["path"])  # ./a.mp4 and b/../a.mp4 are one clip
        if file in seen:
            faults.append(f"line {line}: {row['path']} stands on line {seen[file]} already")
        seen.setdefault(file, line)
    if faults:
        words = ", ".join(word for word in SPLIT_WORDS if word)
        raise DataError(
            f"{path}: rows that cannot be used\n{listed(faults)}\n"
            f"  allowed splits: {words}, nothing, exclude, extra-..."
        )


def _check_files(path: Path, records: list[Record]) -> None:
    missing = [r.name for r in records if not r.path.is_file()]
    missing += [str(r.objects) for r in records if r.objects is not None and not r.objects.exists()]
    if missing:
        raise DataError(
            f"{path}: {len(missing)} listed files are not there\n{listed(missing)}\n"
            f"  cure: paths are relative to {path.parent}; fetch them, or shorten the list"
        )
    without = [r.name for r in records if r.objects is None]
    if 0 < len(without) < len(records):
        raise DataError(
            f"{path}: object maps for some clips only; without:\n{listed(without)}\n"
            "  cure: give them to all or to none"
        )


@DATASETS.register("csv")
def read_csv(rest: str, options: DataOptions) -> Source:
    """Returns the data set a CSV file lists.

    Raises:
        DataError: the file, a row, or a listed video cannot be used; all of them are named.
    """
    path = Path(rest)
    rows = _rows(path)
    _check_rows(path, rows)
    used = [row for _, row in rows if not _excluded(row.get("split", ""))]
    out: dict[str, int] = {}
    for _, row in rows:
        if _excluded(row.get("split", "")):
            out[row["split"]] = out.get(row["split"], 0) + 1
    if not used:
        raise DataError(f"{path}: every row is excluded by its split")
    classes = class_names([row["label"] for row in used])
    records = [
        Record(
            name=Path(row["path"]).as_posix(),
            path=path.parent / row["path"],
            labels=(classes.index(row["label"]),),
            group=row.get("group", ""),
            split=SPLIT_WORDS[row.get("split", "")],
            objects=path.parent / row["object"] if row.get("object") else None,
        )
        for row in used
    ]
    _check_files(path, records)
    notes = tuple(f"{path.name}: {n} clips left out (split {word})" for word, n in out.items())
    known = options.object_classes if records[0].objects is not None else 0
    return Source(str(path), classes, tuple(records), known, notes)
