"""UCF101: ``classInd.txt``, ``trainlist0N.txt`` and ``testlist0N.txt``; split 1, 2 or 3.

A group is a gNN of a class: the clips that were cut from one source video.
"""

from __future__ import annotations

import re
from pathlib import Path

from connsearch.data.options import DataOptions
from connsearch.data.records import Source, Split
from connsearch.data.sources.datasets import dataset
from connsearch.data.sources.lists import Faults, need_file, read_lines
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

CLASSES = 101
PROTOCOLS = ("1", "2", "3")
_FOLDERS = ("", "ucfTrainTestlist", "annotations")
_GROUP = re.compile(r"_(g\d+)_c\d+$")


@dataset("ucf101", "protocol", "videos")
def read_ucf101(rest: str, options: DataOptions) -> Source:
    """Returns one of UCF101's three splits.

    Raises:
        DataError: a list is missing or cannot be used, or no listed video is on disk.
    """
    path = list_folder(rest)
    number = choose_protocol("ucf101", options.source, PROTOCOLS)
    classes_file = need_file(path, *(f"{f}/classInd.txt".lstrip("/") for f in _FOLDERS))
    classes = _classes(classes_file)
    index = class_index(classes_file, classes)
    rows: list[PublishedRow] = []
    lists: tuple[tuple[str, Split], ...] = (("trainlist", "train"), ("testlist", "test"))
    for word, split in lists:
        rows += _rows(need_file(classes_file.parent, f"{word}0{number}.txt"), index, split)
    where = shelves(path, options.source, "UCF-101", "UCF101", "videos")
    return published_source("ucf101", path, classes, rows, where, notes=[f"ucf101: split {number}"])


def _classes(path: Path) -> list[str]:
    faults = Faults(path, "NUMBER NAME, numbered from 1, for example 1 ApplyEyeMakeup")
    names: list[str] = []
    for line, text in read_lines(path):
        parts = text.split()
        if len(parts) != 2 or parts[0] != str(len(names) + 1):
            faults.add(line, f"read {text!r}, expected number {len(names) + 1} and one name")
        names.append(parts[-1])
    faults.refuse()
    check_count(path, names, CLASSES, "ucf101")
    return names


def _rows(path: Path, index: dict[str, int], split: Split) -> list[PublishedRow]:
    faults = Faults(path, "CLASS/v_CLASS_g01_c01.avi, and in the training lists the class's number")
    rows: list[PublishedRow] = []
    for line, text in read_lines(path):
        file, *number = text.split()
        name, slash, video = file.partition("/")
        if not slash or not video or len(number) > 1 or (split == "train" and not number):
            faults.add(line, f"read {text!r}")
        elif name not in index:
            faults.add(line, f"no class named {name!r} in classInd.txt")
        elif number and number[0] != str(index[name] + 1):
            faults.add(line, f"number {number[0]}, but {name} is {index[name] + 1}")
        else:
            stem = video.rpartition(".")[0] or video
            found = _GROUP.search(stem)
            group = f"{name}/{found[1]}" if found else ""
            rows.append(PublishedRow(file, (index[name],), split, (name, ""), (stem,), group, line))
    rows = once(rows, faults)
    faults.refuse()
    return rows
