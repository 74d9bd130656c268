"""An evolution round by round: which children entered, left and were in the population.

A round is a child's first evaluation that was completed. The population is rebuilt from the
order in which evaluations ended, so this is what the study itself went through.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import cast

from connsearch.evolution.history import History, key_of
from connsearch.evolution.population import Population, Removal, Standing, dominates
from connsearch.evolution.review.lineage import founders
from connsearch.graph.spec import Block, Structure


@dataclass(frozen=True, slots=True)
class Round:
    """A child that was judged, and the population then.

    Attributes:
        number: from 0, as children are: with one worker, that of the child.
        child: the one that was judged.
        trial: its trial.
        entered: whether it entered the population; otherwise it left at once.
        left: the child that left; None while there is room.
        best: whether no child judged before was as good: better than all in the only objective, or
            dominated by none.
        members: the population, the best first, with the evaluations up to the next round.
        top: per objective, the best mean of any child known then; greater is better.
    """

    number: int
    child: int
    trial: int
    entered: bool
    left: int | None
    best: bool
    members: tuple[Standing, ...]
    top: tuple[float, ...]

    @property
    def mean(self) -> tuple[float, ...]:
        """Mean of the population, one number an objective; greater is better."""
        columns = zip(*(member.values for member in self.members), strict=True)
        return tuple(sum(column) / len(self.members) for column in columns)


@dataclass(frozen=True, slots=True)
class Diversity:
    """How different the members of the population are after a round.

    Attributes:
        round: from 0, as children are.
        members: how many there are.
        structures: how many of them differ, by hash.
        distance: mean distance of two members' wiring in [0, 1], see :func:`wiring_distance`; 0 for
            one member alone.
        founders: how many different founders they descend from.
    """

    round: int
    members: int
    structures: int
    distance: float
    founders: int


def rounds(history: History) -> list[Round]:
    """Returns every round of a study, in order."""
    removal = cast(Removal, history.population.removal)
    population = Population(history.population.size, removal)
    standings: dict[int, Standing] = {}
    values: dict[int, list[tuple[float, ...]]] = {}
    found: list[Round] = []
    for number in history.order:
        trial = history.trials[number]
        child = key_of(trial).child
        assert trial.values is not None, "complete trials have values"
        values.setdefault(child, []).append(trial.values)
        standing = _standing(child, values[child], history.signs)
        if standing.evaluations > 1:
            standings[child] = standing
            population.update(standing)
            found[-1] = _after(found[-1], population, standings)
            continue
        best = _is_best(standing, standings.values())
        standings[child] = standing
        left = population.enter(standing)
        entry = Round(len(found), child, number, left != child, left, best, (), ())
        found.append(_after(entry, population, standings))
    return found


def diversity(history: History, told: Sequence[Round] | None = None) -> list[Diversity]:
    """Returns how different the population is after every round.

    Args:
        history: has the children.
        told: its rounds, if they are known already.
    """
    line = founders(history)
    patterns: dict[int, Counter[tuple[str, str]]] = {}
    distances: dict[tuple[int, int], float] = {}
    found: list[Diversity] = []
    for entry in rounds(history) if told is None else told:
        numbers = sorted(member.number for member in entry.members)
        for number in numbers:
            if number not in patterns:
                patterns[number] = wiring_pattern(history.child(number).structure)
        pairs = list(combinations(numbers, 2))
        for pair in pairs:
            if pair not in distances:
                distances[pair] = wiring_distance(*(patterns[n] for n in pair))
        mean = sum(distances[pair] for pair in pairs) / len(pairs) if pairs else 0.0
        hashes = {history.births[number]["hash"] for number in numbers}
        roots = {line[number] for number in numbers}
        found.append(Diversity(entry.number, len(numbers), len(hashes), mean, len(roots)))
    return found


def wiring_pattern(structure: Structure) -> Counter[tuple[str, str]]:
    """Returns the number of connections between kinds of nodes: from a stream or level to a level.

    It is independent of node numbers, whose meaning differs between structures.

    >>> from connsearch.graph.files import load_structure
    >>> wiring_pattern(load_structure("starter"))["rgb", "level 0"]
    2
    """
    names = [
        f"level {node.level}" if isinstance(node, Block) else node.modality.value
        for node in structure.nodes
    ]
    return Counter((names[edge.source], names[edge.target]) for edge in structure.edges())


def wiring_distance(a: Mapping[tuple[str, str], int], b: Mapping[tuple[str, str], int]) -> float:
    """Returns one minus the share of connections that two patterns have in common (Jaccard).

    >>> wiring_distance({("rgb", "level 0"): 2}, {("rgb", "level 0"): 1, ("flow", "level 0"): 1})
    0.6666666666666667
    """
    names = set(a) | set(b)
    common = sum(min(a.get(name, 0), b.get(name, 0)) for name in names)
    either = sum(max(a.get(name, 0), b.get(name, 0)) for name in names)
    return 1 - common / either if either else 0.0


def initial_rounds(history: History, told: Sequence[Round]) -> int:
    """Returns how many rounds had passed before the first child of a parent was judged."""
    for entry in told:
        if history.births[entry.child]["parents"]:
            return entry.number
    return len(told)


def _after(entry: Round, population: Population, standings: Mapping[int, Standing]) -> Round:
    columns = zip(*(s.values for s in standings.values()), strict=True)
    members, top = tuple(population.members), tuple(max(column) for column in columns)
    return Round(
        entry.number, entry.child, entry.trial, entry.entered, entry.left, entry.best, members, top
    )


def _standing(child: int, values: Sequence[tuple[float, ...]], signs: Sequence[int]) -> Standing:
    columns = zip(*values, strict=True)
    mean = tuple(
        sign * (sum(column) / len(values)) for sign, column in zip(signs, columns, strict=True)
    )
    return Standing(child, mean, len(values))


def _is_best(one: Standing, others: Iterable[Standing]) -> bool:
    if len(one.values) == 1:
        return all(one.values[0] > other.values[0] for other in others)
    return not any(dominates(other.values, one.values) for other in others)
