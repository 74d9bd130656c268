r"""When to stop: shares of clips for each exit, thresholds of confidence for them, what that costs.

Clips stop at exit :math:`k` in shares :math:`p_k \propto q^k`; one number ``q`` is a budget. The
thresholds follow from the confidences of answers that the network has not learned from. As in
AdaFocusV2 (arXiv 2112.14238), which sweeps ``q``; here it is solved for a budget.

Shape letters: N clips, S exits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from connsearch.errors import SettingsError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

EXACT = 1e-9
"""A solved budget is met within this share of what all steps cost."""

_WHOLE = 1e-9
"""A share of clips that is this close below a whole number of them is that number."""

_HALVINGS = 2000
RESAMPLES = 2000
"""Of the clips of each class, for an interval of the mean recall."""


class Thresholds(NamedTuple):
    """From which confidence on a clip stops.

    Attributes:
        values: (S,), inf where nobody stops, -inf for the last exit.
        leaving: (S,), how many of the calibration clips stop at each exit as planned; of equal
            confidences the clip with the lower number stops first.
    """

    values: Floats
    leaving: Ints


class SolvedExits(NamedTuple):
    r"""Thresholds for a budget.

    Attributes:
        q: of the shares :math:`p_k \\propto q^k`.
        planned: the mean cost of a clip, if it stops at each exit in these shares.
        shares: (S,), those.
        thresholds: (S,), see :class:`Thresholds`.
        leaving: (S,), likewise.
    """

    q: float
    planned: float
    shares: Floats
    thresholds: Floats
    leaving: Ints


def exit_shares(q: float, exits: int) -> Floats:
    """Returns the share of clips that stop at each exit, (S,); they add up to 1.

    >>> exit_shares(0.5, 3).round(4).tolist()
    [0.5714, 0.2857, 0.1429]
    """
    if not (math.isfinite(q) and q > 0):
        raise ValueError(f"q: read {q}; allowed: above 0")
    return _shares(math.log(q), exits)


def _shares(log_q: float, exits: int) -> Floats:
    logs_S = log_q * np.arange(exits)
    shares_S = np.exp(logs_S - logs_S.max())
    return shares_S / shares_S.sum()


def expected_cost(q: float, costs: Sequence[float] | Floats) -> float:
    """Returns the mean cost of a clip for ``q``; it rises with ``q``.

    Args:
        q: above 0.
        costs: of a clip until each exit, rising.
    """
    return float(exit_shares(q, len(costs)) @ np.asarray(costs, float))


def solve(budget: float, costs: Sequence[float] | Floats) -> float:
    """Returns the ``q`` whose expected cost is the budget, within 1e-9 of what all steps cost.

    >>> costs = [1.684842018 * steps for steps in range(1, 17)]
    >>> round(solve(9.9, costs), 5)
    0.87591

    Args:
        budget: mean cost of a clip.
        costs: of a clip until each exit, rising.

    Raises:
        SettingsError: the budget is not between the first cost and the last.
    """
    low_cost, high_cost = float(costs[0]), float(costs[-1])
    if not low_cost < budget < high_cost:
        raise SettingsError(
            f"a budget of {budget:.6g}: clips stop after a first step of {low_cost:.6g} at the "
            f"earliest, and all steps cost {high_cost:.6g}\n"
            f"  allowed: above {low_cost:.6g} and below {high_cost:.6g}"
        )
    given_S = np.asarray(costs, float)

    def over(log_q: float) -> float:
        return float(_shares(log_q, len(given_S)) @ given_S) - budget

    low, high = -1.0, 1.0
    while over(low) > 0:
        low *= 2
    while over(high) < 0:
        high *= 2
    middle = 0.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        found = over(middle)
        if abs(found) < EXACT * high_cost or middle in (low, high):
            break
        low, high = (middle, high) if found < 0 else (low, middle)
    return math.exp(min(max(middle, -700.0), 700.0))


def thresholds_of(confidences_NS: Floats, shares_S: Floats, *, apart: bool = False) -> Thresholds:
    """Returns the thresholds with which calibration clips stop in the planned shares.

    At each exit but the last, the most confident clips of those that have not stopped yet stop: so
    many that as many have stopped by then as planned, rounded up. So the calibration clips never
    cost more than planned, and less by one clip at most. The threshold is the confidence of the
    last of them.

    Args:
        confidences_NS: of every calibration clip at every exit; higher is surer.
        shares_S: planned for each exit.
        apart: as published, the whole part of N times the share stops at each exit; what is lost
            at all of them goes to the last, which costs the more the fewer clips there are.
    """
    clips, exits = confidences_NS.shape
    wanted_S = np.ceil(clips * np.cumsum(shares_S) - _WHOLE).astype(int)
    values_S = np.full(exits, np.inf)
    leaving_S = np.zeros(exits, np.int64)
    active_A = np.arange(clips)
    for number in range(exits - 1):
        count = int(wanted_S[number]) - (clips - len(active_A))
        if apart:
            count = int(clips * float(shares_S[number]) + _WHOLE)
        count = min(max(count, 0), len(active_A))
        sure_A = confidences_NS[active_A, number]
        order_A = np.argsort(-sure_A, kind="stable")
        count = min(count, int((~np.isnan(sure_A)).sum()))  # what is no number never stops
        if count:
            values_S[number] = sure_A[order_A[count - 1]]
        leaving_S[number] = count
        active_A = np.sort(active_A[order_A[count:]])
    values_S[-1], leaving_S[-1] = -np.inf, len(active_A)
    return Thresholds(values_S, leaving_S)


def solve_budget(
    budget: float, costs: Sequence[float] | Floats, confidences_NS: Floats
) -> SolvedExits:
    """Returns the thresholds for a budget, from the confidences of calibration clips.

    Raises:
        SettingsError: the budget is out of reach; see :func:`solve`.
    """
    return solved_at(solve(budget, costs), costs, confidences_NS)


def solved_at(q: float, costs: Sequence[float] | Floats, confidences_NS: Floats) -> SolvedExits:
    """Returns the thresholds for ``q``, from the confidences of calibration clips."""
    shares_S = exit_shares(q, len(costs))
    found = thresholds_of(confidences_NS, shares_S)
    return SolvedExits(q, expected_cost(q, costs), shares_S, found.values, found.leaving)


def exits_of(confidences_NS: Floats, thresholds_S: Sequence[float] | Floats) -> Ints:
    """Returns where each clip stops, (N,) from 0: the first exit at which it is sure enough.

    At the last exit every clip stops, whatever its threshold.
    """
    stops_NS = confidences_NS >= np.asarray(thresholds_S, float)
    stops_NS[:, -1] = True
    return stops_NS.argmax(1)


def mean_cost(exits_N: Ints, costs: Sequence[float] | Floats) -> float:
    """Returns the mean cost of clips that stop there."""
    return float(np.asarray(costs, float)[exits_N].mean())


def evenly_spread(costs: Sequence[float] | Floats, points: int) -> list[float]:
    """Returns budgets between the first cost and the last, evenly spread, without these two.

    >>> evenly_spread([1.0, 3.0, 5.0], 3)
    [2.0, 3.0, 4.0]
    """
    return np.linspace(float(costs[0]), float(costs[-1]), points + 2)[1:-1].tolist()


def area_under(costs: Sequence[float] | Floats, scores: Sequence[float]) -> float:
    """Returns the area under scores over costs by trapezoids, divided by the range of the costs.

    It is the mean score over the range. Points may come in any order.

    >>> area_under([1.0, 3.0, 2.0], [0.5, 0.7, 0.7])
    0.65
    """
    x, y = np.asarray(costs, float), np.asarray(scores, float)
    if len(x) < 2 or np.ptp(x) == 0:
        return math.nan
    order = np.lexsort((y, x))
    return round(float(np.trapezoid(y[order], x[order]) / np.ptp(x)), 12)


def recall_interval(
    recalls: Sequence[float], clips: Sequence[int], *, seed: int = 0
) -> tuple[float, float]:
    """Returns the 95 % bootstrap interval of a mean recall: the clips of each class drawn again.

    Args:
        recalls: of the classes that have clips, in [0, 1].
        clips: of each of them.
        seed: of the draws.
    """
    if not len(recalls):
        return math.nan, math.nan
    rng = np.random.default_rng(seed)
    drawn = rng.binomial(clips, recalls, size=(RESAMPLES, len(recalls))) / np.asarray(clips)
    low, high = np.quantile(drawn.mean(1), (0.025, 0.975))
    return float(low), float(high)
