"""The tables of a run: CSV files that only grow, and are cut back to a checkpoint on resume."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from connsearch.files.disk import is_there, require_plain, writing
from connsearch.errors import RunError
from connsearch.files.text import csv_text
from connsearch.runs.events import StepEvent
from connsearch.runs.metrics import Metrics

METRICS_COLUMNS = (
    "step",
    "epoch",
    "split",
    "loss",
    "accuracy",
    "balanced_accuracy",
    "low",
    "high",
    "top5",
    "mAP",
    "clips",
    "left_out",
    "frames",
    "size",
    "learning_rate",
    "clips_per_second",
    "seconds_per_clip",
)
"""One row a training step (split ``train``: batch loss and accuracy) and one an evaluation; what
a split has no number for stays empty."""

CONNECTIONS_COLUMNS = ("step", "epoch", "kind", "source", "target", "peer", "weight", "logit")
"""Long form. ``kind`` is ``connection`` (weight: sigmoid of the logit) or ``peer`` (softmax)."""

QUARANTINE_COLUMNS = ("step", "split", "index", "name", "reason")
"""One row a clip that could not be read, when it was first met."""


class CsvLog:
    """A table that rows are added to.

    Args:
        path: the file; created when missing.
        columns: its header; missing values of a row stay empty.
        length: bytes it had at the checkpoint the run resumes from, everything past them is cut;
            None starts a new file.

    Raises:
        RunError: the file is shorter than that: it was altered since.
        UnreadableError: there is something of that name that is no file, or may not be written.
        DiskFullError: there is no room, now or when rows are added; half a row is taken back.
    """

    def __init__(self, path: Path, columns: Sequence[str], *, length: int | None) -> None:
        self._path, self._columns = path, tuple(columns)
        if is_there(path):
            require_plain(path)
        if length is not None:
            found = path.stat().st_size if is_there(path) else 0
            if found < length:
                raise RunError(
                    f"{path}: {found} bytes, but {length} were written when the checkpoint was "
                    "made, so the file was altered since\n"
                    "  cure: put the file back, or start again in another directory"
                )
            os.truncate(path, length)
        with writing(path):
            self._file = open(path, "wb" if length is None else "ab", buffering=0)  # noqa: SIM115
        if length is None:
            self._append(csv_text(self._columns, []))

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Adds rows, in one write, so that a reader or a killed run rarely sees half a row."""
        self._write(rows)

    def sync(self) -> int:
        """Returns the length in bytes, once all of them are on disk."""
        with writing(self._path):
            os.fsync(self._file.fileno())
        return self._file.seek(0, os.SEEK_END)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self._append(csv_text(self._columns, rows, header=False))

    def _append(self, text: str) -> None:
        data = memoryview(text.encode())
        start = self._file.seek(0, os.SEEK_END)
        with writing(self._path):
            try:
                while data:  # a disk that is almost full takes a part of it
                    data = data[self._file.write(data) :]
            except OSError:
                os.ftruncate(self._file.fileno(), start)  # no half row
                raise


def step_row(event: StepEvent, *, accuracy: float | None) -> dict[str, Any]:
    """Returns the row of ``metrics.csv`` for a step; ``accuracy`` is of its batch alone.

    It is None where no clip of the batch has a class.
    """
    clips, frames, size = event.shape
    return {
        "step": event.step,
        "epoch": event.epoch,
        "split": "train",
        "loss": event.loss,
        "accuracy": accuracy,
        "clips": clips,
        "frames": frames,
        "size": size,
        "learning_rate": event.learning_rate,
        "clips_per_second": round(event.clips_per_second, 2),
    }


def evaluation_row(step: int, epoch: int, split: str, metrics: Metrics) -> dict[str, Any]:
    """Returns the row of ``metrics.csv`` for an evaluation."""
    return {
        "step": step,
        "epoch": epoch,
        "split": split,
        "loss": metrics.loss,
        "accuracy": metrics.accuracy,
        "balanced_accuracy": metrics.balanced_accuracy,
        "low": metrics.low,
        "high": metrics.high,
        "top5": metrics.top5,
        "mAP": metrics.mAP,
        "clips": metrics.clips,
        "left_out": metrics.left_out,
        "seconds_per_clip": metrics.seconds_per_clip,
    }
