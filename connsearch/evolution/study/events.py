"""What a worker of an evolution tells whoever listens: frozen values, yielded in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from connsearch.evolution.child import Outcome, Task, Trial

if TYPE_CHECKING:
    from connsearch.evolution.history import History


@dataclass(frozen=True, slots=True)
class EvolutionBegan:
    """A worker begins; the first of its events.

    Attributes:
        history: all that the study says; it grows while the worker works.
        objectives: what counts, in the order of the study's values.
        rounds: children after which the evolution ends.
    """

    history: History
    objectives: tuple[str, ...]
    rounds: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A task begins."""

    task: Task


@dataclass(frozen=True, slots=True)
class Inside:
    """An event of the evaluation itself."""

    task: Task
    event: Any


@dataclass(frozen=True, slots=True)
class Told:
    """A task has ended; ``counts`` unless this worker had been taken for dead meanwhile."""

    task: Task
    outcome: Outcome
    counts: bool


@dataclass(frozen=True, slots=True)
class EndedEarly:
    """A child was hopeless at a rung."""

    task: Task
    rung: int


@dataclass(frozen=True, slots=True)
class Failed:
    """An attempt failed; ``again`` if its child is queued once more."""

    task: Task
    cause: str
    again: bool


@dataclass(frozen=True, slots=True)
class Lost:
    """This worker was taken for dead, and its task is somebody else's now."""

    task: Task


@dataclass(frozen=True, slots=True)
class Swept:
    """Workers have died; their tasks wait again, or are given up after too many attempts."""

    trials: tuple[Trial, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """There is nothing to do until others are done with so many tasks."""

    tasks: int


@dataclass(frozen=True, slots=True)
class WorkerStopped:
    """The evolution has ended for this worker, and why."""

    reason: str


WorkerEvent = (
    EvolutionBegan
    | Asked
    | Inside
    | Told
    | EndedEarly
    | Failed
    | Lost
    | Swept
    | Waiting
    | WorkerStopped
)
