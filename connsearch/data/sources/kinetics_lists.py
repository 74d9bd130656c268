"""The official lists of Kinetics: label, youtube_id, time_start and time_end of every clip."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from connsearch.data.records import Split
from connsearch.data.sources.lists import Table, read_table, seconds
from connsearch.data.sources.published import PublishedRow, once
from connsearch.errors import DataError

WORDS = {
    "train": ("train",),
    "val": ("val", "validate", "validation"),
    "test": ("test",),
}


def kinetics_names(word: str, sizes: tuple[str, ...]) -> list[str]:
    """Returns how the file of a list may be called, what names its size first."""
    forms = ("kinetics-{n}_{w}", "kinetics_{n}_{w}", "kinetics{n}/{w}", "kinetics{n}_{w}")
    names = [f.format(n=n, w=w) for n in sizes for f in forms for w in WORDS[word]]
    names += [f"{f}{w}" for f in ("", "annotations/", "kinetics_") for w in WORDS[word]]
    return [f"{name}.csv" for name in names]


def kinetics_table(path: Path) -> Table:
    """Returns one of the lists.

    Raises:
        DataError: it cannot be read, or a column is missing.
    """
    table = read_table(path, ("label",))
    if "youtube_id" not in table.columns and "id" not in table.columns:
        read = ",".join(table.columns)
        raise DataError(
            f"{path}: no column youtube_id\n  read: {read}\n"
            "  expected: label,youtube_id,time_start,time_end,split; cure: take the official file"
        )
    return table


def kinetics_rows(
    table: Table, index: Mapping[str, int], split: Split, word: str
) -> list[PublishedRow]:
    """Returns the rows of a list.

    Args:
        table: the list.
        index: class -> label.
        split: they belong to.
        word: ``train``, ``val`` or ``test``: what their folder may be called.

    Raises:
        DataError: rows that cannot be used; all of them are named.
    """
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
    words = WORDS[word]
    return (*(f"{w}/{form}" for w in words for form in forms), *forms, *words, "")
