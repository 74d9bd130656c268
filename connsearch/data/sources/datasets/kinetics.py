"""Kinetics 200 (mini), 400, 600 and 700: CSV files with label, youtube_id, time_start, time_end.

Clips are files ``ID_START_END`` with six digits each, in a folder per class or all in one; the
blanks of a class's name may be underscores there. Every clip is from a video of its own: no groups.
"""

from __future__ import annotations

from pathlib import Path

from connsearch.data.options import DataOptions
from connsearch.data.records import Source
from connsearch.data.sources.datasets import dataset
from connsearch.data.sources.kinetics_lists import kinetics_names, kinetics_rows, kinetics_table
from connsearch.data.sources.lists import Table, find_file, need_file, read_table
from connsearch.data.sources.published import (
    check_count,
    choose_protocol,
    list_folder,
    published_source,
    shelves,
)

PROTOCOLS = ("400", "600", "700", "200")


@dataset("kinetics", "protocol", "videos")
def read_kinetics(rest: str, options: DataOptions) -> Source:
    """Returns Kinetics; without a protocol the number of classes says which.

    Raises:
        DataError: a list is missing or cannot be used, or no listed video is on disk.
    """
    path = list_folder(rest)
    asked = choose_protocol("kinetics", options.source, PROTOCOLS)
    sizes = PROTOCOLS if options.source.protocol is None else (asked,)
    train = kinetics_table(need_file(path, *kinetics_names("train", sizes)))
    classes = sorted({row[train.columns["label"]].strip() for _, row in train.rows})
    number = (
        asked if options.source.protocol or str(len(classes)) not in sizes else str(len(classes))
    )
    check_count(train.path, classes, int(number), f"kinetics {number}")
    index = {name: label for label, name in enumerate(classes)}
    val, test = (
        find_file(path, *kinetics_names("val", sizes)),
        find_file(path, *kinetics_names("test", sizes)),
    )
    labelled, notes = _labelled(test)
    if val is None and labelled is None:
        need_file(path, *kinetics_names("val", sizes))
    rows = kinetics_rows(train, index, "train", "train")
    if val is not None:
        rows += kinetics_rows(
            kinetics_table(val), index, "test" if labelled is None else "val", "val"
        )
    if labelled is not None:
        rows += kinetics_rows(labelled, index, "test", "test")
    below = (f"kinetics-{number}_videos", f"kinetics{number}", f"k{number}", "videos")
    where = shelves(path, options.source, *below)
    notes = [f"kinetics: {number} classes", *notes]
    return published_source("kinetics", path, classes, rows, where, notes=notes)


def _labelled(path: Path | None) -> tuple[Table | None, list[str]]:
    """Returns the official test list if it has labels; else nothing, and a note."""
    if path is None:
        return None, []
    table = read_table(path, ())
    place = table.columns.get("label")
    if place is not None and any(row[place].strip() for _, row in table.rows):
        return kinetics_table(path), []
    return None, [f"kinetics: {path.name} has no labels and is not used"]
