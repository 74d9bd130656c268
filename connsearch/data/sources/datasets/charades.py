"""Charades: ``Charades_v1_classes.txt``, ``Charades_v1_train.csv`` and ``Charades_v1_test.csv``.

The official frames (24 a second), ``Charades_v1_rgb/ID/ID-000001.jpg``, are read where there are
no videos.

A video has any number of its 157 classes, each with the seconds in which it is seen. A group is
a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from connsearch.data.options import DataOptions
from connsearch.data.records import Source, Span, Split
from connsearch.data.sources.datasets import dataset
from connsearch.data.sources.lists import Faults, need_file, read_lines, read_table, seconds
from connsearch.data.sources.published import (
    PublishedRow,
    Shelves,
    check_count,
    list_folder,
    once,
    published_source,
    shelves,
)

CLASSES = 157
FRAMES_A_SECOND = 24.0
"""Of the official frames."""
COLUMNS = ("id", "subject", "actions")


@dataset("charades", "videos")
def read_charades(rest: str, options: DataOptions) -> Source:
    """Returns Charades, with several labels a video and the time span of each.

    Raises:
        DataError: a list is missing or cannot be used, or no listed video is on disk.
    """
    path = list_folder(rest)
    classes = _classes(_file(path, "classes.txt"))
    train, backward = _rows(_file(path, "train.csv"), "train")
    test, more = _rows(_file(path, "test.csv"), "test")
    notes: list[str] = []
    if backward + more:
        notes.append(
            f"charades: {backward + more} actions end before they begin; their class counts, "
            "their span does not"
        )
    rows = [*train, *test]
    where, medium = _places(path, options, rows)
    return published_source(
        "charades",
        path,
        classes,
        rows,
        where,
        medium=medium,
        multi_label=True,
        notes=notes,
        fps=FRAMES_A_SECOND if medium == "frame_folder" else None,
    )


def _places(path: Path, options: DataOptions, rows: Sequence[PublishedRow]) -> tuple[Shelves, str]:
    """Returns where the videos lie, or the folders of frames where there is no video at all."""
    videos = shelves(path, options.source, "Charades_v1_480", "Charades_v1", "videos")
    frames = shelves(path, options.source, "Charades_v1_rgb", kind="folder")
    if _any(videos, rows) or not _any(frames, rows):
        return videos, "video"
    return frames, "frame_folder"


def _any(where: Shelves, rows: Sequence[PublishedRow]) -> bool:
    return any(where.find(row.folders, row.stems) is not None for row in rows)


def _file(path: Path, ending: str) -> Path:
    return need_file(path, f"Charades_v1_{ending}", f"Charades/Charades_v1_{ending}")


def _classes(path: Path) -> list[str]:
    faults = Faults(path, "cNNN NAME, numbered from c000, for example c000 Holding some clothes")
    names: list[str] = []
    for line, text in read_lines(path):
        code, _, name = text.partition(" ")
        if code != f"c{len(names):03d}" or not name.strip():
            faults.add(line, f"read {text!r}, expected c{len(names):03d} and a name")
        names.append(name.strip())
    faults.refuse()
    check_count(path, names, CLASSES, "charades")
    return names


def _rows(path: Path, split: Split) -> tuple[list[PublishedRow], int]:
    """Returns the rows, and how many actions end before they begin."""
    table = read_table(path, COLUMNS)
    faults = table.faults
    name_at, subject_at, actions_at = (table.columns[column] for column in COLUMNS)
    rows: list[PublishedRow] = []
    backward = 0
    for line, row in table.rows:
        name = row[name_at].strip()
        labels, spans, wrong = _actions(row[actions_at])
        if not name:
            faults.add(line, "no id")
        for action in wrong:
            faults.add(line, f"action {action!r}; expected c000 to c156 and two times in seconds")
        forward = tuple(span for span in spans if span.start <= span.end)
        backward += len(spans) - len(forward)
        group = row[subject_at].strip()
        rows.append(PublishedRow(name, labels, split, ("",), (name,), group, line, spans=forward))
    rows = once(rows, faults)
    faults.refuse()
    return rows, backward


def _actions(cell: str) -> tuple[tuple[int, ...], list[Span], list[str]]:
    """Returns (labels, spans, what cannot be read) of one video.

    >>> _actions("c092 11.90 21.20;c147 0.00 12.60")[0]
    (92, 147)
    """
    spans: list[Span] = []
    wrong: list[str] = []
    for action in filter(None, (part.strip() for part in cell.split(";"))):
        code, *times = action.split()
        number = code[1:] if code[0] == "c" and len(code) == 4 else ""
        start, end = (seconds(t) for t in times) if len(times) == 2 else (None, None)
        if not number.isdecimal() or int(number) >= CLASSES or start is None or end is None:
            wrong.append(action)
        else:
            spans.append(Span(int(number), start, end))
    return tuple(dict.fromkeys(span.label for span in spans)), spans, wrong
