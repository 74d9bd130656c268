"""What each operator has brought, as far as children made by several operators can tell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from connsearch.evolution.history import History
from connsearch.evolution.population import dominates
from connsearch.evolution.review.lineage import operators_of, parent_of
from connsearch.evolution.review.trajectory import Round, rounds


@dataclass(frozen=True, slots=True)
class Yield:
    """One operator over all children that it had a part in.

    A child made by several operators counts once for each of them, so the rows add up to more than
    there are children, and a good row may be due to another operator of the same children.

    Attributes:
        operator: as the steps have it, or what else the children have in common.
        used: children it had a part in.
        judged: those of them that were judged and whose parent was; the rest refers to these.
        better: of these, how many are better than their parent: greater in the only objective, or
            dominating it.
        entered: children that came into the population.
        best: children that were the best of all so far, or dominated by none.
        change: mean of child minus parent in the first objective, greater is better; NaN of none.
        error: standard error of that mean; NaN of fewer than two.
    """

    operator: str
    used: int
    judged: int
    better: int
    entered: int
    best: int
    change: float
    error: float


def operator_yield(history: History, told: Sequence[Round] | None = None) -> list[Yield]:
    """Returns one row per operator, the most used first; founders have no operator.

    Parents were selected for high measured values, which is partly luck: if they are not judged
    again, an operator without any effect shows a mean change somewhat below zero.

    Args:
        history: has children and evaluations.
        told: its rounds, if they are known already.
    """
    used: dict[str, list[int]] = {}
    for number in sorted(history.births):
        if parent_of(history, number) is not None:
            for operator in dict.fromkeys(operators_of(history, number)):
                used.setdefault(operator, []).append(number)
    return yield_of(history, used, rounds(history) if told is None else told)


def yield_of(
    history: History, used: Mapping[str, Sequence[int]], told: Sequence[Round]
) -> list[Yield]:
    """Returns one row for every name of something that children have, the most frequent first.

    Args:
        history: has children and evaluations.
        used: by name, the numbers of the children that have it.
        told: the rounds of the study.
    """
    entries = {entry.child: entry for entry in told}
    found = [_row(history, entries, name, numbers) for name, numbers in used.items()]
    return sorted(found, key=lambda row: (-row.used, row.operator))


def change_of(history: History, number: int) -> tuple[float, ...] | None:
    """Returns child minus parent, one number an objective, greater is better; None if unknown."""
    parent = parent_of(history, number)
    if parent is None or not (history.judged[number].values and history.judged[parent].values):
        return None
    pair = zip(history.standing(number).values, history.standing(parent).values, strict=True)
    return tuple(child - before for child, before in pair)


def _row(
    history: History, entries: dict[int, Round], operator: str, numbers: Sequence[int]
) -> Yield:
    changes = [change for n in numbers if (change := change_of(history, n)) is not None]
    first = [change[0] for change in changes]
    nothing = (0.0,) * len(history.signs)
    told = [entries[n] for n in numbers if n in entries]
    return Yield(
        operator=operator,
        used=len(numbers),
        judged=len(changes),
        better=sum(dominates(change, nothing) for change in changes),
        entered=sum(entry.entered for entry in told),
        best=sum(entry.best for entry in told),
        change=fmean(first) if first else math.nan,
        error=stdev(first) / math.sqrt(len(first)) if len(first) > 1 else math.nan,
    )
