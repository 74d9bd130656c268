"""Children of a tiny kind, and what an evaluation of one says."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from connsearch.data.loading.load import DataSplits
from connsearch.evolution.child import Child, Outcome, Rung, Task
from connsearch.graph.parse import parse_structure
from connsearch.graph.spec import Attention, Structure
from connsearch.oneshot.fitness import SearchFitness
from connsearch.runs.events import StepEvent
from tests.training.tiny import TinyData, tiny_options, tiny_structure

BUSY = "import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'a+'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
TREE = [[-1, 1], [-2, 1], [0, [0], 1, 1, 1], [0, [1], 1, 2, 1], [1, [3], 2, 1, 2]]


def child(number: int = 0, structure: Structure | None = None, **facts: Any) -> Child:
    return Child(
        number,
        structure or tiny_structure(),
        facts.pop("parents", ()),
        **{"steps": (), "hash": "", "macs": 0, "parameters": 0, **facts},
    )


def tree(attention: Attention = Attention.PEER) -> Structure:
    """Returns a structure none of whose blocks has two inputs."""
    like = tiny_structure(attention=attention)
    return parse_structure(TREE, name="tree", family=like.family, network=like.network)


def task(born: Child | None = None, *, seed: int = 5, evaluation: int = 0) -> Task:
    return Task(0, born or child(), evaluation, 0, seed)


def fitness(directory: Path, data: Any = None, **given: Any) -> SearchFitness:
    """Returns the fitness of a tiny search; what it does not know itself are search options."""
    own = {n: given.pop(n) for n in ("objectives", "rungs", "origins") if n in given}
    options = tiny_options(**{"epochs": 2, "eval_every": None, **given})
    return SearchFitness(cast("DataSplits", data or TinyData()), options, directory, **own)


@dataclass
class Heard:
    """Everything an evaluation said, and what it returned."""

    outcome: Outcome
    events: list[Any] = field(default_factory=list)

    @property
    def rungs(self) -> list[Rung]:
        return [event for event in self.events if isinstance(event, Rung)]

    @property
    def lasting(self) -> Outcome:
        """The outcome without what depends on the clock."""
        facts = {k: v for k, v in self.outcome.facts.items() if k not in ("seconds", "latency")}
        return replace(self.outcome, facts=facts)


def judged(fit: SearchFitness, asked: Task) -> Heard:
    events: list[Any] = []
    work = fit(asked)
    while True:
        try:
            events.append(next(work))
        except StopIteration as end:
            return Heard(end.value, events)


def stopped(fit: SearchFitness, asked: Task, step: int) -> None:
    """Closes an evaluation right after a step."""
    work = fit(asked)
    for event in work:
        if isinstance(event, StepEvent) and event.step == step:
            break
    work.close()


def is_free(directory: Path) -> bool:
    """Whether another process could work in a run directory."""
    asked = [sys.executable, "-c", BUSY, str(directory / ".lock")]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0


def identity(born: Child) -> list[tuple[int]]:
    return [(n,) for n in range(len(born.structure))]
