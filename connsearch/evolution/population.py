"""Who is in the population, who becomes a parent, who leaves: for one objective or several."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf
from random import Random
from typing import Literal

Removal = Literal["worst", "oldest"]


@dataclass(frozen=True, slots=True)
class Standing:
    """The measured fitness of a child.

    Attributes:
        number: of the child.
        values: mean of its evaluations, one per objective, greater is better: the sign of a
            minimised one is changed.
        evaluations: the number averaged.
    """

    number: int
    values: tuple[float, ...]
    evaluations: int = 1


def dominates(a: Sequence[float], b: Sequence[float]) -> bool:
    """Returns whether ``a`` is nowhere worse and somewhere better; greater is better.

    >>> dominates((1, 2), (1, 1)), dominates((1, 2), (2, 1))
    (True, False)
    """
    return all(x >= y for x, y in zip(a, b, strict=True)) and tuple(a) != tuple(b)


def fronts(standings: Sequence[Standing]) -> list[list[Standing]]:
    """Returns the standings by Pareto rank, the front of those not dominated first."""
    rest, found = list(standings), list[list[Standing]]()
    while rest:
        front = [a for a in rest if not any(dominates(b.values, a.values) for b in rest)]
        found.append(front)
        chosen = {a.number for a in front}
        rest = [a for a in rest if a.number not in chosen]
    return found


def crowding(front: Sequence[Standing]) -> dict[int, float]:
    """Returns the crowding distance of each standing of a front, by number: infinite at both ends.

    The sum over objectives of the distance between its two neighbours, as a share of the range
    (Deb et al., NSGA-II, 2002, section III-B).
    """
    found = dict.fromkeys((s.number for s in front), 0.0)
    for axis in range(len(front[0].values) if front else 0):
        row = sorted(front, key=lambda s: (s.values[axis], s.number))
        low, high = row[0].values[axis], row[-1].values[axis]
        found[row[0].number] = found[row[-1].number] = inf
        if high > low:
            for before, middle, after in zip(row, row[1:], row[2:], strict=False):
                gap = after.values[axis] - before.values[axis]
                found[middle.number] += gap / (high - low)
    return found


def ranked(standings: Iterable[Standing]) -> list[Standing]:
    """Returns standings from best to worst; the older of two equals comes first.

    One objective: by value. Several: by Pareto rank, then by larger crowding distance.
    """
    known = list(standings)
    if all(len(s.values) == 1 for s in known):
        return sorted(known, key=lambda s: (-s.values[0], s.number))
    found: list[Standing] = []
    for front in fronts(known):
        lonely = crowding(front)
        found += sorted(front, key=lambda s: (-lonely[s.number], s.number))
    return found


class Population:
    """At most ``size`` children, the best first.

    A child enters when its first evaluation ends; while there are too many, the worst of all leaves
    (published) or the oldest (Real et al., 2019). Further evaluations change the rank of a member,
    and bring no child back.

    Args:
        size: most members.
        removal: which member leaves.
    """

    def __init__(self, size: int, removal: Removal = "worst") -> None:
        self.size, self.removal = size, removal
        self.members: list[Standing] = []

    def __contains__(self, number: object) -> bool:
        return any(member.number == number for member in self.members)

    def enter(self, standing: Standing) -> int | None:
        """Adds a child; returns the number of the one that left, which may be itself."""
        self.members = ranked([*self.members, standing])
        if len(self.members) <= self.size:
            return None
        leaving = self.members[-1]
        if self.removal == "oldest":
            leaving = min(self.members, key=lambda s: s.number)
        self.members = [m for m in self.members if m.number != leaving.number]
        return leaving.number

    def update(self, standing: Standing) -> None:
        """Puts a member where its new evaluations place it; nothing for one that has left."""
        if standing.number in self:
            others = [m for m in self.members if m.number != standing.number]
            self.members = ranked([*others, standing])

    def tournament(self, size: int, rng: Random) -> Standing:
        """Returns the best of ``size`` members drawn without repetition; all if there are fewer."""
        places = rng.sample(range(len(self.members)), min(size, len(self.members)))
        return self.members[min(places)]
