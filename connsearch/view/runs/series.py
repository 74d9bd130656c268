"""The logs of a run as series to plot: how weights, loss and accuracy went."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from connsearch.files.disk import open_text, reason
from connsearch.errors import RunError
from connsearch.graph.spec import Edge


@dataclass(slots=True)
class Series:
    """Numbers over training steps; ``low`` and ``high`` bound them where an interval is known."""

    steps: list[int] = field(default_factory=list[int])
    values: list[float] = field(default_factory=list[float])
    low: list[float] = field(default_factory=list[float])
    high: list[float] = field(default_factory=list[float])

    def __len__(self) -> int:
        return len(self.steps)


@dataclass(frozen=True, slots=True)
class Curves:
    """Loss, accuracy and mAP by split; ``train`` holds single batches, the others evaluations."""

    loss: Mapping[str, Series]
    accuracy: Mapping[str, Series]
    mAP: Mapping[str, Series] = field(default_factory=dict[str, Series])


def read_curves(path: str | Path) -> Curves:
    """Returns the curves in a ``metrics.csv``.

    Its columns are step, split, loss and accuracy, and where there are, low, high and mAP.

    Raises:
        RunError: the file cannot be read, lacks one of the first four columns, or has words
            where numbers belong.
    """
    found: dict[str, dict[str, Series]] = {"loss": {}, "accuracy": {}, "mAP": {}}
    for row in _rows(Path(path), ("step", "split", "loss", "accuracy")):
        for name, curves in found.items():
            if not row.get(name):
                continue
            series = curves.setdefault(row["split"], Series())
            series.steps.append(_whole(row, "step"))
            series.values.append(_number(row, name))
            if name == "accuracy" and row.get("low") and row.get("high"):
                series.low.append(_number(row, "low"))
                series.high.append(_number(row, "high"))
    return Curves(**found)


def read_weights(path: str | Path) -> dict[Edge, Series]:
    """Returns every connection's weight over time from a ``connections.csv`` in long form.

    Needs the columns step, kind, source, target, weight; rows of peers are passed over.

    Raises:
        RunError: the file cannot be read, lacks a column, or has words where numbers belong.
    """
    found: dict[Edge, Series] = {}
    for row in _rows(Path(path), ("step", "kind", "source", "target", "weight")):
        if row["kind"] != "connection" or row["weight"] == "":
            continue
        edge = Edge(_whole(row, "source"), _whole(row, "target"))
        series = found.setdefault(edge, Series())
        series.steps.append(_whole(row, "step"))
        series.values.append(_number(row, "weight"))
    return found


def read_epochs(path: str | Path) -> dict[int, int]:
    """Returns the epoch of every step a ``connections.csv`` has, in the order of the file.

    Raises:
        RunError: as for :func:`read_weights`.
    """
    return {_whole(row, "step"): _whole(row, "epoch") for row in _rows(Path(path), _STEPS)}


_MOST_STEPS = 10**12

_STEPS = ("step", "epoch", "weight")


def read_column(path: str | Path, name: str, split: str = "train") -> Series:
    """Returns one column of a ``metrics.csv`` over the steps of a split; empty if it is not there.

    Raises:
        RunError: the file cannot be read, or has words where numbers belong.
    """
    series = Series()
    for row in _rows(Path(path), ("step", "split")):
        if row["split"] == split and row.get(name):
            series.steps.append(_whole(row, "step"))
            series.values.append(_number(row, name))
    return series


def smooth(series: Series, window: int) -> Series:
    """Returns the mean of the last ``window`` values at every step.

    >>> smooth(Series([1, 2, 3], [4.0, 2.0, 0.0]), 2).values
    [4.0, 3.0, 1.0]
    """
    values = series.values
    means = [
        sum(values[max(0, end - window) : end]) / min(end, window)
        for end in range(1, len(values) + 1)
    ]
    return Series(list(series.steps), means)


def _number(row: Mapping[str, str], name: str) -> float:
    try:
        return float(row[name])
    except ValueError:
        raise RunError(
            f"a run's log: a number is expected as {name}, read {row[name]!r:.60}\n"
            f"  row: {', '.join(row.values()):.200}"
        ) from None


def _whole(row: Mapping[str, str], name: str) -> int:
    found = _number(row, name)
    if not found.is_integer() or abs(found) > _MOST_STEPS:
        raise RunError(
            f"a run's log: a whole number is expected as {name}, read {row[name]!r:.60}\n"
            f"  row: {', '.join(row.values()):.200}"
        )
    return int(found)


def _rows(path: Path, needed: tuple[str, ...]) -> Iterator[Mapping[str, str]]:
    """Whole rows only: the last one of a run that was killed may be half written."""
    try:
        with open_text(path, newline="") as file:
            reader = csv.DictReader(file)
            columns = list(reader.fieldnames or [])
            missing = [name for name in needed if name not in columns]
            if missing:
                raise RunError(
                    f"{path}: no column {', '.join(missing)}\n"
                    f"  read: {', '.join(columns) or 'nothing'}"
                )
            last = columns[-1]
            yield from (row for row in reader if row[last] is not None and None not in row)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RunError(f"{path}: cannot be read: {reason(error)}") from None
