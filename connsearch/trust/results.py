"""What a command of this room leaves beside its ledger: a table and a summary."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from connsearch.graph.files import atomic_write_text

SUMMARY = "summary.json"


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Returns ``path`` after writing a CSV table there, a column per key of the first row."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    atomic_write_text(path, text.getvalue())
    return path


def write_summary(directory: Path, report: Mapping[str, Any]) -> Path:
    """Returns the path of the summary; written last, it says that all else is there."""
    path = directory / SUMMARY
    atomic_write_text(path, json.dumps(report, indent=2, allow_nan=False, default=str) + "\n")
    return path
