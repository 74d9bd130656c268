"""The state of an evolution, derived entirely from the trials of its study.

A trial judges one child once. Its key is (child, evaluation, attempt); of several trials with one
key the first counts and the others are *void*: two workers created the same trial at the same
moment, or two of them queued the same child again after a third had died. So nothing is counted
twice, whatever the timing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from connsearch.evolution.child import Child, Trial
from connsearch.evolution.population import Population, Standing, dominates
from connsearch.evolution.steps import Step
from connsearch.graph.document_nodes import node_document, read_nodes
from connsearch.graph.parse import StructureReader, connection_weights, rows
from connsearch.graph.spec import Edge, Structure

OPEN = ("waiting", "running")
"""States of a trial that something may still happen to."""


class Key(NamedTuple):
    """What a trial is about: which child, which of its evaluations, which attempt at it."""

    child: int
    evaluation: int
    attempt: int


def key_of(trial: Trial) -> Key:
    """Returns what a trial is about."""
    facts = trial.facts
    return Key(facts["child"], facts["evaluation"], facts["attempt"])


def birth_facts(child: Child) -> dict[str, Any]:
    """Returns what a study keeps of a child, as JSON values; settings are those of the start.

    Kinds, what follows blocks, strides in time and gates stand there where there are any.
    """
    return {
        "nodes": rows(child.structure),
        **node_document(child.structure),
        "weights": connection_weights(child.structure),
        "parents": list(child.parents),
        "steps": [[step.operator, step.seed] for step in child.steps],
        "hash": child.hash,
        "macs": child.macs,
        "parameters": child.parameters,
        "refused": dict(child.refused),
    }


def weight_facts(weights: Mapping[Edge, float]) -> list[list[float]]:
    """Returns learned weights as JSON values: [source, target, weight] each."""
    return [[e.source, e.target, w] for e, w in sorted(weights.items())]


def _turn(trial: Trial) -> tuple[int, int]:
    """When an outcome was told: after how many others that its worker knew of.

    By these turns every worker, and every later reader of the study, lets children enter in the
    same order; clocks of different machines are not used.
    """
    return trial.facts.get("result", {}).get("turn", 0), trial.number


@dataclass
class Judged:
    """The evaluations of one child.

    Attributes:
        values: by evaluation, as the study has them (what is minimised is not turned round).
        trials: by evaluation, the trial that counts.
        lost: evaluations that were abandoned after too many attempts, with their last trial.
        pruned: the trial that ended early at a rung, or None.
    """

    values: dict[int, tuple[float, ...]] = field(default_factory=dict)
    trials: dict[int, Trial] = field(default_factory=dict)
    lost: dict[int, Trial] = field(default_factory=dict)
    pruned: Trial | None = None

    @property
    def mean(self) -> tuple[float, ...]:
        """Mean of the evaluations, one number an objective."""
        columns = zip(*self.values.values(), strict=True)
        return tuple(sum(column) / len(self.values) for column in columns)


class History:
    """The children of a study, their evaluations and the population; grows with its trials.

    Args:
        start: settings, family and name of every child.
        signs: 1 for an objective that is maximised, -1 for one that is minimised.
        population: an empty one.

    Attributes:
        trials: by number.
        births: the study's record of each child, by number.
        hashes: children by the hash of their structure.
        judged: evaluations by child.
        voids: trials that do not count.
        open: trials that wait or run, by number.
        last: the youngest attempt at each evaluation: its trial.
        orphans: failed attempts that no worker has queued again yet, by (child, evaluation).
        entered: children that were judged, whether or not they stayed in the population.
        since_better: children judged since the last one that was better than all before.
    """

    def __init__(self, start: Structure, signs: tuple[int, ...], population: Population) -> None:
        self.start, self.signs, self.population = start, signs, population
        self.trials: dict[int, Trial] = {}
        self.births: dict[int, Mapping[str, Any]] = {}
        self.hashes: dict[str, list[int]] = {}
        self.judged: dict[int, Judged] = {}
        self.voids: set[int] = set()
        self.open: dict[int, Trial] = {}
        self.last: dict[tuple[int, int], Trial] = {}
        self.order: list[int] = []
        """Trials that count and are complete, in the order in which they were told."""
        self.orphans: dict[tuple[int, int], Trial] = {}
        self.entered = self.since_better = 0
        self._begun: dict[int, int] = {}
        self._first: dict[Key, int] = {}
        self._children: dict[int, Child] = {}

    def update(self, trials: Iterable[Trial]) -> None:
        """Adds new and changed trials; adding something twice changes nothing.

        Nor does it matter how trials are grouped, as long as no trial is added before one
        with a smaller number.
        """
        told: list[Trial] = []
        for trial in sorted(trials, key=lambda t: t.number):
            known = self.trials.get(trial.number)
            if known is not None and known.state not in OPEN:
                continue
            self.trials[trial.number] = trial
            if known is None:
                self._file(trial)
            if trial.state in OPEN:
                self.open[trial.number] = trial
            else:
                self.open.pop(trial.number, None)
            if trial.number in self.voids:
                continue
            self._youngest(trial)
            self._end(trial)
            if trial.state == "complete":
                told.append(trial)
        self._judge(sorted(told, key=_turn))

    def _file(self, trial: Trial) -> None:
        key = key_of(trial)
        if self._first.setdefault(key, trial.number) != trial.number:
            self.voids.add(trial.number)
        elif key.evaluation == 0 and key.attempt == 0:
            self.births[key.child] = trial.facts["birth"]
            self.hashes.setdefault(trial.facts["birth"]["hash"], []).append(key.child)
            self.judged[key.child] = Judged()

    def _youngest(self, trial: Trial) -> None:
        key = key_of(trial)
        known = self.last.get(key[:2])
        if known is None or key.attempt >= key_of(known).attempt:
            self.last[key[:2]] = trial
            self.orphans.pop(key[:2], None)
            if trial.state == "failed" and not trial.facts.get("given_up"):
                self.orphans[key[:2]] = trial
        self._begun[key.child] = max(self._begun.get(key.child, 0), key.evaluation + 1)

    def _end(self, trial: Trial) -> None:
        key = key_of(trial)
        if trial.state == "pruned":
            self.judged[key.child].pruned = trial
        elif trial.state == "failed" and trial.facts.get("given_up"):
            self.judged[key.child].lost[key.evaluation] = trial

    def _judge(self, told: list[Trial]) -> None:
        """Lets children enter the population, by turn; all again if one is late."""
        if told and self.order and _turn(told[0]) < _turn(self.trials[self.order[-1]]):
            told = sorted([*(self.trials[number] for number in self.order), *told], key=_turn)
            self.order, self.entered, self.since_better = [], 0, 0
            self.population.members.clear()
            for trial in told:
                judged = self.judged[key_of(trial).child]
                judged.values.clear()
                judged.trials.clear()
        for trial in told:
            self._count(trial)

    def _count(self, trial: Trial) -> None:
        key = key_of(trial)
        child = self.judged[key.child]
        if key.evaluation in child.values:
            return
        assert trial.values is not None
        child.values[key.evaluation] = trial.values
        child.trials[key.evaluation] = trial
        self.order.append(trial.number)
        if len(child.values) == 1:
            self._enter(self.standing(key.child))
        else:
            self.population.update(self.standing(key.child))

    def _enter(self, standing: Standing) -> None:
        self.entered += 1
        self.since_better = 0 if self._is_better(standing) else self.since_better + 1
        self.population.enter(standing)

    def _is_better(self, standing: Standing) -> bool:
        """Whether it is above the best member, or with several objectives not dominated."""
        members = self.population.members
        if len(standing.values) == 1:
            return not members or standing.values > members[0].values
        return not any(
            m.values == standing.values or dominates(m.values, standing.values) for m in members
        )

    def counting(self, key: Key) -> Trial | None:
        """Returns the trial that counts for a key, whatever its outcome; None if there is none."""
        number = self._first.get(key)
        return None if number is None else self.trials[number]

    def begun(self, child: int) -> int:
        """Returns how many evaluations of a child were begun, whatever their outcome."""
        return self._begun.get(child, 0)

    def standing(self, child: int) -> Standing:
        """Returns what a child with an evaluation is worth."""
        judged = self.judged[child]
        values = tuple(s * v for s, v in zip(self.signs, judged.mean, strict=True))
        return Standing(child, values, len(judged.values))

    def standings(self) -> Iterator[Standing]:
        """Yields every child that was judged, in the order of birth."""
        return (self.standing(n) for n in sorted(self.judged) if self.judged[n].values)

    def child(self, number: int) -> Child:
        """Returns a child; its structure is read on first use and cached."""
        if number not in self._children:
            self._children[number] = self._read(number)
        return self._children[number]

    def _read(self, number: int) -> Child:
        facts = self.births[number]
        reader = StructureReader.of(facts["nodes"], facts["weights"])
        read_nodes(reader, facts)
        structure = reader.finish(
            name=f"{self.start.name}-{number}",
            family=self.start.family,
            network=self.start.network,
        )
        return Child(
            number=number,
            structure=replace(structure, provenance={"parents": facts["parents"]}),
            parents=tuple(facts["parents"]),
            steps=tuple(Step(operator, seed) for operator, seed in facts["steps"]),
            hash=facts["hash"],
            macs=facts["macs"],
            parameters=facts["parameters"],
            refused=facts["refused"],
        )

    def learned(self, number: int) -> Structure:
        """Returns a child's structure with the weights its first evaluation has learned."""
        trials = self.judged[number].trials
        structure = self.child(number).structure
        if not trials:
            return structure
        found = trials[min(trials)].facts.get("result", {}).get("weights", [])
        return structure.with_weights({Edge(int(s), int(t)): w for s, t, w in found})

    def paces(self) -> list[float]:
        """Returns the seconds a step took, of every evaluation that has measured it."""
        results = (self.trials[number].facts.get("result", {}) for number in self.order)
        return [r["seconds"] / r["steps"] for r in results if r.get("seconds") and r.get("steps")]
