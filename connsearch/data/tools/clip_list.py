"""Records as rows of a list of clips that reads back as the same records."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from connsearch.data.records import Record, Source
from connsearch.data.sources.datasets.csv_list import BETWEEN


def clip_row(
    source: Source, record: Record, *, path: str, objects: str, group: str
) -> dict[str, str]:
    """Returns the row of a record; "" where it has nothing to say.

    Args:
        source: its data set.
        record: the clip.
        path: of its frames, as the list is to have it.
        objects: of its object maps, likewise; "": none.
        group: of the clip.
    """
    names = [source.classes[label] for label in record.labels]
    window = record.window
    row = {"path": path, "clip_name": record.name}
    row[_label(source)] = BETWEEN.join(names)
    row |= {"group": group, "split": record.split or "", "cv": record.fold, "object": objects}
    row |= {"start": "", "end": "", "unit": ""}
    if window is not None:
        row["start"] = number_text(window.start)
        row["end"] = "" if math.isinf(window.end) else number_text(window.end)
        row["unit"] = window.unit
    row["spans"] = BETWEEN.join(
        f"{source.classes[s.label]} {number_text(s.start)} {number_text(s.end)}"
        for s in record.spans
    )
    return row


def used_columns(source: Source, rows: Sequence[Mapping[str, str]]) -> list[str]:
    """Returns the columns that have values, after path and label, which every list has."""
    used = [name for name in rows[0] if any(row[name] for row in rows)]
    return list(dict.fromkeys(["path", _label(source), *used]))


def number_text(value: float) -> str:
    """Returns a number that reads back as the same one.

    >>> number_text(3.0), number_text(0.1)
    ('3', '0.1')
    """
    return str(int(value)) if value == int(value) else repr(float(value))


def _label(source: Source) -> str:
    return "labels" if source.multi_label else "label"
