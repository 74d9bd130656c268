"""What made a child of its parent: operators and the seeds they were given, to be replayed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from connsearch.errors import RunError
from connsearch.evolution.limits import Limits
from connsearch.evolution.mutations import find
from connsearch.evolution.structure_editor import Offspring
from connsearch.graph.spec import Structure


@dataclass(frozen=True, slots=True)
class Step:
    """One mutation.

    Attributes:
        operator: its name, with a number where it takes one: ``split``, ``guided:0.5``.
        seed: decides everything random in it.
    """

    operator: str
    seed: int


def take(parent: Structure, step: Step, limits: Limits) -> Offspring | None:
    """Returns what one step makes of a parent; None where it cannot change anything."""
    return find(step.operator)(parent, Random(step.seed), limits)


def replay(parent: Structure, steps: Sequence[Step], limits: Limits) -> Offspring:
    """Returns what several steps make of a parent, one after the other.

    The same parent (with the weights it had learned), steps and limits give the same child.

    Raises:
        RunError: a step can change nothing: this is not the parent the steps were taken from.
    """
    structure = parent
    origins: tuple[tuple[int, ...], ...] = tuple((n,) for n in range(len(parent)))
    for number, step in enumerate(steps, start=1):
        offspring = take(structure, step, limits)
        if offspring is None:
            raise RunError(
                f"{parent.name}: step {number}, {step.operator} with seed {step.seed}, changes "
                "nothing\n  this is not the parent it was taken from, or another version took it"
            )
        structure = offspring.structure
        origins = tuple(
            tuple(sorted({old for node in nodes for old in origins[node]}))
            for nodes in offspring.origins
        )
    return Offspring(structure, origins)
