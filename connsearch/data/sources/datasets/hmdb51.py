"""HMDB51: a file ``CLASS_test_splitN.txt`` for every class; split 1, 2 or 3.

A group is the source movie, where the file's name has the official form and so tells it:
``MOVIE_CLASS_BODY_CAMERA_npN_ANGLE_QUALITY_N.avi``.
"""

from __future__ import annotations

import re
from pathlib import Path

from connsearch.data.options import DataOptions
from connsearch.data.records import Source, Split
from connsearch.data.sources.datasets import dataset
from connsearch.data.sources.lists import Faults, read_lines
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

CLASSES = 51
PROTOCOLS = ("1", "2", "3")
_FOLDERS = ("", "testTrainMulti_7030_splits", "test_train_splits", "annotations", "splits")
_MARKS: dict[str, Split | None] = {"0": None, "1": "train", "2": "test"}
_TAGS = r"_[a-z]_(?:cm|nm)_np\d+_[a-z]{2}_[a-z]{3}_\d+$"


@dataset("hmdb51", "protocol", "videos")
def read_hmdb51(rest: str, options: DataOptions) -> Source:
    """Returns one of HMDB51's three splits; videos marked 0 are in neither of its lists.

    Raises:
        DataError: a list is missing or cannot be used, or no listed video is on disk.
    """
    path = list_folder(rest)
    number = choose_protocol("hmdb51", options.source, PROTOCOLS)
    ending = f"_test_split{number}.txt"
    folder, files = _lists(path, ending)
    classes = [file.name.removesuffix(ending) for file in files]
    check_count(folder, classes, CLASSES, f"hmdb51 (files NAME{ending})")
    rows: list[PublishedRow] = []
    unused = 0
    for label, (name, file) in enumerate(zip(classes, files, strict=True)):
        found, marked_0 = _rows(file, name, label)
        rows += found
        unused += marked_0
    where = shelves(path, options.source, "videos", "hmdb51_org", "HMDB51")
    notes = [f"hmdb51: split {number}, which leaves {unused} videos unused"]
    return published_source("hmdb51", path, classes, rows, where, notes=notes)


def _lists(path: Path, ending: str) -> tuple[Path, list[Path]]:
    """Returns the folder with the lists of a split, and the lists in the order of their classes."""
    for name in _FOLDERS:
        files = (path / name).glob(f"*{ending}")
        of_class = {file.name.removesuffix(ending): file for file in files}
        if of_class:  # by class, not by file: climb stands before climb_stairs
            return path / name, [of_class[c] for c in sorted(of_class)]
    raise DataError(
        f"{path}: no CLASS{ending} in it, nor in its sub-folders {', '.join(_FOLDERS[1:])}\n"
        "  cure: name the folder that holds the official files"
    )


def _rows(path: Path, name: str, label: int) -> tuple[list[PublishedRow], int]:
    """Returns the rows of one class, and how many videos are marked as unused."""
    faults = Faults(path, "VIDEO.avi and 1 (training), 2 (test) or 0 (unused)")
    movie = re.compile(f"^(.+)_{re.escape(name)}{_TAGS}")
    rows: list[PublishedRow] = []
    unused = 0
    for line, text in read_lines(path):
        parts = text.rsplit(None, 1)
        if len(parts) != 2 or parts[1] not in _MARKS:
            faults.add(line, f"read {text!r}")
            continue
        split = _MARKS[parts[1]]
        if split is None:
            unused += 1
            continue
        stem = parts[0].rpartition(".")[0] or parts[0]
        found = movie.match(stem)
        file = f"{name}/{parts[0]}"
        group = found[1] if found else ""
        rows.append(PublishedRow(file, (label,), split, (name, ""), (stem,), group, line))
    rows = once(rows, faults)
    faults.refuse()
    return rows, unused
