"""Events of a training as scalars for TensorBoard. The only file that knows TensorBoard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from connsearch.oneshot.alarms import entropy_share
from connsearch.runs.events import (
    CheckpointEvent,
    ConnectionsEvent,
    EvaluationEvent,
    Event,
    GatesEvent,
    StepEvent,
)

if TYPE_CHECKING:
    from torch.utils.tensorboard.writer import SummaryWriter


def with_scalars(events: Iterable[Event], directory: str | Path) -> Iterator[Event]:
    """Yields the events as they come, each after its scalars are written below ``directory``.

    ``train``, ``val``, ``connections`` and ``gates`` are runs of their own, so that TensorBoard
    draws the loss of two splits into one chart. A resumed training hides what was written past its
    checkpoint, so that no step counts twice.
    """
    scalars = Scalars(directory)
    try:
        for event in events:
            scalars.add(event)
            yield event
    finally:
        scalars.close()


class Scalars:
    """Writes the scalars of events; ``directory`` gets a folder for each kind of them."""

    def __init__(self, directory: str | Path) -> None:
        self._directory = Path(directory)
        self._writers: dict[str, SummaryWriter] = {}

    def add(self, event: Event) -> None:
        """Writes what an event has to say; at a checkpoint everything so far goes to disk."""
        match event:
            case StepEvent():
                self._write("train", event.step, _of_step(event))
            case EvaluationEvent():
                self._write(event.split, event.step, _of_evaluation(event))
            case ConnectionsEvent():
                self._write("connections", event.step, _of_connections(event))
            case GatesEvent():
                self._write("gates", event.step, _of_gates(event))
            case CheckpointEvent():
                for writer in self._writers.values():
                    writer.flush()
            case _:
                pass

    def close(self) -> None:
        """Closes all files."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    def _write(self, kind: str, step: int, values: Mapping[str, float]) -> None:
        writer = self._writers.get(kind)
        if writer is None:
            from torch.utils.tensorboard.writer import SummaryWriter

            # Events come in the order of their steps: whatever an earlier process wrote from the
            # first step of this one on lies past the checkpoint.
            place = str(self._directory / kind)
            writer = self._writers[kind] = SummaryWriter(place, purge_step=step)
        for name, value in values.items():
            writer.add_scalar(name, value, step)


def _of_step(event: StepEvent) -> dict[str, float]:
    return {
        "loss": event.loss,
        "accuracy": event.accuracy,
        "learning rate": event.learning_rate,
        "clips per second": event.clips_per_second,
    }


def _of_evaluation(event: EvaluationEvent) -> dict[str, float]:
    found = event.metrics
    values = {
        "loss": found.loss,
        "accuracy": found.accuracy,
        "balanced accuracy": found.balanced_accuracy,
        "top-5": found.top5,
        "mAP": found.mAP,
    }
    return {name: value for name, value in values.items() if value is not None}


def _of_gates(event: GatesEvent) -> dict[str, float]:
    return {
        f"open/{name}": opened / clips for name, (opened, clips) in event.counts.items() if clips
    }


def _of_connections(event: ConnectionsEvent) -> dict[str, float]:
    """Every weight, and of every mixture of peers its entropy and its strongest coefficient."""
    values = {
        f"weight into {edge.target}/from {edge.source}": weight
        for edge, weight in event.weights.items()
    }
    for edge, peers in event.peers.items():
        coefficients = [peer.coefficient for peer in peers]
        place = f"into {edge.target}/from {edge.source}"
        values[f"entropy of peers {place}"] = entropy_share(coefficients)
        values[f"strongest peer {place}"] = max(coefficients, default=0.0)
    return values
