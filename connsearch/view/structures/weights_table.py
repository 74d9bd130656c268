"""What a network took of weights, as a table for people."""

from __future__ import annotations

from rich.table import Table

from connsearch.runs.formats.conversion import TakenRecord
from connsearch.view.structures.tables import metrics_table

MOST = 3
"""So many names of each kind are shown."""


def taken_table(found: TakenRecord, *, title: str) -> Table:
    """Returns one row for what was loaded, skipped by name or shape, missing, or left out."""
    shapes = [f"{one.name} {one.read}, here {one.here}" for one in found.skipped_by_shape]
    parts: list[tuple[str, int, list[str]]] = [
        ("loaded", found.loaded, [f"{found.elements:,} of {found.of:,} numbers"]),
        ("skipped by name", len(found.skipped_by_name), found.skipped_by_name),
        ("skipped by shape", len(shapes), shapes),
        ("missing", len(found.missing), found.missing),
        ("left out", len(found.left_out), found.left_out),
    ]
    rows = [
        {"weights": what, "entries": count, "which": _few(names)} for what, count, names in parts
    ]
    return metrics_table(rows, title=title)


def _few(names: list[str]) -> str:
    more = len(names) - MOST
    return "; ".join(names[:MOST]) + (f"; and {more:,} more" if more > 0 else "")
