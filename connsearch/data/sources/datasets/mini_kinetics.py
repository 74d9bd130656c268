"""Mini-Kinetics as frames or videos; the names of its folders may hold blanks.

Where the lists of folders are absent but the official lists of Kinetics-400 are there
(``train.csv`` and ``val.csv``), the clips of the classes in ``minik_classInd.txt`` are taken out
of those.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from connsearch.data.frame_form import FrameList
from connsearch.data.options import DataOptions
from connsearch.data.records import Source, Split
from connsearch.data.sources.datasets import dataset
from connsearch.data.sources.frame_lists import read_frame_list_in
from connsearch.data.sources.kinetics_lists import kinetics_names, kinetics_rows, kinetics_table
from connsearch.data.sources.lists import Faults, find_file, need_file, read_lines
from connsearch.data.sources.published import (
    PublishedRow,
    check_count,
    class_index,
    list_folder,
    published_source,
    shelves,
)
from connsearch.registry import suggest

FORM = FrameList(
    name="mini_kinetics",
    classes=200,
    names=("minik_classInd.txt",),
    train=("mini_train_videofolder.txt",),
    val=("mini_val_videofolder.txt",),
    frames=("frames",),
    pattern="img_%05d.jpg",
)

_KINETICS = ("400",)
_NUMBERED = re.compile(r"\d+[\s,]+(\S.*)")


@dataset("mini_kinetics", "videos")
def read_mini_kinetics(rest: str, options: DataOptions) -> Source:
    """Returns Mini-Kinetics.

    Raises:
        DataError: a list is missing or cannot be used, or neither frames nor videos are on disk.
    """
    path = list_folder(rest)
    official = {
        word: find_file(path, *kinetics_names(word, _KINETICS)) for word in ("train", "val")
    }
    if find_file(path, *FORM.train) is None and official["train"] is not None:
        return _chosen(path, official["train"], official["val"], options)
    return read_frame_list_in(FORM, path, options)


def _chosen(path: Path, train: Path, val: Path | None, options: DataOptions) -> Source:
    """Returns the clips of the listed classes out of the official lists of Kinetics-400."""
    names = need_file(path, *FORM.names)
    val = val or need_file(path, *kinetics_names("val", _KINETICS))
    lines = read_lines(names)
    classes = _class_names([text for _, text in lines])
    check_count(names, classes, FORM.classes, FORM.name)
    index = {_alike(name): n for name, n in class_index(names, classes).items()}
    known = _labels(train)
    faults = Faults(names, f"a class of {train.name} on each line")
    for (line, _), name in zip(lines, classes, strict=True):
        if _alike(name) not in known:
            near = suggest("class", name, sorted(known.values()))
            faults.add(line, f"{train.name} has no such class: {near}")
    faults.refuse()
    rows = [*_rows(train, index, "train", "train"), *_rows(val, index, "test", "val")]
    below = ("kinetics-400_videos", "kinetics400", "k400", "videos")
    source = published_source(
        FORM.name,
        path,
        classes,
        rows,
        shelves(path, options.source, *FORM.frames, kind="folder"),
        medium="frame_folder",
        otherwise=shelves(path, options.source, *below),
        notes=[f"{FORM.name}: {len(rows)} clips of {len(classes)} classes of {train.name}"],
    )
    return replace(source, frame_list=FORM)


def _class_names(lines: Sequence[str]) -> list[str]:
    """Returns the names on the lines; numbers before all of them are no part of them.

    >>> _class_names(["0 abseiling", "1 air drumming"]), _class_names(["abseiling", "3 d printing"])
    (['abseiling', 'air drumming'], ['abseiling', '3 d printing'])
    """
    found = [_NUMBERED.fullmatch(line) for line in lines]
    return [match[1] for match in found if match] if all(found) else list(lines)


def _alike(name: str) -> str:
    """Returns what spellings of one class have in common.

    >>> _alike("Riding_a bike")
    'riding a bike'
    """
    return " ".join(name.replace("_", " ").lower().split())


def _labels(path: Path) -> Mapping[str, str]:
    """Returns the classes of a list of Kinetics, by what their spellings have in common."""
    table = kinetics_table(path)
    names = {row[table.columns["label"]].strip() for _, row in table.rows}
    return {_alike(name): name for name in names}


def _rows(path: Path, index: Mapping[str, int], split: Split, word: str) -> list[PublishedRow]:
    """Returns the rows of those classes."""
    table = kinetics_table(path)
    place = table.columns["label"]
    chosen = [(line, row) for line, row in table.rows if _alike(row[place]) in index]
    spelled = {row[place].strip() for _, row in chosen}
    own = {name: index[_alike(name)] for name in spelled}
    return kinetics_rows(replace(table, rows=chosen), own, split, word)
