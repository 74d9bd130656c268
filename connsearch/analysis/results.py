"""What a command of this room leaves beside its ledger: a table and a summary."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from connsearch.files.text import csv_text
from connsearch.graph.files import atomic_write_text

SUMMARY = "summary.json"


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Returns ``path`` after writing a CSV table there, a column per key of the first row."""
    atomic_write_text(path, csv_text(list(rows[0]), rows))
    return path


def write_summary(directory: Path, report: Mapping[str, Any]) -> Path:
    """Returns the path of the summary; written last, it says that all else is there."""
    path = directory / SUMMARY
    atomic_write_text(path, json.dumps(report, indent=2, allow_nan=False, default=str) + "\n")
    return path
