"""What a ledger of ``evolution_strategies.py`` holds, and the statistics of its tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np


class Cell(NamedTuple):
    """Evolutions that differ in their seed only."""

    part: str
    arm: str
    noise: str
    start: str


Cells = Mapping[Cell, Mapping[int, Mapping[str, Any]]]
Summits = Mapping[tuple[str, int], float]


class Found(NamedTuple):
    """Everything in a ledger: evolutions by cell and seed, best climbs, evaluations, plans."""

    cells: Cells
    summits: Summits
    horizon: int
    plans: Sequence[Mapping[str, Any]]


def found_in(results: Mapping[str, Mapping[str, Any]], horizon: int) -> Found:
    """Returns what a ledger holds, by what it is about."""
    cells: dict[Cell, dict[int, Mapping[str, Any]]] = {}
    summits: dict[tuple[str, int], float] = {}
    plans: Sequence[Mapping[str, Any]] = ()
    for unit, result in results.items():
        part, *rest = unit.split("/")
        if part == "planning":
            plans = result["plans"]
        elif part == "summit":
            summits[rest[0], int(rest[1])] = result["fitness"]
        else:
            arm, noise, start, seed = rest
            cells.setdefault(Cell(part, arm, noise, start), {})[int(seed)] = result
    return Found(cells, summits, horizon, plans)


def truth_at(trace: Sequence[Sequence[float]], cost: float) -> float:
    """Returns the true fitness of the child that was taken for the best after so much.

    >>> truth_at([[1, 0.4, 0.5], [3, 0.6, 0.7]], 2)
    0.4
    """
    return [true for when, true, _ in trace if when <= cost][-1]


def reached_at(trace: Sequence[Sequence[float]], target: float, horizon: float) -> float | None:
    """Returns the first cost at which the chosen child truly reaches a target; None: not by then.

    >>> reached_at([[1, 0.4, 0.5], [3, 0.6, 0.7]], 0.5, 10)
    3
    """
    return next((when for when, true, _ in trace if when <= horizon and true >= target), None)


def truths(found: Found, cell: Cell, cost: float) -> dict[int, float]:
    """Returns by seed the true fitness of the chosen child after so much."""
    return {s: truth_at(r["trace"], cost) for s, r in found.cells.get(cell, {}).items()}


def waits(found: Found, cell: Cell, share: float) -> dict[int, float]:
    """Returns by seed the cost until the target was reached, the horizon where it was not.

    All runs are censored at the same moment, so this restricted mean needs no survival model.
    Seeds whose landscape was not climbed have no target.
    """
    waited: dict[int, float] = {}
    for seed, result in found.cells.get(cell, {}).items():
        if (cell.start, seed) not in found.summits:
            continue
        target = share * found.summits[cell.start, seed]
        when = reached_at(result["trace"], target, found.horizon)
        waited[seed] = found.horizon if when is None else when
    return waited


def reaching(found: Found, cell: Cell, share: float) -> float:
    """Returns the share of the evolutions that reached the target."""
    reached = [
        reached_at(r["trace"], share * found.summits[cell.start, s], found.horizon) is not None
        for s, r in found.cells[cell].items()
    ]
    return float(np.mean(reached))


def bounds(values: Sequence[float]) -> tuple[float, float, float]:
    """Returns the mean and its 95 % bootstrap interval over the values."""
    drawn = np.asarray(values, dtype=float)
    rng = np.random.default_rng(0)
    means = drawn[rng.integers(len(drawn), size=(4000, len(drawn)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(drawn.mean()), float(low), float(high)


def written(values: Sequence[float], form: str = ".3f") -> str:
    """Returns mean and interval as text, or nothing where nothing was measured."""
    if not values:
        return ""
    mean, low, high = bounds(values)
    return f"{mean:{form}} [{low:{form}}, {high:{form}}]"


def clear(values: Sequence[float], form: str) -> str:
    """Returns a difference as text, bold where its interval leaves out 0."""
    if not values:
        return ""
    _, low, high = bounds(values)
    text = written(values, "+" + form)
    return f"**{text}**" if low > 0 or high < 0 else text


def differences(one: Mapping[int, float], other: Mapping[int, float]) -> list[float]:
    """Returns the differences of the seeds that both have."""
    return [one[seed] - other[seed] for seed in sorted(one.keys() & other.keys())]


def names(found: Found, part: str, place: int) -> list[Any]:
    """Returns arms (1), noises (2) or starts (3) of a part in the order in which they were run."""
    return list(dict.fromkeys(cell[place] for cell in found.cells if cell.part == part))


def together(by_start: Sequence[Mapping[int, float]]) -> dict[int, float]:
    """Returns the mean over starts of every seed that all of them have."""
    seeds = set.intersection(*(set(one) for one in by_start))
    return {seed: float(np.mean([one[seed] for one in by_start])) for seed in sorted(seeds)}


def luck(found: Found, cell: Cell) -> float:
    """Returns how much better the chosen child looks at the end than it is, in the mean."""
    last = [result["trace"][-1] for result in found.cells[cell].values()]
    return float(np.mean([measured - true for _, true, measured in last]))
