"""Rows of results as CSV, written at once or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from connsearch.files.text import csv_text
from connsearch.graph.files import atomic_write_text


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes one line a row; the columns are the keys of the first, None stays empty."""
    atomic_write_text(path, csv_text(list(rows[0]) if rows else [], rows))
