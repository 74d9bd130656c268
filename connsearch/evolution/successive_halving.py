"""Successive halving: a child that is hopeless at a rung ends early, so more can be tried.

Asynchronous successive halving (Li et al., 2020): at every rung the best share of all that have
reached it so far continues. With several objectives the best are those of the best Pareto rank;
with one, Optuna's own pruner decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

from connsearch.evolution.population import Standing, ranked


def goes_on(number: int, reached: Mapping[int, Sequence[float]], survivors: float) -> bool:
    """Returns whether a trial continues after a rung.

    Args:
        number: of the trial.
        reached: values at this rung by trial, its own among them; greater is better.
        survivors: share that continues, at least one trial.

    >>> [goes_on(n, {0: (1.0,), 1: (2.0,), 2: (3.0,), 3: (4.0,)}, 0.5) for n in range(4)]
    [False, False, True, True]
    """
    order = ranked([Standing(n, tuple(values)) for n, values in sorted(reached.items())])
    places = [standing.number for standing in order]
    return places.index(number) < ceil(len(places) * survivors)
