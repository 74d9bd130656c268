"""Children and tasks made by hand, and an evaluation run to its end."""

from __future__ import annotations

from functools import cache

from connsearch.evolution.child import Child, Evaluate, Outcome, Task
from connsearch.graph.files import load_structure
from connsearch.graph.hashing import structure_hash
from connsearch.graph.spec import Structure

STARTER = load_structure("starter")

_hash = cache(structure_hash)


def child(structure: Structure = STARTER, *, number: int = 0) -> Child:
    return Child(number, structure, (), (), _hash(structure), 2_000_000, 1000)


def task(
    structure: Structure = STARTER, *, seed: int = 0, attempt: int = 0, number: int = 0
) -> Task:
    return Task(number, child(structure, number=number), 0, attempt, seed)


def judged(evaluate: Evaluate, wanted: Task) -> tuple[list[object], Outcome]:
    """The events of an evaluation, and its outcome."""
    steps, events = evaluate(wanted), list[object]()
    while True:
        try:
            events.append(next(steps))
        except StopIteration as end:
            return events, end.value
