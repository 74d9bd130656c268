"""Moments in Time: ``moments_categories.txt``, ``trainingSet.csv`` and ``validationSet.csv``."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from connsearch.data.options import DataOptions
from connsearch.data.records import Source, Split
from connsearch.data.sources.datasets import dataset
from connsearch.data.sources.lists import Faults, need_file, read_lines, read_table, whole
from connsearch.data.sources.published import (
    PublishedRow,
    check_count,
    choose_protocol,
    class_index,
    list_folder,
    once,
    published_source,
    shelves,
)

CLASSES = {"v1": 339, "mini": 200}
COLUMNS = ("path", "label", "agreement", "disagreement")


@dataset("moments", "protocol", "videos")
def read_moments(rest: str, options: DataOptions) -> Source:
    """Returns Moments in Time (version 1), or its small sibling with 200 classes.

    Raises:
        DataError: a list is missing or cannot be used, or no listed video is on disk.
    """
    path = list_folder(rest)
    protocol = choose_protocol("moments", options.source, tuple(CLASSES))
    classes_file = need_file(path, "moments_categories.txt")
    classes = _classes(classes_file)
    check_count(classes_file, classes, CLASSES[protocol], f"moments {protocol}")
    index = class_index(classes_file, classes)
    rows = _rows(need_file(path, "trainingSet.csv"), index, "train", "training")
    rows += _rows(need_file(path, "validationSet.csv"), index, "test", "validation")
    where = shelves(path, options.source, "videos")
    return published_source("moments", path, classes, rows, where)


def _classes(path: Path) -> list[str]:
    faults = Faults(path, "LABEL,INDEX, every index from 0 once")
    names: dict[int, str] = {}
    for line, text in read_lines(path):
        name, _, number = text.rpartition(",")
        place = whole(number)
        if not name or place is None:
            faults.add(line, f"read {text!r}")
        elif place in names:
            faults.add(line, f"index {place} is already that of {names[place]}")
        else:
            names[place] = name
    gap = next((n for n in range(len(names)) if n not in names), None)
    if gap is not None:
        faults.add(len(names), f"no class has the index {gap}")
    faults.refuse()
    return [names[place] for place in sorted(names)]


def _rows(path: Path, index: dict[str, int], split: Split, folder: str) -> list[PublishedRow]:
    table = read_table(path, COLUMNS, header=False)
    faults = table.faults
    rows: list[PublishedRow] = []
    for line, (file, label, *votes) in table.rows:
        place = PurePosixPath(file.strip())
        if label not in index:
            faults.add(line, f"no class named {label!r} in moments_categories.txt")
        elif not place.name or any(whole(vote) is None for vote in votes):
            faults.add(line, f"read {','.join((file, label, *votes))!r}")
        else:
            below = (f"{folder}/{place.parent}", str(place.parent))
            rows.append(
                PublishedRow(str(place), (index[label],), split, below, (place.stem,), line=line)
            )
    rows = once(rows, faults)
    faults.refuse()
    return rows
