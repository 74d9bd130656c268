"""What a few runs show: intervals, p-values, effect sizes, and how many more runs are needed.

The only file that knows scipy. Everything returns a small frozen value; what cannot be known from
so few numbers is NaN and never a guess. Levels are two-sided, 5 %, throughout.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import scipy  # its parts are imported when they are first used: every command imports this file

ALPHA = 0.05
"""Probability of a false claim, for intervals and power."""

POWER = 0.8
"""Chance of seeing an effect that the numbers of runs still needed are counted for."""

MOST_RUNS = 1000
"""Larger numbers of seeds or wirings are not suggested."""


@dataclass(frozen=True, slots=True)
class Paired:
    """A mean difference over pairs.

    Attributes:
        n: pairs.
        mean: of the differences.
        low: lower end of the mean's 95 % t interval.
        high: upper end.
        p: two-sided, of the paired t-test.
        p_sign_flip: two-sided, of flipping signs: all 2**n flips where that is few enough, random
            ones otherwise. With n pairs it is never below 2 / 2**n.
        effect_size: the mean over the standard deviation of the differences (d_z).
        corrected: the same without its bias upwards in small samples (Hedges).
    """

    n: int
    mean: float
    low: float
    high: float
    p: float
    p_sign_flip: float
    effect_size: float
    corrected: float


@dataclass(frozen=True, slots=True)
class Crossed:
    """One wiring against random ones, all trained with the same seeds.

    Attributes:
        wirings: random ones.
        seeds: every wiring was trained with.
        mean: the wiring's mean less the mean of the random ones.
        low: lower end of its 95 % interval.
        high: upper end.
        p: two-sided, that a wiring drawn like the random ones lies this far from them.
        p_rank: the same by counting alone: the share of all wirings, this one among them, that lie
            at least as far from the mean of the others. Never below 1 / (wirings + 1).
        effect_size: the mean over the standard deviation between random wirings.
        corrected: the same without its bias upwards in small samples (Hedges).
        wiring_spread: estimated standard deviation between wirings, if each were trained with
            infinitely many seeds.
        seed_noise: standard deviation of what wiring and seed make together, per training.
    """

    wirings: int
    seeds: int
    mean: float
    low: float
    high: float
    p: float
    p_rank: float
    effect_size: float
    corrected: float
    wiring_spread: float
    seed_noise: float

    @property
    def shown(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class Needed:
    """What would show a difference as large as the observed one in 8 of 10 attempts.

    Attributes:
        seeds: more of them, with the same wirings; None where up to ``MOST_RUNS`` would not do.
        wirings: more random ones, with the same seeds; None likewise.
    """

    seeds: int | None
    wirings: int | None


def paired(differences: Sequence[float], *, seed: int = 0) -> Paired:
    """Returns mean, interval, p-values and effect size of differences between pairs.

    The pairs must be independent: differences between one wiring and *the same* few others are
    not, because then the luck of the others is in each of them (see :func:`crossed`). Intervals
    need two pairs; differences that are all equal do not show their spread, so that interval, p and
    effect size are NaN.

    Args:
        differences: one number a pair.
        seed: decides the flips where not all of them are tried.
    """
    values = np.asarray(differences, dtype=float)
    n = len(values)
    if not n:
        raise ValueError("no pairs")
    mean, spread = float(values.mean()), _spread(values)
    half = t_quantile(n - 1) * spread / math.sqrt(n)
    return Paired(
        n=n,
        mean=mean,
        low=mean - half,
        high=mean + half,
        p=_two_sided(mean / (spread / math.sqrt(n)), n - 1),
        p_sign_flip=_sign_flip(values, seed),
        effect_size=mean / spread,
        corrected=mean / spread * hedges(n - 1),
    )


def crossed(found: Sequence[float], random: Sequence[Sequence[float]]) -> Crossed:
    r"""Returns how one wiring compares with random ones that were trained with the same seeds.

    Seeds and wirings are both chance. A score is the sum of what its wiring, its seed and both
    together bring; what the seed brings is the same for all and cancels. Were the found wiring one
    more draw of the random ones, the means over seeds of all ``K + 1`` wirings would be independent
    draws of one distribution, so that

    .. math:: t = \frac{\bar y - \frac1K \sum_k \bar y_k}{s \sqrt{1 + 1/K}}

    with the standard deviation ``s`` of the K random means has Student's distribution with
    ``K - 1`` degrees of freedom, whatever wirings, seeds and noise contribute. A t-test over
    seeds asks less: whether this wiring beats the mean of *these* K, which half of all random
    wirings do, given seeds enough. ``benchmarks/null.md`` has both under the null.

    Args:
        found: one score a seed, shape ``(S,)``.
        random: the scores of each random wiring with the same seeds, shape ``(K, S)``; at least 2.

    Raises:
        ValueError: fewer than two random wirings, or other numbers of seeds.
    """
    ours, theirs = np.asarray(found, dtype=float), np.asarray(random, dtype=float)
    if theirs.ndim != 2 or len(theirs) < 2 or theirs.shape[1:] != ours.shape or not ours.size:
        raise ValueError(f"scores of shape {theirs.shape} against {ours.shape}, not (K, S), (S,)")
    wirings, seeds = theirs.shape
    means = theirs.mean(1)
    mean, spread = float(ours.mean() - means.mean()), _spread(means)
    error = spread * math.sqrt(1 + 1 / wirings)
    half = t_quantile(wirings - 1) * error
    between, noise = _components(theirs)
    return Crossed(
        wirings=wirings,
        seeds=seeds,
        mean=mean,
        low=mean - half,
        high=mean + half,
        p=_two_sided(mean / error, wirings - 1),
        p_rank=_rank_p(float(ours.mean()), means),
        effect_size=mean / spread,
        corrected=mean / spread * hedges(wirings - 1),
        wiring_spread=between,
        seed_noise=noise,
    )


def more_pairs(result: Paired) -> int | None:
    """Returns how many more pairs show an effect of this size in 8 of 10 attempts.

    None where there is no effect to show, its size is not known, or ``MOST_RUNS`` would not do.
    The observed effect is itself uncertain, and so is this number.
    """
    size = abs(result.effect_size)
    if not size > 0:
        return None
    counts = np.arange(max(result.n, 2), MOST_RUNS + 1)
    return _first(_power(size * np.sqrt(counts), counts - 1), counts - result.n)


def more_runs(result: Crossed) -> Needed:
    """Returns how many more seeds, or random wirings, show a difference of this size.

    More seeds cannot shrink what lies between wirings: a difference smaller than about twice their
    spread stays out of reach, because many random wirings are as good.
    """
    between, noise = result.wiring_spread, result.seed_noise
    if not abs(result.mean) > 0 or not between + noise > 0:
        return Needed(None, None)
    seeds = np.arange(result.seeds, MOST_RUNS + 1)
    wirings = np.arange(result.wirings, MOST_RUNS + 1)

    def power(k: Any, s: Any) -> Any:
        error = np.sqrt((1 + 1 / k) * (between**2 + noise**2 / s))
        return _power(abs(result.mean) / error, k - 1)

    return Needed(
        seeds=_first(power(result.wirings, seeds), seeds - result.seeds),
        wirings=_first(power(wirings, result.seeds), wirings - result.wirings),
    )


def hedges(freedom: int) -> float:
    """Returns the factor that takes the bias out of a standardised effect; NaN below 2 degrees.

    >>> round(hedges(4), 3)
    0.798
    """
    if freedom < 2:
        return math.nan
    log = scipy.special.gammaln(freedom / 2) - scipy.special.gammaln((freedom - 1) / 2)
    return math.exp(log) / math.sqrt(freedom / 2)


def t_quantile(freedom: int) -> float:
    """Returns half the width of a 95 % t interval in standard errors; NaN without a degree."""
    return float(scipy.special.stdtrit(freedom, 1 - ALPHA / 2)) if freedom > 0 else math.nan


def tau_b(x: Sequence[float], y: Sequence[float]) -> float:
    """Returns Kendall's tau-b of two rankings; NaN where one of them ranks nothing."""
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return math.nan
    found: Any = scipy.stats.kendalltau(x, y)
    return float(found.statistic)


def as_json(result: Any) -> dict[str, Any]:
    """Returns a result as JSON values; what cannot be known is null."""
    return {k: None if _unknown(v) else v for k, v in asdict(result).items()}


def _unknown(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _spread(values: Any) -> float:
    """Standard deviation of a sample; NaN where there is none to see."""
    if len(values) < 2 or np.ptp(values) <= 1e-12 * max(float(np.abs(values).max()), 1.0):
        return math.nan
    return float(np.std(values, ddof=1))


def _components(scores: Any) -> tuple[float, float]:
    """Standard deviations between wirings and of the rest, from scores ``(K, S)``."""
    wirings, seeds = scores.shape
    between = float(np.var(scores.mean(1), ddof=1))
    if seeds < 2:  # the two cannot be separated: all of it counts for the wirings
        return math.sqrt(between), 0.0
    rest = scores - scores.mean(1, keepdims=True) - scores.mean(0) + scores.mean()
    noise = float((rest**2).sum() / ((wirings - 1) * (seeds - 1)))
    excess = between - noise / seeds
    # The rounding of a difference is no spread, and its root would look like one.
    return math.sqrt(excess) if excess > 1e-12 * between else 0.0, math.sqrt(noise)


def _rank_p(ours: float, means: Any) -> float:
    every = np.append(means, ours)
    others = (every.sum() - every) / (len(every) - 1)
    far = np.abs(every - others)
    return float(np.mean(far >= far[-1] - 1e-12))


def _sign_flip(values: Any, seed: int) -> float:
    if len(values) < 2:
        return 1.0
    found = scipy.stats.permutation_test(
        (values,),
        np.mean,
        permutation_type="samples",
        n_resamples=2**14,
        vectorized=True,
        rng=np.random.default_rng(seed),
    )
    return float(min(found.pvalue, 1.0))


def _two_sided(t: float, freedom: int) -> float:
    return float(2 * scipy.special.stdtr(freedom, -abs(t))) if freedom > 0 else math.nan


def _power(shift: Any, freedom: Any) -> Any:
    """Chance that a t-test sees an effect that moves its t by ``shift``."""
    edge = scipy.special.stdtrit(freedom, 1 - ALPHA / 2)
    seen = scipy.stats.nct.sf(edge, freedom, shift) + scipy.stats.nct.cdf(-edge, freedom, shift)
    return np.nan_to_num(seen, nan=1.0)


def _first(power: Any, counts: Any) -> int | None:
    enough = np.flatnonzero(power >= POWER)
    return int(counts[enough[0]]) if len(enough) else None
