"""Kinetics 200 (mini), 400, 600 and 700: CSV files with label, youtube_id, time_start, time_end.

Clips are files ``ID_START_END`` with six digits each, in a folder per class or all in one; the
blanks of a class's name may be underscores there. Every clip is from a video of its own: no groups.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from connsearch.data.options import DataOptions
from connsearch.data.records import Source, Split
from connsearch.data.sources.datasets import dataset
from connsearch.data.sources.lists import Table, find_file, need_file, read_table, seconds
from connsearch.data.sources.published import (
    PublishedRow,
    check_count,
    choose_protocol,
    list_folder,
    once,
    published_source,
    shelves,
)
from connsearch.errors import DataError

PROTOCOLS = ("400", "600", "700", "200")
_WORDS = {
    "train": ("train",),
    "val": ("val", "validate", "validation"),
    "test": ("test",),
}


@dataset("kinetics", "protocol", "videos")
def read_kinetics(rest: str, options: DataOptions) -> Source:
    """Returns Kinetics; without a protocol the number of classes says which.

    Raises:
        DataError: a list is missing or cannot be used, or no listed video is on disk.
    """
    path = list_folder(rest)
    asked = choose_protocol("kinetics", options.source, PROTOCOLS)
    sizes = PROTOCOLS if options.source.protocol is None else (asked,)
    train = _table(need_file(path, *_names("train", sizes)))
    classes = sorted({row[train.columns["label"]].strip() for _, row in train.rows})
    number = (
        asked if options.source.protocol or str(len(classes)) not in sizes else str(len(classes))
    )
    check_count(train.path, classes, int(number), f"kinetics {number}")
    index = {name: label for label, name in enumerate(classes)}
    val, test = find_file(path, *_names("val", sizes)), find_file(path, *_names("test", sizes))
    labelled, notes = _labelled(test)
    if val is None and labelled is None:
        need_file(path, *_names("val", sizes))
    rows = _rows(train, index, "train", "train")
    if val is not None:
        rows += _rows(_table(val), index, "test" if labelled is None else "val", "val")
    if labelled is not None:
        rows += _rows(labelled, index, "test", "test")
    below = (f"kinetics-{number}_videos", f"kinetics{number}", f"k{number}", "videos")
    where = shelves(path, options.source, *below)
    notes = [f"kinetics: {number} classes", *notes]
    return published_source("kinetics", path, classes, rows, where, notes=notes)


def _names(word: str, sizes: tuple[str, ...]) -> list[str]:
    """Returns how the file of a list may be called, what names its size first."""
    forms = ("kinetics-{n}_{w}", "kinetics_{n}_{w}", "kinetics{n}/{w}", "kinetics{n}_{w}")
    names = [f.format(n=n, w=w) for n in sizes for f in forms for w in _WORDS[word]]
    names += [f"{f}{w}" for f in ("", "annotations/", "kinetics_") for w in _WORDS[word]]
    return [f"{name}.csv" for name in names]


def _table(path: Path) -> Table:
    table = read_table(path, ("label",))
    if "youtube_id" not in table.columns and "id" not in table.columns:
        read = ",".join(table.columns)
        raise DataError(
            f"{path}: no column youtube_id\n  read: {read}\n"
            "  expected: label,youtube_id,time_start,time_end,split; cure: take the official file"
        )
    return table


def _labelled(path: Path | None) -> tuple[Table | None, list[str]]:
    """Returns the official test list if it has labels; else nothing, and a note."""
    if path is None:
        return None, []
    table = read_table(path, ())
    place = table.columns.get("label")
    if place is not None and any(row[place].strip() for _, row in table.rows):
        return _table(path), []
    return None, [f"kinetics: {path.name} has no labels and is not used"]


def _rows(table: Table, index: dict[str, int], split: Split, word: str) -> list[PublishedRow]:
    faults, columns = table.faults, table.columns
    label_at = columns["label"]
    id_at = columns.get("youtube_id", columns.get("id", 0))
    start_at, end_at = columns.get("time_start"), columns.get("time_end")
    rows: list[PublishedRow] = []
    for line, row in table.rows:
        label, clip = row[label_at].strip(), row[id_at].strip()
        stems: tuple[str, ...] = (clip,)
        if start_at is not None and end_at is not None:
            start, end = seconds(row[start_at]), seconds(row[end_at])
            if start is None or end is None or end <= start:
                faults.add(line, f"times {row[start_at]!r} to {row[end_at]!r}")
                continue
            stems = (f"{clip}_{int(start):06d}_{int(end):06d}", clip)
        if label not in index or not clip:
            faults.add(line, f"no class named {label!r} in the training list" if clip else "no id")
            continue
        name = f"{label}/{stems[0]}"
        rows.append(
            PublishedRow(name, (index[label],), split, _folders(label, word), stems, line=line)
        )
    rows = once(rows, faults)
    faults.refuse()
    return rows


@cache
def _folders(label: str, word: str) -> tuple[str, ...]:
    """Returns where the clips of a class may lie."""
    forms = tuple(dict.fromkeys((label, label.replace(" ", "_"), label.replace("_", " "))))
    words = _WORDS[word]
    return (*(f"{w}/{form}" for w in words for form in forms), *forms, *words, "")
