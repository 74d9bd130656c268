"""A CSV file of clips, one per row, with commas and a header.

Columns:

* ``path``: a video file, a ``frames.db`` or a folder of frames, relative to the CSV or to the
  option videos; or in its place ``id``, ``video_id``, ``youtube_id`` or ``video``: the name of a
  video file without its suffix (``data/sources/id_lists``);
* ``label``: its class, or ``labels``: its classes, separated by ``|``, or none (multi-label data);
* ``group`` or ``subject``: what it shares with others (a person, a recording);
* ``split``: ``train``, ``val`` (or ``valid``, ``validation`` ...), ``test``, in any case; ``all``,
  ``cv`` or nothing: the split is decided by group; ``exclude`` or anything that begins with
  ``extra-``: left out, and said;
* ``cv``: its fold of a cross-validation, by any name; read by ``--folds`` alone;
* ``object``: its object maps, relative to the CSV, or else to the option videos;
* ``clip_name``: what it is called, unique; by default its path;
* ``medium``: how its frames are stored; by default ``frames_db`` for a name that ends in ``.db``,
  ``frame_folder`` for a folder, else ``video``;
* ``start`` and ``end``, both: the part that is used, the end not included; nothing: from the
  beginning, to the end; ``unit``: of both, ``seconds`` (by default) or ``frames`` (from 0);
* ``spans``: when each class is seen, ``LABEL START END`` in seconds, separated by ``|``;
* ``fps``: frames per second of a medium that does not say it (a folder of frames), such as ``25``
  or ``30000/1001``; where the medium says another rate the clip is refused.

Only ``path`` and ``label`` (or ``labels``) are needed. Further columns are allowed and not read.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from connsearch.data.media.formats import MEDIA
from connsearch.data.media.rates import RATES
from connsearch.data.options import DataOptions, SourceOptions
from connsearch.data.records import Record, Source, Span, Window, class_names, listed
from connsearch.data.sources.csv_rows import REQUIRED, read_rows
from connsearch.data.sources.datasets import dataset
from connsearch.data.sources.datasets.list import is_path_list, read_path_list
from connsearch.data.sources.id_lists import with_paths
from connsearch.data.sources.missing import refuse_missing
from connsearch.data.sources.split_words import NAMES, alike, split_of
from connsearch.errors import DataError
from connsearch.registry import suggest

OPTIONAL = (
    "group",
    "split",
    "cv",
    "object",
    "clip_name",
    "medium",
    "start",
    "end",
    "unit",
    "spans",
    "fps",
)
BETWEEN = "|"
"""What separates several labels, or several spans."""
_LAST = 2.0**53
"""The largest time or number of a frame: the last one that is exact as a float."""
OPEN = frozenset(("", "all", "cv"))
"""Words that leave the split to us."""


def _excluded(word: str) -> bool:
    word = word.lower()
    return word == "exclude" or word.startswith("extra-")


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
            faults.append(f"line {line}: {row['path'][:200]} is already on line {seen[clip]}")
        seen.setdefault(clip, line)
        name = row.get("clip_name", "")
        if name and name in names:
            faults.append(f"line {line}: the name {name[:200]} is already on line {names[name]}")
        names.setdefault(name, line)
    if faults:
        words = ", ".join(
            (*(word for names in NAMES.values() for word in names), *sorted(OPEN - {""}))
        )
        raise DataError(
            f"{path}: rows that cannot be used\n{listed(faults)}\n"
            f"  allowed splits: {words}, empty, exclude, extra-..."
        )


def _faults(row: Mapping[str, str]) -> list[str]:
    """Returns what is wrong with one row, taken by itself."""
    needed = [*REQUIRED, *(["clip_name"] if "clip_name" in row else [])]
    found = [f"no {column}" for column in needed if row.get(column) == ""]
    found += [f"a NUL in {column}" for column, cell in row.items() if "\0" in cell]
    if "labels" in row and row["labels"] and "" in _parts(row["labels"]):
        found.append(f"an empty label in {row['labels'][:80]!r}")
    word, medium, unit = (row.get(name, "") for name in ("split", "medium", "unit"))
    if split_of(word) is None and word.lower() not in OPEN and not _excluded(word):
        found.append(f"unknown split {word[:80]!r}")
    if medium and medium not in MEDIA:
        found.append(suggest("medium", medium[:80], list(MEDIA)))
    if unit not in ("", "seconds", "frames"):
        found.append(f"unknown unit {unit[:80]!r}; allowed: seconds, frames")
    try:
        _window(row)
    except ValueError:
        found.append(
            f"a part from {row.get('start', '')[:80]!r} to {row.get('end', '')[:80]!r}; allowed: "
            "numbers from 0, the end after the start, whole ones in frames, or empty"
        )
    try:
        _rate(row)
    except (ValueError, ZeroDivisionError):
        found.append(
            f"fps {row['fps'][:40]!r}; allowed: frames per second, {RATES[0]:g} to {RATES[1]:g}, "
            "as 25 or 30000/1001, or empty"
        )
    try:
        _spans(row, {label: n for n, label in enumerate(_labels(row))})
    except (ValueError, KeyError):
        found.append(
            f"spans {row['spans'][:80]!r}; allowed: LABEL START END in seconds, separated by "
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
    if not 0 <= window.start < window.end or (end and not window.end <= _LAST):
        raise ValueError
    if window.start > _LAST:
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


def _rate(row: Mapping[str, str]) -> float | None:
    """Returns the frames per second that a row says; None: it says none.

    Raises:
        ValueError: no number, or out of range.
        ZeroDivisionError: a fraction of nothing.
    """
    if not row.get("fps"):
        return None
    above, slash, below = row["fps"].partition("/")
    rate = float(above) / (float(below) if slash else 1.0)
    if not RATES[0] <= rate <= RATES[1]:
        raise ValueError
    return rate


def _medium(path: Path, word: str) -> str:
    if word:
        return word
    if path.suffix == ".db":
        return "frames_db"
    return "frame_folder" if os.path.isdir(path) else "video"


def _name(row: Mapping[str, str], window: Window | None) -> str:
    if row.get("clip_name"):
        return row["clip_name"]
    name = Path(row["path"]).as_posix()
    if window is None:
        return name
    mark = "#" if window.unit == "frames" else "@"
    return f"{name}{mark}{window.start:g}-{'' if math.isinf(window.end) else f'{window.end:g}'}"


def _is_there(record: Record) -> bool:
    # of a name that no file can have, os.path says no where pathlib fails
    is_there = os.path.isdir if record.medium == "frame_folder" else os.path.isfile
    return is_there(record.path)


def _check_files(
    path: Path, root: Path, records: Sequence[Record], listed_as: Mapping[str, str], moved: bool
) -> None:
    missing = [listed_as[r.name] for r in records if not _is_there(r)]
    refuse_missing(path, root, missing, count=len(records), moved=moved)
    maps = [str(r.objects) for r in records if r.objects and not os.path.exists(r.objects)]
    refuse_missing(path, root, maps, count=len(records), moved=moved)
    without = [r.name for r in records if r.objects is None]
    if 0 < len(without) < len(records):
        raise DataError(
            f"{path}: object maps for some clips only; without:\n{listed(without)}\n"
            "  cure: give them to all or to none"
        )


_EXAMPLE = {
    "clips.csv": "path,label\n"
    + "".join(f"{n}.mp4,{('fall', 'walk')[n % 2]}\n" for n in range(16)),
    **{f"{n}.mp4": "" for n in range(16)},
}


@dataset("csv", "videos", "object_classes", example=_EXAMPLE)
def read_csv(rest: str, options: DataOptions) -> Source:
    """Returns the data set a CSV file lists; see :func:`read_list`.

    A file without a header, with ``path label`` on its lines, is read as such a list.
    """
    path = Path(rest)
    if is_path_list(path):
        return read_path_list(rest, options)
    return read_list(path, options.source, videos=options.source.videos)


def read_list(
    path: Path, options: SourceOptions, *, repeats: bool = False, videos: Path | None = None
) -> Source:
    """Returns the data set a CSV file lists.

    Args:
        path: of the file.
        options: of the data set.
        repeats: one part of a video may be listed under several names.
        videos: what the paths are relative to; None: the folder of the file.

    Raises:
        DataError: the file, a row, or a listed video cannot be used; all of them are named.
    """
    root = path.parent if videos is None else videos.expanduser()
    if videos is not None and not root.is_dir():
        raise DataError(f"{root}: no such folder; name the folder of the videos with --videos")
    rows, doubles = with_paths(read_rows(path, OPTIONAL), root)
    _check_rows(path, rows, repeats=repeats)
    used = [row for _, row in rows if not _excluded(row.get("split", ""))]
    out = Counter(row["split"] for _, row in rows if _excluded(row.get("split", "")))
    if not used:
        raise DataError(f"{path}: every row is excluded by its split")
    classes = class_names([label for row in used for label in _labels(row)])
    if not classes:
        raise DataError(f"{path}: no row has a label")
    records = _named_apart([_record(path.parent, root, row, classes) for row in used])
    listed_as = {r.name: row["path"] for r, row in zip(records, used, strict=True)}
    _check_files(path, root, records, listed_as, videos is not None)
    notes = [f"{path.name}: {n} clips left out (split {word[:80]})" for word, n in out.items()]
    notes += [
        f"{path.name}: the splits {' and '.join(words)} are all read as {split}"
        for split, words in alike(row.get("split", "").lower() for row in used).items()
    ]
    notes += [f"{path.name}: {note}" for note in doubles]
    known = options.object_classes if records[0].objects is not None else 0
    many = "labels" in used[0]
    return Source(str(path), classes, tuple(records), known, tuple(notes), multi_label=many)


def _named_apart(records: Sequence[Record]) -> list[Record]:
    """Returns the records with a number behind names that others have: times were rounded."""
    seen: Counter[str] = Counter()
    out: list[Record] = []
    for record in records:
        seen[record.name] += 1
        again = seen[record.name]
        out.append(record if again == 1 else replace(record, name=f"{record.name} ({again})"))
    return out


def _record(folder: Path, root: Path, row: Mapping[str, str], classes: Sequence[str]) -> Record:
    """Returns the clip of one row.

    Args:
        folder: what its object maps are relative to, if they are there.
        root: what its path is relative to, and its object maps if they are not in the folder.
        row: column -> value.
        classes: of the data set.
    """
    numbers = {label: n for n, label in enumerate(classes)}
    window, video = _window(row), root / row["path"]
    maps = None
    if row.get("object"):
        maps = folder / row["object"]
        if root != folder and not os.path.exists(maps):
            maps = root / row["object"]
    return Record(
        name=_name(row, window),
        path=video,
        labels=tuple(numbers[label] for label in _labels(row)),
        group=row.get("group", row.get("subject", "")),
        split=split_of(row.get("split", "")),
        objects=maps,
        medium=_medium(video, row.get("medium", "")),
        window=window,
        spans=_spans(row, numbers),
        fps=_rate(row),
        fold=row.get("cv", ""),
    )
