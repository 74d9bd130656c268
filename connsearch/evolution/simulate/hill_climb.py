"""A hill climb without noise: how good the best structure of a simulated fitness is, at least."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from connsearch.evolution.initial import initial_structure
from connsearch.evolution.limits import Limits
from connsearch.evolution.mutations import MUTATIONS
from connsearch.graph.spec import Structure
from connsearch.seeds import derive


class Summit(NamedTuple):
    """The best structure a climb has found, and its fitness."""

    structure: Structure
    fitness: float


def best_possible(
    fitness: Callable[[Structure], float],
    start: Structure,
    limits: Limits,
    *,
    steps: int = 3000,
    climbs: int = 3,
    seed: int = 0,
) -> Summit:
    """Returns the best of several climbs: a lower bound of the landscape's maximum.

    Every climb starts at an initial structure, tries random single mutations (except of the whole
    wiring, and those that the limits forbid), and accepts those that are no worse.

    Args:
        fitness: without noise, for instance ``Planted.true``.
        start: its search space is used.
        limits: of the search space.
        steps: mutations tried in each climb.
        climbs: how many.
        seed: decides everything random.
    """
    known = [MUTATIONS[name] for name in MUTATIONS]
    small = [one.apply for one in known if one.kind != "wiring" and one.is_able(limits)]
    found: list[Summit] = []
    for climb in range(climbs):
        rng = Random(derive(seed, "climb", climb))
        structure = initial_structure(start, limits, rng)
        here = Summit(structure, fitness(structure))
        for _ in range(steps):
            offspring = rng.choice(small)(here.structure, rng, limits)
            if offspring is None:
                continue
            there = Summit(offspring.structure, fitness(offspring.structure))
            if there.fitness >= here.fitness:
                here = there
        found.append(here)
    return max(found, key=lambda summit: summit.fitness)
