"""HACS clips: two seconds of a video each, in one CSV file; a negative is a clip of nothing.

Found as a video of the clip alone, ``ID_START_END`` with six digits each, or as the whole video,
``v_ID`` or ``ID``, of which those seconds are used. A group is a video.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache

from connsearch.data.options import DataOptions
from connsearch.data.records import Source, Split, Window
from connsearch.data.sources.datasets import dataset
from connsearch.data.sources.lists import Table, need_file, read_table, seconds
from connsearch.data.sources.published import (
    PublishedRow,
    check_count,
    class_index,
    list_folder,
    once,
    published_source,
    shelves,
)

CLASSES = 200
COLUMNS = ("classname", "youtube_id", "subset", "start", "end", "label")
SUBSETS = ("training", "validation", "testing")


@dataset("hacs", "videos")
def read_hacs(rest: str, options: DataOptions) -> Source:
    """Returns the positive clips of HACS.

    Raises:
        DataError: the list is missing or cannot be used, or no listed video is on disk.
    """
    path = list_folder(rest)
    names = ("HACS_clips_v1.1.1.csv", "HACS_clips_v1.1.csv")
    folders = ("", "HACS_v1.1.1/", "HACS_v1.1/")
    table = read_table(need_file(path, *(f + n for n in names for f in folders)), COLUMNS)
    positive = [(line, row) for line, row in _cells(table) if row[5] == "1"]
    classes = sorted({row[0] for _, row in positive if row[2] == "training"})
    counts = _check_cells(table, set(classes))
    check_count(table.path, classes, CLASSES, "hacs")
    rows = _rows(table, positive, class_index(table.path, classes))
    notes: list[str] = []
    if counts["-1"]:
        notes.append(f"hacs: {counts['-1']} negative clips are not used")
    if unlabelled := counts["0"] + counts[""]:
        notes.append(f"hacs: {unlabelled} clips without a label are not used")
    where = shelves(path, options.source, "videos")
    return published_source("hacs", path, classes, rows, where, notes=notes)


def _cells(table: Table) -> Iterator[tuple[int, list[str]]]:
    """Yields the cells of every row in the order of the columns above."""
    places = [table.columns[name] for name in COLUMNS]
    for line, row in table.rows:
        yield line, [row[place].strip() for place in places]


def _check_cells(table: Table, classes: set[str]) -> Counter[str]:
    """Returns how often each label stands there; refuses rows that cannot be used, all at once."""
    counts: Counter[str] = Counter()
    for line, (name, clip, subset, start, end, label) in _cells(table):
        counts[label] += 1
        first, last = seconds(start), seconds(end)
        if subset not in SUBSETS:
            table.faults.add(line, f"subset {subset!r}; allowed: {', '.join(SUBSETS)}")
        elif label not in ("1", "-1", "0", "") or (label in ("0", "") and subset != "testing"):
            table.faults.add(line, f"label {label!r}; allowed: 1, -1 for a negative")
        elif label != "1":
            continue
        elif not clip or first is None or last is None or last <= first:
            table.faults.add(line, f"video {clip!r}, {start!r} to {end!r} seconds")
        elif name not in classes:
            table.faults.add(line, f"no class named {name!r} in the training subset")
    table.faults.refuse()
    return counts


def _rows(
    table: Table, positive: list[tuple[int, list[str]]], index: dict[str, int]
) -> list[PublishedRow]:
    tested = any(row[2] == "testing" for _, row in positive)
    splits: dict[str, Split] = {
        "training": "train",
        "validation": "val" if tested else "test",
        "testing": "test",
    }
    cut = [f"{r[1]}_{int(float(r[3])):06d}_{int(float(r[4])):06d}" for _, r in positive]
    alike = Counter((row[0], stem) for (_, row), stem in zip(positive, cut, strict=True))
    rows: list[PublishedRow] = []
    for (line, (name, clip, subset, start, end, _)), stem in zip(positive, cut, strict=True):
        window = Window(float(start), float(end))
        rows.append(
            PublishedRow(
                name=f"{name}/{clip}_{window.start:g}_{window.end:g}",
                labels=(index[name],),
                split=splits[subset],
                folders=_folders(name, subset),
                stems=(f"v_{clip}", clip),
                group=clip,
                line=line,
                window=window,
                # half seconds are cut off in such names: two clips of a video can share one
                whole=(stem,) if alike[name, stem] == 1 else (),
            )
        )
    rows = once(rows, table.faults)
    table.faults.refuse()
    return rows


@cache
def _folders(name: str, subset: str) -> tuple[str, ...]:
    forms = tuple(dict.fromkeys((name, name.replace(" ", "_"))))
    return (*forms, *(f"{subset}/{form}" for form in forms), subset, "")
