"""Scalars for TensorBoard: what its own reader gets back, also after a run was resumed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connsearch.graph.spec import Edge, Peer
from connsearch.runs.events import (
    CheckpointEvent,
    ConnectionsEvent,
    EvaluationEvent,
    Event,
    StepEvent,
)
from connsearch.runs.metrics import summarise
from connsearch.view.runs.scalars import with_scalars

reading = pytest.importorskip(
    "tensorboard.backend.event_processing.event_accumulator", reason="the extra tensorboard"
)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def events(first: int, last: int, *, process: int) -> Iterator[Event]:
    """Steps of a training, an evaluation and the connections every second of them."""
    for step in range(first, last + 1):
        yield StepEvent(
            step, 0, 10, 10, 100.0 * process + step, 0.5, 20.0, 0.01, 1, (4, 3, 8, 32, 32)
        )
        if step % 2 == 0:
            peers = (Peer(0, 0.25), Peer(1, 0.75))
            weights = {Edge(0, 5): process / 10}
            yield ConnectionsEvent(step, weights, {Edge(0, 5): peers})
            metrics = summarise([0, 1], [0, 1], classes=("a", "b"), loss=float(step))
            yield EvaluationEvent(0, "val", metrics, step)


def read(directory: Path) -> Any:
    found = reading.EventAccumulator(str(directory), purge_orphaned_data=True)
    found.Reload()
    return found


def points(directory: Path, name: str) -> list[tuple[int, float]]:
    return [(point.step, round(point.value, 4)) for point in read(directory).Scalars(name)]


def test_events_come_through_and_are_written(tmp_path: Path) -> None:
    given = [*events(1, 4, process=0), CheckpointEvent(4, tmp_path)]
    assert list(with_scalars(given, tmp_path)) == given
    assert points(tmp_path / "train", "loss") == [(1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0)]
    assert points(tmp_path / "train", "learning rate")[0] == (1, 0.01)
    assert points(tmp_path / "val", "loss") == [(2, 2.0), (4, 4.0)]
    assert points(tmp_path / "val", "accuracy") == [(2, 1.0), (4, 1.0)]
    assert "mAP" not in read(tmp_path / "val").Tags()["scalars"], "there is no such number"
    connections = tmp_path / "connections"
    assert points(connections, "weight into 5/from 0") == [(2, 0.0), (4, 0.0)]
    assert points(connections, "strongest peer into 5/from 0")[0] == (2, 0.75)
    assert points(connections, "entropy of peers into 5/from 0")[0] == (2, pytest.approx(0.8113))


def test_a_resumed_run_counts_no_step_twice(tmp_path: Path) -> None:
    list(with_scalars(events(1, 7, process=0), tmp_path))  # killed at 7, the checkpoint is of 4
    time.sleep(1.1)  # event files are read in the order of the seconds in their names
    list(with_scalars(events(5, 8, process=1), tmp_path))
    losses = points(tmp_path / "train", "loss")
    assert [step for step, _ in losses] == list(range(1, 9))
    assert [loss for _, loss in losses] == [1, 2, 3, 4, 105, 106, 107, 108]
    weights = points(tmp_path / "connections", "weight into 5/from 0")
    assert weights == [(2, 0.0), (4, 0.0), (6, 0.1), (8, 0.1)]
    assert [step for step, _ in points(tmp_path / "val", "loss")] == [2, 4, 6, 8]


def test_what_was_written_is_kept_when_the_work_stops(tmp_path: Path) -> None:
    def broken() -> Iterator[Event]:
        yield from events(1, 3, process=0)
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        list(with_scalars(broken(), tmp_path))
    assert len(points(tmp_path / "train", "loss")) == 3
