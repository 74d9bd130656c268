"""How far rankings and sets agree: Kendall's tau and Jaccard's share, with their intervals."""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from connsearch.analysis.statistics import ALPHA, t_quantile, tau_b

RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def interval(self) -> str:
        """Both ends as people read them, or that there is no interval."""
        known = self.low <= self.high
        return f"[{self.low:+.2f}, {self.high:+.2f}]" if known else "[no interval]"

    def __str__(self) -> str:
        return f"{self.value:+.2f} {self.interval}" if math.isfinite(self.value) else "unknown"


def kendall(x: Sequence[float], y: Sequence[float], *, seed: int = 0) -> Estimate:
    """Returns Kendall's tau-b of two rankings, with its 95 % percentile bootstrap interval.

    NaN where one of the two ranks nothing (all values equal).
    """
    drawn = _redrawn_taus(x, y, _counts(len(x), seed))
    return _estimate(tau_b(x, y), drawn)


def kendall_difference(
    x: Sequence[float], other: Sequence[float], y: Sequence[float], *, seed: int = 0
) -> Estimate:
    """Returns by how much ``x`` ranks more like ``y`` than ``other`` does, as a difference of taus.

    Both taus are taken from the same bootstrap draws: they share ``y`` and its noise.
    """
    counts = _counts(len(x), seed)
    drawn = _redrawn_taus(x, y, counts) - _redrawn_taus(other, y, counts)
    return _estimate(tau_b(x, y) - tau_b(other, y), drawn)


def jaccard(one: Collection[Hashable], other: Collection[Hashable]) -> float:
    """Returns how much of two sets is common: intersection over union; 1 for two empty ones.

    >>> jaccard({1, 2}, {2, 3})
    0.3333333333333333
    """
    a, b = set(one), set(other)
    return len(a & b) / len(a | b) if a | b else 1.0


def mean_jaccard(sets: Sequence[Collection[Hashable]]) -> Estimate:
    """Returns the mean Jaccard of all pairs of sets, with its 95 % interval, within [0, 1].

    The interval is a jackknife over sets, for a set stands in many pairs: each is left out in
    turn. It needs three sets.
    """
    pairs = {(i, j): jaccard(sets[i], sets[j]) for i, j in combinations(range(len(sets)), 2)}
    if not pairs:
        raise ValueError("a pair needs two sets")
    mean, n = float(np.mean(list(pairs.values()))), len(sets)
    if n < 3:
        return Estimate(mean, math.nan, math.nan)
    left = [np.mean([v for pair, v in pairs.items() if out not in pair]) for out in range(n)]
    half = t_quantile(n - 1) * math.sqrt((n - 1) * float(np.var(left)))
    return Estimate(mean, max(mean - half, 0.0), min(mean + half, 1.0))


def _counts(n: int, seed: int) -> Any:
    """How often each of ``n`` is in each bootstrap draw, ``(RESAMPLES, n)``."""
    return np.random.default_rng(seed).multinomial(n, [1 / n] * n, size=RESAMPLES).astype(float)


def _redrawn_taus(x: Sequence[float], y: Sequence[float], counts: Any) -> Any:
    """Tau-b in each draw: pairs count as often as both of their ends were drawn."""
    signs_x, signs_y = (np.sign(np.subtract.outer(values, values)) for values in (x, y))

    def over_pairs(pairs: Any) -> Any:
        return ((counts @ pairs) * counts).sum(1)

    sizes = over_pairs(signs_x**2) * over_pairs(signs_y**2)
    known = np.where(sizes > 0, sizes, np.nan)
    return over_pairs(signs_x * signs_y) / np.sqrt(known)


def _estimate(value: float, drawn: Any) -> Estimate:
    if not math.isfinite(value):
        return Estimate(math.nan, math.nan, math.nan)
    low, high = np.nanpercentile(drawn, [100 * ALPHA / 2, 100 * (1 - ALPHA / 2)])
    return Estimate(value, float(low), float(high))
