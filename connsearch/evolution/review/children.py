"""One row a child: who it is, how it fared, what it costs; and everything that went wrong."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import stdev
from typing import Literal

from connsearch.evolution.child import Trial
from connsearch.evolution.history import History, key_of
from connsearch.evolution.population import fronts, ranked
from connsearch.evolution.review.lineage import founders, operators_of

Fate = Literal["judged", "pruned", "failed", "open"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A child as a table shows it.

    Attributes:
        number: of the child.
        parents: their numbers.
        founder: at the end of its line.
        operators: what made it; of a founder its own word.
        fate: ``judged``; ``pruned`` on the ladder; ``failed`` for good; ``open``: nothing final.
        values: mean of its evaluations as the study has them, or None.
        spread: their standard deviation, NaN of one evaluation; None without any.
        evaluations: how many.
        member: whether it is in the population now.
        connections: of its structure.
        macs: of one clip.
        parameters: of the network.
        hash: of its structure.
    """

    number: int
    parents: tuple[int, ...]
    founder: int
    operators: tuple[str, ...]
    fate: Fate
    values: tuple[float, ...] | None
    spread: tuple[float, ...] | None
    evaluations: int
    member: bool
    connections: int
    macs: int
    parameters: int
    hash: str


@dataclass(frozen=True, slots=True)
class Mishap:
    """An evaluation that failed.

    Attributes:
        trial: its number in the study.
        child: whom it should have judged.
        evaluation: which one of the child's.
        attempt: from 0.
        cause: in the words of the worker.
        given_up: whether nobody tries again.
        worker: who met it.
    """

    trial: int
    child: int
    evaluation: int
    attempt: int
    cause: str
    given_up: bool
    worker: str


def children_of(history: History) -> list[Entry]:
    """Returns every child that was born, in order."""
    line = founders(history)
    return [_entry(history, number, line[number]) for number in sorted(history.births)]


def best_children(history: History) -> list[int]:
    """Returns the best child there ever was, or the front of those nobody dominates; best first.

    The same child may have left the population since.
    """
    standings = list(history.standings())
    if not standings:
        return []
    if len(history.signs) == 1:
        return [ranked(standings)[0].number]
    return [standing.number for standing in ranked(fronts(standings)[0])]


def mishaps(history: History) -> list[Mishap]:
    """Returns every evaluation that counts and failed, in the order of the study."""
    return list(_mishaps(history))


def refusals(history: History) -> dict[str, int]:
    """Returns how many children were made and refused before they were born, by reason."""
    found: Counter[str] = Counter()
    for facts in history.births.values():
        found.update(facts["refused"])
    return {reason: count for reason, count in found.most_common() if count}


def fate(history: History, number: int) -> Fate:
    """Returns how a child fared."""
    judged = history.judged[number]
    if judged.values:
        return "judged"
    if judged.pruned is not None:
        return "pruned"
    return "failed" if judged.lost else "open"


def counted(history: History) -> Iterator[Trial]:
    """Yields the trials that count, in the order of the study."""
    return (history.trials[n] for n in sorted(history.trials) if n not in history.voids)


def spread_of(history: History, number: int) -> tuple[float, ...]:
    """Returns the standard deviation of a child's evaluations, NaN where there is only one."""
    columns = zip(*history.judged[number].values.values(), strict=True)
    return tuple(stdev(column) if len(column) > 1 else math.nan for column in columns)


def _mishaps(history: History) -> Iterator[Mishap]:
    for trial in counted(history):
        if trial.state == "failed":
            key, facts = key_of(trial), trial.facts
            cause = str(facts.get("cause") or "not recorded")
            worker = str(facts.get("worker") or "")
            given_up = bool(facts.get("given_up"))
            yield Mishap(
                trial.number, key.child, key.evaluation, key.attempt, cause, given_up, worker
            )


def _entry(history: History, number: int, founder: int) -> Entry:
    facts, judged = history.births[number], history.judged[number]
    known = bool(judged.values)
    return Entry(
        number=number,
        parents=tuple(facts["parents"]),
        founder=founder,
        operators=operators_of(history, number),
        fate=fate(history, number),
        values=judged.mean if known else None,
        spread=spread_of(history, number) if known else None,
        evaluations=len(judged.values),
        member=number in history.population,
        connections=len(history.child(number).structure.edges()),
        macs=facts["macs"],
        parameters=facts["parameters"],
        hash=facts["hash"],
    )
