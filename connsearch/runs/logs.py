"""The tables of a run: CSV files that only grow, and are cut back to a checkpoint on resume."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from connsearch.errors import RunError
from connsearch.files.disk import (
    atomic_write_text,
    is_there,
    open_text,
    reason,
    require_plain,
    writing,
)
from connsearch.files.text import csv_text, from_cell
from connsearch.runs.formats.form import columns
from connsearch.runs.formats.metrics import Metrics
from connsearch.runs.formats.tables import MetricsRow, QuarantineRow, Row
from connsearch.runs.names import METRICS, QUARANTINE

if TYPE_CHECKING:
    from connsearch.runs.events import Speeds, StepEvent

LOGS: Mapping[str, type[Row]] = {
    METRICS: MetricsRow,
    QUARANTINE: QuarantineRow,
}
"""The tables that every run has, and the form of their rows."""

R = TypeVar("R", bound=Row)


class CsvLog:
    """A table that rows are added to.

    Args:
        path: the file; created when missing.
        kind: the form of its rows; missing values stay empty.
        length: bytes it had at the checkpoint the run resumes from, everything past them is cut;
            None starts a new file.

    Raises:
        RunError: the file is shorter than that: it was altered since.
        UnreadableError: it is not a regular file, or cannot be written.
        DiskFullError: there is no space, now or when rows are added; an incomplete row is removed.
    """

    def __init__(self, path: Path, kind: type[Row], *, length: int | None) -> None:
        self._path, self._kind = path, kind
        if is_there(path):
            require_plain(path)
        if length is not None:
            found = path.stat().st_size if is_there(path) else 0
            if found < length:
                raise RunError(
                    f"{path}: {found} bytes, but {length} were written when the checkpoint was "
                    "made, so the file was altered since\n"
                    "  cure: restore the file, or start again in another directory (--run)"
                )
            os.truncate(path, length)
        self._columns = columns(kind) if length is None else _columns_of(path, kind)
        with writing(path):
            self._file = open(path, "wb" if length is None else "ab", buffering=0)  # noqa: SIM115
        if length is None:
            self._append(csv_text(self._columns, []))

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Adds rows, in one write, so that a reader or a killed run rarely sees half a row.

        Raises:
            ValueError: a row has a value without a column, or one of another type.
        """
        made = [self._kind.model_validate(_filled(row)).to_json() for row in rows]
        self._append(csv_text(self._columns, made, header=False))

    def sync(self) -> int:
        """Returns the length in bytes, once all of them are on disk."""
        with writing(self._path):
            os.fsync(self._file.fileno())
        return self._file.seek(0, os.SEEK_END)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

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


def write_table(path: Path, kind: type[Row], rows: Iterable[Row]) -> Path:
    """Returns ``path`` after writing a whole table there, at once or not at all.

    Columns that only some tables of the kind have are left out where no row has a value for them.
    """
    made = [row.to_json() for row in rows]
    used = {key for row in made for key in row}
    wanted = [name for name in columns(kind) if name in used or name not in kind.LEFT_OUT]
    atomic_write_text(path, csv_text(wanted, made))
    return path


def read_table(path: Path, kind: type[R], *, needed: Sequence[str] = ()) -> Iterator[R]:
    """Yields the rows of a table; the last one of a run that was killed may be half written.

    Args:
        path: of the table.
        kind: the form of its rows.
        needed: columns that must exist.

    Raises:
        RunError: it cannot be read, lacks a column, or has text instead of numbers.
    """
    try:
        with open_text(path, newline="") as file:
            reader = csv.DictReader(file)
            found = list(reader.fieldnames or [])
            missing = [name for name in needed if name not in found]
            if missing:
                raise RunError(
                    f"{path}: no column {', '.join(missing)}\n"
                    f"  read: {', '.join(found) or 'nothing'}"
                )
            for row in reader:
                if row[found[-1]] is not None and None not in row:
                    yield _checked(path, kind, row)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RunError(f"{path}: cannot be read: {reason(error)}") from None


def _columns_of(path: Path, kind: type[Row]) -> tuple[str, ...]:
    """The columns of a table that goes on; one of an earlier version may have fewer."""
    with open_text(path, newline="") as file:
        found = next(csv.reader(file), [])
    return tuple(name for name in found if name in columns(kind)) or columns(kind)


def _filled(row: Mapping[str, Any]) -> dict[str, Any]:
    """The cells of a row that are not empty."""
    return {key: value for key, value in row.items() if value not in (None, "")}


def _checked(path: Path, kind: type[R], row: Mapping[str, str]) -> R:
    try:
        return kind.model_validate({k: from_cell(v) for k, v in _filled(row).items()})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        wanted = "a whole number" if first["type"].startswith("int") else "a number"
        wanted = wanted if first["type"].endswith(("parsing", "integer", "size")) else first["msg"]
        raise RunError(
            f"{path}: column {name}: expected {wanted}, read {first['input']!r:.60}\n"
            f"  row: {', '.join(row.values()):.200}"
        ) from None


def step_row(
    event: StepEvent, *, accuracy: float | None, top5: float | None = None, measured: bool = False
) -> dict[str, Any]:
    """Returns the row of ``metrics.csv`` for a step; accuracies are of its batch alone.

    They are None where no clip of the batch has a class, and so is a loss that is no number (a step
    of an fp16 training that is skipped). ``measured``: the speeds are those of this step.
    """
    clips, _, frames, size, _ = event.shape
    return MetricsRow(
        step=event.step,
        epoch=event.epoch,
        split="train",
        loss=event.loss if math.isfinite(event.loss) else None,
        accuracy=accuracy,
        top5=top5,
        clips=clips,
        frames=frames,
        size=size,
        learning_rate=event.learning_rate,
        clips_per_second=round(event.clips_per_second, 2),
        **_speeds(event.speeds if measured else None),
    ).to_json()


def evaluation_row(
    step: int, epoch: int, split: str, metrics: Metrics, speeds: Speeds | None = None
) -> dict[str, Any]:
    """Returns the row of ``metrics.csv`` for an evaluation."""
    return MetricsRow(
        step=step,
        epoch=epoch,
        split=split,
        loss=metrics.loss,
        accuracy=metrics.accuracy,
        balanced_accuracy=metrics.balanced_accuracy,
        low=metrics.low,
        high=metrics.high,
        top5=metrics.top5,
        mAP=metrics.mAP,
        clips=metrics.clips,
        left_out=metrics.left_out,
        seconds_per_clip=metrics.seconds_per_clip,
        **_speeds(speeds),
    ).to_json()


def _speeds(found: Speeds | None) -> dict[str, Any]:
    """The columns of clips a second, in three digits."""
    if found is None:
        return {}
    named = {"read": found.read, "forward": found.forward, "backward": found.backward}
    return {
        f"{name}_per_second": None if value is None else float(f"{value:.3g}")
        for name, value in named.items()
    }
