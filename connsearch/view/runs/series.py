"""The logs of a run as series to plot: how weights, loss and accuracy went."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from connsearch.graph.spec import Edge, Peer
from connsearch.runs.formats.tables import ConnectionRow, MetricsRow
from connsearch.runs.logs import read_table


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
    needed = ("step", "split", "loss", "accuracy")
    for row in read_table(Path(path), MetricsRow, needed=needed):
        for name, curves in found.items():
            value: float | None = getattr(row, name)
            if value is None:
                continue
            series = curves.setdefault(row.split, Series())
            series.steps.append(row.step)
            series.values.append(value)
            if name == "accuracy" and row.low is not None and row.high is not None:
                series.low.append(row.low)
                series.high.append(row.high)
    return Curves(**found)


def read_weights(path: str | Path) -> dict[Edge, Series]:
    """Returns every connection's weight over time from a ``connections.csv`` in long form.

    Needs the columns step, kind, source, target, weight; rows of peers are passed over.

    Raises:
        RunError: the file cannot be read, lacks a column, or has words where numbers belong.
    """
    found: dict[Edge, Series] = {}
    needed = ("step", "kind", "source", "target", "weight")
    for row in read_table(Path(path), ConnectionRow, needed=needed):
        if row.kind != "connection" or row.weight is None:
            continue
        series = found.setdefault(Edge(row.source, row.target), Series())
        series.steps.append(row.step)
        series.values.append(row.weight)
    return found


def read_peers(path: str | Path, steps: Collection[int]) -> dict[int, dict[Edge, list[Peer]]]:
    """Returns the peers of every connection at some of the steps of a ``connections.csv``.

    A step without peers has no entry.

    Raises:
        RunError: as for :func:`read_weights`.
    """
    found: dict[int, dict[Edge, list[Peer]]] = {}
    needed = ("step", "kind", "source", "target", "weight")
    for row in read_table(Path(path), ConnectionRow, needed=needed):
        if row.kind != "peer" or row.peer is None or row.weight is None or row.step not in steps:
            continue
        edges = found.setdefault(row.step, {})
        edges.setdefault(Edge(row.source, row.target), []).append(Peer(row.peer, row.weight))
    return found


def read_epochs(path: str | Path) -> dict[int, int]:
    """Returns the epoch of every step a ``connections.csv`` has, in the order of the file.

    Raises:
        RunError: as for :func:`read_weights`.
    """
    rows = read_table(Path(path), ConnectionRow, needed=("step", "epoch", "weight"))
    return {row.step: 0 if row.epoch is None else row.epoch for row in rows}


def read_column(path: str | Path, name: str, split: str = "train") -> Series:
    """Returns one column of a ``metrics.csv`` over the steps of a split; empty if it is not there.

    Raises:
        RunError: the file cannot be read, or has words where numbers belong.
    """
    series = Series()
    for row in read_table(Path(path), MetricsRow, needed=("step", "split")):
        value: float | None = getattr(row, name)
        if row.split == split and value is not None:
            series.steps.append(row.step)
            series.values.append(value)
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
