"""A CSV file of clips, one a row, with commas and a header.

Columns:

* ``path``: a video file, a ``frames.db`` or a folder of frames, relative to the CSV;
* ``label``: its class, or ``labels``: its classes, separated by ``|``, or none (multi-label data);
* ``group`` or ``subject``: what it shares with others (a person, a recording);
* ``split``: ``train``, ``select`` (or ``val``), ``test``; ``all``, ``cv`` or nothing: the split is
  decided by group; ``exclude`` or anything that begins with ``extra-``: left out, and said;
* ``object``: its object maps, relative to the CSV;
* ``clip_name``: what it is called, unique; by default its path;
* ``medium``: how its frames are stored; by default ``frames_db`` for a name that ends in ``.db``,
  ``frame_folder`` for a folder, else ``video``;
* ``start`` and ``end``, both: the part that is used, the end not included; nothing: from the
  beginning, to the end; ``unit``: of both, ``seconds`` (by default) or ``frames`` (from 0);
* ``spans``: when each class is seen, ``LABEL START END`` in seconds, separated by ``|``.

Only ``path`` and ``label`` (or ``labels``) are needed. Further columns are allowed and not read.
"""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from connsearch.data.datasets import DATASETS
from connsearch.data.media import MEDIA
from connsearch.data.options import DataOptions
from connsearch.data.records import Record, Source, Span, Split, Window, class_names, listed
from connsearch.disk import open_text
from connsearch.errors import DataError
from connsearch.registry import suggest

REQUIRED = ("path", "label")
OPTIONAL = ("group", "split", "object", "clip_name", "medium", "start", "end", "unit", "spans")
TWINS: Mapping[str, str] = {"labels": "label", "subject": "group"}
"""Columns that stand in place of another one."""
BETWEEN = "|"
"""What separates several labels, or several spans."""
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
        with open_text(path, encoding="utf-8-sig", newline="") as file:
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
    # One without the other says something else in most lists: where a clip was cut from, say.
    alone = {"start", "end"} if len({"start", "end"} & set(header)) == 1 else set[str]()
    out: list[tuple[int, dict[str, str]]] = []
    for line, row in rows[1:]:
        if len(row) != len(header):
            raise DataError(
                f"{path}, line {line}: {len(row)} values, the header has {len(header)} columns\n"
                f"  read: {','.join(row)}\n  cure: put a value that holds a comma into quotes"
            )
        cells = {k: v.strip() for k, v in zip(header, row, strict=True) if k not in alone}
        out.append((line, cells))
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
    both = [f"{a} and {b}" for a, b in TWINS.items() if a in header and b in header]
    if both:
        raise DataError(f"{path}: the columns {both[0]}; allowed: one of them")
    known = {TWINS.get(column, column) for column in header}
    for column in REQUIRED:
        if column not in known:
            raise DataError(
                f"{path}: {suggest('column', column, sorted(header))}\n"
                f"  expected: {', '.join(REQUIRED)}, and optionally {', '.join(OPTIONAL)}"
            )
    twice = sorted({column for column in header if header.count(column) > 1})
    if twice:
        raise DataError(f"{path}: the column {twice[0]} appears more than once")


def _check_rows(path: Path, rows: list[tuple[int, dict[str, str]]], *, repeats: bool) -> None:
    """Refuses empty cells, unknown words, times out of order and repeated clips, each by line."""
    faults: list[str] = []
    seen: dict[tuple[str, ...], int] = {}
    names: dict[str, int] = {}
    for line, row in rows:
        faults += [f"line {line}: {fault}" for fault in _faults(row)]
        # ./a.mp4 and b/../a.mp4 are one video; two parts of it are two clips
        clip = (os.path.normpath(row["path"]), row.get("start", ""), row.get("end", ""))
        if clip in seen and not repeats:
            faults.append(f"line {line}: {row['path']} stands on line {seen[clip]} already")
        seen.setdefault(clip, line)
        name = row.get("clip_name", "")
        if name and name in names:
            faults.append(f"line {line}: the name {name} stands on line {names[name]} already")
        names.setdefault(name, line)
    if faults:
        words = ", ".join(word for word in SPLIT_WORDS if word)
        raise DataError(
            f"{path}: rows that cannot be used\n{listed(faults)}\n"
            f"  allowed splits: {words}, nothing, exclude, extra-..."
        )


def _faults(row: Mapping[str, str]) -> list[str]:
    """Returns what is wrong with one row, taken by itself."""
    needed = [*REQUIRED, *(["clip_name"] if "clip_name" in row else [])]
    found = [f"no {column}" for column in needed if row.get(column) == ""]
    if "labels" in row and row["labels"] and "" in _parts(row["labels"]):
        found.append(f"an empty label in {row['labels']!r}")
    word, medium, unit = (row.get(name, "") for name in ("split", "medium", "unit"))
    if word not in SPLIT_WORDS and not _excluded(word):
        found.append(f"unknown split {word!r}")
    if medium and medium not in MEDIA:
        found.append(suggest("medium", medium, list(MEDIA)))
    if unit not in ("", "seconds", "frames"):
        found.append(f"unknown unit {unit!r}; allowed: seconds, frames")
    try:
        _window(row)
    except ValueError:
        found.append(
            f"a part from {row.get('start', '')!r} to {row.get('end', '')!r}; allowed: numbers "
            "from 0, the end after the start, whole ones in frames, or nothing"
        )
    try:
        _spans(row, {label: n for n, label in enumerate(_labels(row))})
    except (ValueError, KeyError):
        found.append(
            f"spans {row['spans']!r}; allowed: LABEL START END in seconds, separated by "
            f"{BETWEEN!r}, of labels of the row"
        )
    return found


def _parts(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(BETWEEN)] if cell else []


def _labels(row: Mapping[str, str]) -> tuple[str, ...]:
    """Returns the distinct classes of a row."""
    return tuple(dict.fromkeys(_parts(row["labels"]))) if "labels" in row else (row["label"],)


def _window(row: Mapping[str, str]) -> Window | None:
    """Returns the part of the video that a row uses; None: all of it.

    Raises:
        ValueError: its start and end are no such part.
    """
    start, end = row.get("start", ""), row.get("end", "")
    if not start and not end:
        return None
    unit: Literal["seconds", "frames"] = "frames" if row.get("unit") == "frames" else "seconds"
    number = int if unit == "frames" else float
    window = Window(number(start or 0), number(end) if end else math.inf, unit)
    if not 0 <= window.start < window.end or (end and not math.isfinite(window.end)):
        raise ValueError
    return window


def _spans(row: Mapping[str, str], classes: Mapping[str, int]) -> tuple[Span, ...]:
    """Returns when each class of a row is seen.

    Raises:
        ValueError: a span is not LABEL START END.
        KeyError: a label that is no class.
    """
    spans: list[Span] = []
    for part in _parts(row.get("spans", "")):
        label, start, end = part.rsplit(None, 2)
        span = Span(classes[label], float(start), float(end))
        if not 0 <= span.start <= span.end < math.inf:
            raise ValueError
        spans.append(span)
    return tuple(spans)


def _medium(path: Path, word: str) -> str:
    if word:
        return word
    if path.suffix == ".db":
        return "frames_db"
    return "frame_folder" if path.is_dir() else "video"


def _name(row: Mapping[str, str], window: Window | None) -> str:
    if row.get("clip_name"):
        return row["clip_name"]
    name = Path(row["path"]).as_posix()
    if window is None:
        return name
    mark = "#" if window.unit == "frames" else "@"
    return f"{name}{mark}{window.start:g}-{'' if math.isinf(window.end) else f'{window.end:g}'}"


def _is_there(record: Record) -> bool:
    return record.path.is_dir() if record.medium == "frame_folder" else record.path.is_file()


def _check_files(path: Path, records: list[Record]) -> None:
    missing = [r.name for r in records if not _is_there(r)]
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
    """Returns the data set a CSV file lists; see :func:`read_list`."""
    return read_list(Path(rest), options)


def read_list(path: Path, options: DataOptions, *, repeats: bool = False) -> Source:
    """Returns the data set a CSV file lists.

    Args:
        path: of the file.
        options: of the data set.
        repeats: one part of a video may be listed under several names.

    Raises:
        DataError: the file, a row, or a listed video cannot be used; all of them are named.
    """
    rows = _rows(path)
    _check_rows(path, rows, repeats=repeats)
    used = [row for _, row in rows if not _excluded(row.get("split", ""))]
    out: dict[str, int] = {}
    for _, row in rows:
        if _excluded(row.get("split", "")):
            out[row["split"]] = out.get(row["split"], 0) + 1
    if not used:
        raise DataError(f"{path}: every row is excluded by its split")
    classes = class_names([label for row in used for label in _labels(row)])
    if not classes:
        raise DataError(f"{path}: no row has a label")
    records = [_record(path.parent, row, classes) for row in used]
    _check_files(path, records)
    notes = tuple(f"{path.name}: {n} clips left out (split {word})" for word, n in out.items())
    known = options.object_classes if records[0].objects is not None else 0
    many = "labels" in used[0]
    return Source(str(path), classes, tuple(records), known, notes, multi_label=many)


def _record(folder: Path, row: Mapping[str, str], classes: Sequence[str]) -> Record:
    """Returns the clip of one row; its paths are relative to the folder."""
    numbers = {label: n for n, label in enumerate(classes)}
    window, video = _window(row), folder / row["path"]
    return Record(
        name=_name(row, window),
        path=video,
        labels=tuple(numbers[label] for label in _labels(row)),
        group=row.get("group", row.get("subject", "")),
        split=SPLIT_WORDS[row.get("split", "")],
        objects=folder / row["object"] if row.get("object") else None,
        medium=_medium(video, row.get("medium", "")),
        window=window,
        spans=_spans(row, numbers),
    )
