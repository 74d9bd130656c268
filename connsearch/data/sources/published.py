"""What the sources of published lists share: from rows of a list to a :class:`Source`.

A reader gives classes, rows and the folders of its videos; :func:`published_source` leaves out (and
counts) missing videos, and keeps the official splits as they are published.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from connsearch.data.options import SourceOptions
from connsearch.data.records import SPLITS, Record, Source, Span, Split, Window, listed
from connsearch.data.sources.lists import Faults
from connsearch.data.sources.walk import VIDEO_SUFFIXES
from connsearch.errors import DataError
from connsearch.registry import suggest


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """A row of a published list, before its video is looked for.

    Attributes:
        name: the record's name, the same wherever the videos are.
        labels: indices of its classes.
        split: the split it belongs to.
        folders: where its video may lie, relative to a place of videos, the likeliest first; the
            same tuple for many rows, as each is looked into once.
        stems: how the video may be called there, without its suffix, the likeliest first.
        group: what it shares with others; "" for none.
        line: its line in the list.
        window: the part of the video that is used.
        whole: stems of files that hold the window only: found under one of these it is left out.
        spans: when each class is seen.
    """

    name: str
    labels: tuple[int, ...]
    split: Split
    folders: tuple[str, ...]
    stems: tuple[str, ...]
    group: str = ""
    line: int = 0
    window: Window | None = None
    whole: tuple[str, ...] = ()
    spans: tuple[Span, ...] = ()


Kind = Literal["video", "folder"]


class Shelves:
    """The folders of the videos; every folder is listed once, for all rows.

    Args:
        places: folders that may hold the videos; missing ones are ignored.
        kind: look for video files by their names without suffix, or for folders (of frames).
    """

    def __init__(self, places: Sequence[Path], kind: Kind = "video") -> None:
        self.places = tuple(dict.fromkeys(p for p in places if p.is_dir()))
        self.kind: Kind = kind
        self.doubles = 0
        """Files in the folders looked into that another one of the same name hides."""
        self._held: dict[str, Mapping[str, str]] = {}
        self._near: dict[tuple[str, ...], list[tuple[Path, Mapping[str, str]]]] = {}

    def find(self, folders: tuple[str, ...], stems: Iterable[str]) -> Path | None:
        """Returns the first of the stems in the first of the folders that has it."""
        if folders not in self._near:
            paths = [os.path.normpath(p / f) for f in folders for p in self.places]
            held = [(path, self._contents(path)) for path in dict.fromkeys(paths)]
            self._near[folders] = [(Path(path), names) for path, names in held if names]
        for path, names in self._near[folders]:
            for stem in stems:
                if stem in names:
                    return path / names[stem]
        return None

    def _contents(self, path: str) -> Mapping[str, str]:
        """Returns stem -> name of the entries of one folder."""
        if path not in self._held:
            names = _look(path, self.kind)
            stems = [name if self.kind == "folder" else os.path.splitext(name)[0] for name in names]
            self._held[path] = dict(zip(reversed(stems), reversed(names), strict=True))
            self.doubles += len(names) - len(self._held[path])
        return self._held[path]


def _look(path: str, kind: Kind) -> list[str]:
    """Returns the names of the folders or of the video files in a folder, in order."""
    try:
        with os.scandir(path) as entries:
            if kind == "folder":
                return sorted(entry.name for entry in entries if entry.is_dir())
            names = sorted(entry.name for entry in entries)
    except OSError:
        return []
    return [name for name in names if os.path.splitext(name)[1].lower() in VIDEO_SUFFIXES]


def shelves(
    path: Path,
    options: SourceOptions,
    *below: str,
    kind: Kind = "video",
) -> Shelves:
    """Returns the folders of videos: the option ``videos``, else these below the list's own.

    Raises:
        DataError: the option names no folder.
    """
    if options.videos is None:
        return Shelves([*(path / name for name in below), path], kind)
    videos = options.videos.expanduser()
    if not videos.is_dir():
        raise DataError(f"{videos}: no such folder; name the folder of the videos with --videos")
    return Shelves([videos, *(videos / name for name in below)], kind)


def list_folder(rest: str) -> Path:
    """Returns the folder of a published list.

    Raises:
        DataError: there is no such folder.
    """
    path = Path(rest).expanduser()
    if not rest or not path.is_dir():
        raise DataError(
            f"{rest or '(nothing)'}: no such folder; expected the folder of the official "
            "annotation files, as in NAME:PATH"
        )
    return path


def choose_protocol(name: str, options: SourceOptions, known: Sequence[str]) -> str:
    """Returns the requested protocol; by default the first of the known.

    Raises:
        DataError: a protocol that the list does not have.
    """
    if options.protocol is None:
        return known[0]
    if options.protocol not in known:
        raise DataError(f"{name}: {suggest('protocol', options.protocol, list(known))}")
    return options.protocol


def check_count(path: Path, classes: Sequence[str], official: int, what: str) -> None:
    """Refuses a list of classes of another length than the official one.

    Raises:
        DataError: names what was read.
    """
    if len(classes) != official:
        read = ", ".join(classes[:3]) + (" ..." if len(classes) > 3 else "")
        raise DataError(
            f"{path}: {len(classes)} classes, {what} has {official}\n  read: {read}\n"
            "  cure: use the complete official file; for other classes use a CSV data set"
        )


def class_index(path: Path, classes: Sequence[str]) -> dict[str, int]:
    """Returns class name -> label.

    Raises:
        DataError: a repeated name.
    """
    index = {name: label for label, name in enumerate(classes)}
    if len(index) != len(classes):
        twice = sorted(name for name, count in Counter(classes).items() if count > 1)
        raise DataError(f"{path}: classes that are there twice\n{listed(twice)}")
    return index


def once(rows: Sequence[PublishedRow], faults: Faults) -> list[PublishedRow]:
    """Returns the rows without exact repetitions; two that contradict each other are faults."""
    seen: dict[str, PublishedRow] = {}
    for row in rows:
        first = seen.setdefault(row.name, row)
        if first is not row and replace(row, line=first.line) != first:
            faults.add(row.line, f"{row.name} is different on line {first.line}")
    return list(seen.values())


def published_source(
    name: str,
    path: Path,
    classes: Sequence[str],
    rows: Sequence[PublishedRow],
    where: Shelves,
    *,
    medium: str = "video",
    otherwise: Shelves | None = None,
    multi_label: bool = False,
    notes: Sequence[str] = (),
    fps: float | None = None,
) -> Source:
    """Returns the data set of those rows whose videos are on disk.

    Args:
        name: of the data set.
        path: of its lists.
        classes: class names.
        rows: of all lists.
        where: the folders of its videos.
        medium: how they are stored.
        otherwise: video files for the rows that have nothing there: they are used whole.
        multi_label: a clip can have several classes, or none.
        notes: for the user.
        fps: frames per second of published frames; None: videos tell it.

    Raises:
        DataError: one clip on two lists, no video on disk, or none of the training list.
    """
    _refuse_repeated(path, rows)
    records: list[Record] = []
    for row in rows:
        record = _record(row, where, medium, fps)
        if record is None and otherwise is not None:
            record = _record(replace(row, window=None), otherwise, "video", None)
        if record is not None:
            records.append(record)
    said = [*notes, *_missing(name, rows, records), *_mixed(name, records)]
    doubles = where.doubles + (0 if otherwise is None else otherwise.doubles)
    if doubles:
        said.append(
            f"{name}: {doubles} videos have the same name as another one but another suffix; "
            "the first in alphabetical order is read"
        )
    if not any(record.split == "train" for record in records):
        wanted = [row for row in rows if row.split == "train"] or rows
        places = dict.fromkeys([*where.places, *(otherwise.places if otherwise else ())])
        both = "; neither folders of frames nor videos" if otherwise else ""
        raise DataError(
            f"{path}: none of the {len(wanted)} listed training videos exists{both}; searched in\n"
            f"{listed([str(p) for p in places])}\n  for, among others\n"
            f"{listed([_expected(row) for row in wanted[:3]])}\n"
            "  cure: name the folder of the videos with --videos"
        )
    records, torn = _untie(records)
    if torn:
        said.append(
            f"{name}: {len(torn)} groups are on several official lists, which are kept as "
            f"published: {', '.join(torn[:5])}{' ...' if len(torn) > 5 else ''}"
        )
    title = f"{name}:{path}"
    return Source(title, tuple(classes), tuple(records), 0, tuple(said), multi_label, True)


def _record(row: PublishedRow, where: Shelves, medium: str, fps: float | None) -> Record | None:
    found = where.find(row.folders, row.whole) if row.whole else None
    window = row.window if found is None else None
    found = found or where.find(row.folders, row.stems)
    if found is None:
        return None
    return Record(
        name=row.name,
        path=found,
        labels=row.labels,
        group=row.group,
        split=row.split,
        medium=medium,
        window=window,
        spans=row.spans,
        media_fps=fps,
    )


def _expected(row: PublishedRow) -> str:
    stem = (row.whole or row.stems)[0]
    return os.path.join(row.folders[0], stem)


def _refuse_repeated(path: Path, rows: Sequence[PublishedRow]) -> None:
    split: dict[str, Split] = {}
    twice = [row.name for row in rows if split.setdefault(row.name, row.split) != row.split]
    if twice:
        raise DataError(
            f"{path}: clips in two of the lists\n{listed(twice)}\n  cure: use the official files"
        )


def _missing(name: str, rows: Sequence[PublishedRow], records: Sequence[Record]) -> list[str]:
    """Returns how many rows of each list have no video."""
    if len(rows) == len(records):
        return []
    listed_in, found = Counter(row.split for row in rows), Counter(r.split for r in records)
    parts = [f"{s} {listed_in[s] - found[s]}" for s in SPLITS if listed_in[s] > found[s]]
    return [
        f"{name}: {len(rows) - len(records)} of {len(rows)} listed videos do not exist and are "
        f"left out ({', '.join(parts)})"
    ]


def _mixed(name: str, records: Sequence[Record]) -> list[str]:
    """Returns a note where some are folders of frames and some are videos."""
    media = Counter(record.medium for record in records)
    if len(media) < 2:
        return []
    return [
        f"{name}: {media['frame_folder']} are read as folders of frames, {media['video']} as video "
        "files, which may have other rates and sizes; `connsearch data extract` makes folders of "
        "all of them"
    ]


def _untie(records: Sequence[Record]) -> tuple[list[Record], list[str]]:
    """Returns the records, and the groups that are on several official lists.

    Such a group keeps its name on the first of its lists only, so that what is drawn from the
    training list is drawn whole, and the official lists can be used as they are.
    """
    splits: dict[str, set[Split | None]] = {}
    for record in records:
        if record.group:
            splits.setdefault(record.group, set()).add(record.split)
    torn = {group for group, on in splits.items() if len(on) > 1}
    untied = [
        replace(r, group=f"{r.group} ({r.split})") if r.group in torn and r.split != "train" else r
        for r in records
    ]
    return untied, sorted(torn)
