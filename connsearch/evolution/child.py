"""The values an evolution passes around: a child, the task to evaluate it, and the outcome."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from connsearch.evolution.steps import Step
from connsearch.graph.spec import Edge, Structure


@dataclass(frozen=True)
class Child:
    """A structure that was born in an evolution.

    Attributes:
        number: births are counted from 0; no two children share one.
        structure: valid, named ``<start>-<number>``; weights are those of the parent where a
            connection was kept.
        parents: numbers; none for one of the initial population.
        steps: the operators that made it from its parent; ``initial`` or ``start`` for the first
            ones.
        hash: identity up to renumbering (``graph.hashing``).
        macs: of one clip.
        parameters: of the network.
        refused: how many were made first and refused, by reason: ``duplicate``, ``over budget``,
            ``unchanged``, ``impossible`` (a kind of block cannot have such inputs).
    """

    number: int
    structure: Structure
    parents: tuple[int, ...]
    steps: tuple[Step, ...]
    hash: str
    macs: int
    parameters: int
    refused: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Task:
    """One evaluation of one child, leased to one worker.

    Attributes:
        trial: its number in the study.
        child: the one to evaluate.
        evaluation: 0 for the first; more are repetitions with other seeds, against noise.
        attempt: 0 for the first; more follow a worker that died, for instance.
        seed: decides everything random in the evaluation; the same in every attempt.
    """

    trial: int
    child: Child
    evaluation: int
    attempt: int
    seed: int


@dataclass(frozen=True)
class Outcome:
    """What an evaluation has found.

    Attributes:
        values: one number an objective, in the order of the study's.
        weights: learned post-sigmoid connection weights, which guide mutations.
        facts: JSON values worth keeping: seconds, steps, run directory, inherited share.
    """

    values: tuple[float, ...]
    weights: Mapping[Edge, float] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


State = Literal["waiting", "running", "complete", "pruned", "failed"]


@dataclass(frozen=True)
class Trial:
    """One row of the study as the storage has it, whatever the storage.

    Attributes:
        number: place in the study; later rows have greater ones.
        state: ``pruned`` ended early at a rung; ``failed`` has a cause among its facts.
        values: of the objectives; None until complete.
        facts: everything else, JSON values.
        rungs: values reported before the end, by rung.
        started: seconds since 1970, or None.
        finished: the same.
    """

    number: int
    state: State
    values: tuple[float, ...] | None
    facts: Mapping[str, Any]
    rungs: Mapping[int, tuple[float, ...]]
    started: float | None
    finished: float | None


@dataclass(frozen=True, slots=True)
class Rung:
    """Intermediate values of an evaluation, so that a hopeless one can end early.

    Attributes:
        number: 0 for the first rung.
        values: of the objectives so far.
    """

    number: int
    values: tuple[float, ...]


Evaluate = Callable[[Task], Generator[Any, None, Outcome]]
"""Judges a child: yields events as it goes, :class:`Rung` among them, and returns the outcome. Its
generator is closed if it is not to continue. An exception costs the child one attempt."""
