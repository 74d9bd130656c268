"""The clips of a data set that are to be checked, whether it can be trained on or not.

A check finds damaged files. It needs no classes, no labels and no splits: if a list or a folder is
refused as a data set, every file that it names or contains is checked anyway.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from connsearch.data.options import DataOptions
from connsearch.data.records import Record, Source, class_names
from connsearch.data.sources.datasets import DATASETS
from connsearch.data.sources.datasets.frames_db import FACTS, LIST
from connsearch.data.sources.datasets.list import VIDEO
from connsearch.data.sources.effects import WithoutEffectError, refuse_without_effect
from connsearch.data.sources.id_lists import id_column, with_paths
from connsearch.data.sources.lists import read_text
from connsearch.data.sources.source import read_source
from connsearch.data.sources.split_words import split_of
from connsearch.data.sources.unlabelled import held, record_at
from connsearch.errors import DataError
from connsearch.files.text import from_cell

_LISTS = (".csv", ".tsv", ".txt")


@dataclass(frozen=True, slots=True)
class ToCheck:
    """What is to be checked.

    Attributes:
        source: the clips, with notes for the user.
        lost: (name, reason) of missing files.
    """

    source: Source
    lost: tuple[tuple[str, str], ...] = ()


def clips_to_check(options: DataOptions) -> ToCheck:
    """Returns every clip that a source names or contains.

    Besides all that can be trained on, a source is a single video or store, a folder of frames, a
    folder with videos anywhere below it, or a CSV file with the column ``path`` and no labels.

    Raises:
        DataError: there is no file to check; tells why the source is not a data set either. Or
            options have no effect on it.
        UnknownNameError: no such kind of data set.
    """
    asked = options.source.source
    kind, colon, rest = asked.partition(":")
    named = colon and kind in DATASETS
    path = Path(rest if named else asked).expanduser()
    try:
        source = read_source(options)
    except WithoutEffectError:
        raise
    except DataError as error:
        listed = bool(named) and kind not in ("folder", "csv")
        found = _without_labels(path, options.source.videos, named=listed)
        if found is None or not (found.source.records or found.lost):
            raise
        if not listed:
            refuse_without_effect(found.source, options)
        note = f"cannot be trained on as it is; its files are checked anyway\n  {error}"
        return replace(found, source=replace(found.source, notes=(*found.source.notes, note)))
    if not named and path.is_dir() and not _is_listed(path):
        return ToCheck(_with_loose(source, path))
    return ToCheck(source)


def _is_listed(path: Path) -> bool:
    return (path / FACTS).is_file() or (path / LIST).is_file()


def _without_labels(path: Path, videos: Path | None, *, named: bool) -> ToCheck | None:
    """Returns the files of a source that is not a data set; None: it does not exist.

    Args:
        path: the file or folder.
        videos: where those of a list lie, if somebody has said so.
        named: a published list, of which the videos may lie elsewhere.
    """
    if path.is_file():
        if path.suffix.lower() in _LISTS:
            return _listed_files(path, videos)
        return ToCheck(_source(path, [record_at(path.parent, path)]))
    if not path.is_dir():
        return None
    if _is_listed(path) and not named:
        return _listed_files(path / LIST, videos)
    place = path if videos is None else videos.expanduser()
    found = held(place if named and place.is_dir() else path)
    return ToCheck(_source(path, list(found.records), notes=found.notes))


def _source(
    path: Path,
    records: list[Record],
    classes: tuple[str, ...] = (),
    notes: tuple[str, ...] = (),
    *,
    uses: tuple[str, ...] = (),
) -> Source:
    return Source(str(path), classes, tuple(records), None, notes, uses=frozenset(uses))


def _with_loose(source: Source, path: Path) -> Source:
    """Returns a data set with what lies in its folder and belongs to no class."""
    known = {os.path.realpath(record.path) for record in source.records}
    loose = tuple(r for r in held(path).records if os.path.realpath(r.path) not in known)
    if any(record.medium == "frame_folder" for record in source.records):
        loose = tuple(r for r in loose if r.medium != "frame_folder")  # some are object maps
    if not loose:
        return source
    note = f"{path}: {len(loose)} files belong to no class; they are checked, too"
    return replace(source, records=source.records + loose, notes=(*source.notes, note))


def _listed_files(path: Path, videos: Path | None) -> ToCheck | None:
    """Returns the files a list names, each once and whole; None: it names none that is there."""
    folder = path.parent if videos is None else videos.expanduser()
    rows = list(_rows(path, folder))
    labels = [row.get("labels", row.get("label", "")) for row in rows]
    classes = class_names([label for label in labels if label])
    records: dict[Path, Record] = {}
    lost: dict[str, str] = {}
    for number, (row, label) in enumerate(zip(rows, labels, strict=True), start=1):
        name = row.get("path", "")
        clip = folder / name
        if not name:
            lost[f"row {number}"] = f"{path}, row {number}: has no file name"
        elif not os.path.exists(clip):
            lost[name] = f"{clip}: no such file; cure: add it, or remove it from the list"
        elif clip not in records:
            record = record_at(folder if clip != folder else folder.parent, clip)
            maps = folder / row["object"] if row.get("object") else record.objects
            records[clip] = replace(
                record,
                name=name,
                labels=(classes.index(label),) if label else (),
                split=split_of(row.get("split", "")),
                medium=row.get("medium") or record.medium,
                objects=maps,
            )
    source = _source(path, list(records.values()), classes, uses=("videos",))
    return ToCheck(source, tuple(lost.items()))


def _rows(path: Path, folder: Path) -> Iterator[Mapping[str, str]]:
    """Yields column -> value of every row; of a list without a header, the path alone."""
    text = read_text(path)
    for mark in ",;\t":
        rows = _table(text, mark)
        if rows and (id_column(path, list(rows[0])) or "path" in rows[0]):
            yield from (row for _, row in with_paths(list(enumerate(rows)), folder)[0])
            return
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    found = [_file_of(line, folder) for line in lines]
    if any(found):
        for line, name in zip(lines, found, strict=True):
            yield {"path": name or _names(line)[1]}


def _table(text: str, mark: str) -> list[dict[str, str]]:
    """Returns column -> value of every row behind the header; a row may end early."""
    try:
        rows = [r for r in csv.reader(io.StringIO(text, newline=""), delimiter=mark) if any(r)]
    except csv.Error:
        return []
    header = [cell.strip() for cell in rows[0]] if rows else []
    blank = dict.fromkeys(header, "")
    cells = ([from_cell(cell.strip()) for cell in row] for row in rows[1:])
    return [{**blank, **dict(zip(header, row, strict=False))} for row in cells]


def _file_of(line: str, folder: Path) -> str | None:
    """Returns the file that a line begins with, before a comma or a blank and a label."""
    return next((name for name in _names(line) if name and os.path.exists(folder / name)), None)


def _names(line: str) -> tuple[str, ...]:
    """Returns what a line may name: all of it, what ends like a video, all but the last word ..."""
    video = VIDEO.fullmatch(line)
    short = line.rsplit(None, 1)[0]
    return line, video[1] if video else short, short, line.split(",")[0].strip()
