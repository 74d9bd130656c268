"""The cost of an evolution: wall clock, worker hours and the result, for any number of workers.

Durations are measured or published, fitness is planted, time is virtual. So the table shows what
waiting and asynchrony cost, which follows from durations alone; its results are for planted
preferences, not for real videos.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import exp, log
from statistics import fmean, pstdev

from connsearch.evolution.options import EvolutionOptions
from connsearch.evolution.proposal import Space
from connsearch.evolution.review.children import best_children
from connsearch.evolution.simulate.clock import busy_share, simulate, wall_seconds
from connsearch.evolution.simulate.fitness import Planted
from connsearch.evolution.study.address import MEMORY
from connsearch.evolution.study.evolution import Evolution
from connsearch.evolution.study.study_directory import study_of, study_settings
from connsearch.seeds import derive

PUBLISHED_SECONDS = 4 * 3600.0
"""One candidate of the published search: 10,000 steps took 3 to 5 hours (AssembleNet, A.1)."""

PUBLISHED_STEPS = 10_000


@dataclass(frozen=True, slots=True)
class PlannedEvolution:
    """One simulated evolution.

    Attributes:
        workers: how many at once.
        seed: of the evolution.
        wall: seconds from the first to the last moment.
        work: seconds of all workers together.
        busy: share of their time in which they worked.
        best: the true fitness of the child that it selects as best.
    """

    workers: int
    seed: int
    wall: float
    work: float
    busy: float
    best: float


def plans(
    space: Space,
    options: EvolutionOptions,
    fitness: Planted,
    *,
    workers: Sequence[int],
    rounds: int,
    seeds: int,
) -> Iterator[PlannedEvolution]:
    """Yields a plan for every number of workers and seed.

    Args:
        space: what is searched.
        options: how; one objective.
        fitness: planted, with the mean duration of an evaluation and its spread.
        workers: numbers to compare.
        rounds: children in all.
        seeds: evolutions of each, on landscapes of their own.
    """
    for seed in range(seeds):
        judge = replace(fitness, landscape=derive(seed, "landscape") % 2**31)
        for count in workers:
            yield _plan(space, options, judge, count, rounds, seed)


def _plan(
    space: Space, options: EvolutionOptions, fitness: Planted, workers: int, rounds: int, seed: int
) -> PlannedEvolution:
    settings = study_settings(
        space.start, options, seed=seed, classes=space.classes, clip=space.clip, fitness={}
    )
    evolution = Evolution(study_of(MEMORY, "plan", settings), space, options, seed=seed)
    timed = simulate(evolution, fitness, workers, rounds=rounds)
    best = evolution.history.child(best_children(evolution.history)[0]).structure
    return PlannedEvolution(
        workers=workers,
        seed=seed,
        wall=wall_seconds(timed),
        work=sum(t.ended - t.began for t in timed),
        busy=busy_share(timed, workers),
        best=fitness.true(best),
    )


def logarithms(values: Sequence[float]) -> tuple[float, float]:
    """Returns the mean of positive numbers and the standard deviation of their logarithms.

    >>> centre, width = logarithms([1.0, 1.0])
    >>> round(centre, 6), width
    (1.0, 0.0)
    """
    logs = [log(value) for value in values]
    width = pstdev(logs)
    return exp(fmean(logs) + width**2 / 2), width
