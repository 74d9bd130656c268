"""Diving48: a vocabulary and two lists in JSON; version 2 has corrected labels.

A group is the recording a clip was cut from: ``VIDEO_00012`` belongs to ``VIDEO``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from connsearch.data.options import DataOptions
from connsearch.data.records import Source, Split, Window
from connsearch.data.sources.datasets import dataset
from connsearch.data.sources.lists import Faults, need_file, read_json
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

CLASSES = 48
FORM = '{"vid_name": "ID_00000", "label": 0 to 47, "start_frame": 0, "end_frame": 90}'


@dataset("diving48", "protocol", "videos")
def read_diving48(rest: str, options: DataOptions) -> Source:
    """Returns Diving48, by default with the labels of version 2.

    Raises:
        DataError: a list is missing or cannot be used, or no listed video is on disk.
    """
    path = list_folder(rest)
    version = "_V2" if choose_protocol("diving48", options.source, ("v2", "v1")) == "v2" else ""
    classes = _classes(_file(path, "Diving48_vocab.json"))
    rows = _rows(_file(path, f"Diving48{version}_train.json"), "train")
    rows += _rows(_file(path, f"Diving48{version}_test.json"), "test")
    where = shelves(path, options.source, "rgb", "videos")
    return published_source("diving48", path, classes, rows, where)


def _file(path: Path, name: str) -> Path:
    return need_file(path, name, f"annotations/{name}")


def _classes(path: Path) -> list[str]:
    vocabulary: Any = read_json(path)
    if not isinstance(vocabulary, list):
        raise DataError(f"{path}: not a list; expected one of 48 dives, each a list of its phases")
    dives = cast("list[Any]", vocabulary)
    names = [" ".join(map(str, d)) if isinstance(d, list) else str(d) for d in dives]
    check_count(path, names, CLASSES, "diving48")
    return names


def _rows(path: Path, split: Split) -> list[PublishedRow]:
    entries: Any = read_json(path)
    if not isinstance(entries, list):
        raise DataError(f"{path}: not a list; expected entries {FORM}")
    faults = Faults(path, f"entries {FORM}; line numbers are those of entries")
    rows: list[PublishedRow] = []
    for number, entry in enumerate(cast("list[Any]", entries), start=1):
        row = _row(entry, number, split)
        if row is None:
            faults.add(number, f"read {str(entry)[:120]}")
        else:
            rows.append(row)
    rows = once(rows, faults)
    faults.refuse()
    return rows


def _row(entry: Any, number: int, split: Split) -> PublishedRow | None:
    """Returns the row of one entry; None where it has another form."""
    if not isinstance(entry, dict):
        return None
    cells = cast("dict[str, Any]", entry)
    name, label = cells.get("vid_name"), cells.get("label")
    first, end = cells.get("start_frame", 0), cells.get("end_frame", 1)
    numbers = (label, first, end)
    if not isinstance(name, str) or not name or any(type(n) is not int for n in numbers):
        return None
    if not 0 <= cast(int, label) < CLASSES or not 0 <= first < end:
        return None
    window = Window(first, end, "frames") if first else None  # clips are cut already: the whole
    group = name.rpartition("_")[0]
    return PublishedRow(name, (cast(int, label),), split, ("",), (name,), group, number, window)
