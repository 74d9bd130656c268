"""An evolution made by hand: real structures and mutations, and values out of a formula.

Nothing is trained: a child is worth more the more of its connections skip a level, plus noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from connsearch.evolution.child import Child, State, Trial
from connsearch.evolution.history import History, birth_facts, weight_facts
from connsearch.evolution.initial import initial_structure
from connsearch.evolution.options import EvolutionOptions
from connsearch.evolution.population import Population
from connsearch.evolution.proposal import limits_of
from connsearch.evolution.steps import Step, replay, take
from connsearch.graph.cost import cost
from connsearch.graph.files import load_structure
from connsearch.graph.hashing import structure_hash
from connsearch.graph.spec import Edge, Structure


@dataclass
class Evolution:
    """An evolution as it goes: children are born, judged, judged again, pruned, or fail."""

    options: EvolutionOptions = field(default_factory=EvolutionOptions)
    seed: int = 0
    start: Structure = field(default_factory=lambda: load_structure("starter_rgb_flow"))
    workers: int = 3

    def __post_init__(self) -> None:
        self.rng = Random(self.seed)
        self.limits = limits_of(self.start, self.options)
        objectives = self.options.objectives
        signs = tuple(1 if name == "accuracy" else -1 for name in objectives)
        population = Population(self.options.population, self.options.removal)
        self.history = History(self.start, signs, population)
        self.free = [1_700_000_000.0 + 7 * n for n in range(self.workers)]

    def found(self) -> int:
        """A founder: the start first, then ones wired at random."""
        if self.history.births or not self.options.include_start:
            step = Step("initial", self.rng.getrandbits(32))
            made = initial_structure(self.start, self.limits, Random(step.seed))
            return self.bear(made, (), (step,))
        return self.bear(self.start, (), (Step("start", 0),))

    def breed(self) -> int:
        """A child of the best of a tournament, made by one to three steps."""
        population = self.history.population
        parent = population.tournament(self.options.drawn, self.rng).number
        learned, steps = self.history.learned(parent), list[Step]()
        chosen = self.rng.sample(self.options.operators, self.rng.randint(0, 2))
        for operator in (["guided"] if self.rng.random() < 0.8 else []) + chosen:
            step = Step(operator, self.rng.getrandbits(32))
            structure = replay(learned, steps, self.limits).structure
            if take(structure, step, self.limits) is not None:
                steps.append(step)
        while not steps:
            step = Step("filters", self.rng.getrandbits(32))
            steps = [step] if take(learned, step, self.limits) is not None else []
        made = replay(learned, steps, self.limits).structure
        return self.bear(made, (parent,), tuple(steps))

    def bear(self, structure: Structure, parents: tuple[int, ...], steps: tuple[Step, ...]) -> int:
        number = len(self.history.births)
        found = cost(structure, num_classes=8, clip=(8, 32, 32))
        child = Child(
            number=number,
            structure=replace(structure, name=f"{self.start.name}-{number}"),
            parents=parents,
            steps=steps,
            hash=structure_hash(structure),
            macs=found.macs,
            parameters=found.parameters,
            refused={"duplicate": number % 3, "over budget": number % 2} if parents else {},
        )
        self._birth = birth_facts(child)
        return number

    def judge(
        self,
        child: int,
        *,
        state: State = "complete",
        evaluation: int = 0,
        attempt: int = 0,
        given_up: bool = False,
        cause: str = "RuntimeError: CUDA out of memory\n  tried to allocate 2 GiB",
        values: tuple[float, ...] | None = None,
    ) -> Trial:
        """One trial of a child, told to the history."""
        place = min(range(self.workers), key=lambda n: self.free[n])
        started = self.free[place]
        long = self.rng.uniform(40, 90) * (0.3 if state != "complete" else 1.0)
        self.free[place] = started + long + 2
        facts: dict[str, Any] = {"child": child, "evaluation": evaluation, "attempt": attempt}
        facts |= {"seed": child, "worker": f"host{place % 2}-{place}"}
        if evaluation == attempt == 0:
            facts["birth"] = self._birth
        if state == "failed":
            facts |= {"cause": cause, "given_up": given_up}
        number = len(self.history.trials)
        trial = Trial(number, state, None, facts, {}, started, None)
        self.history.update([replace(trial, state="running")])
        if state == "complete":
            learned = {e: self.rng.random() for e in self._learning(child)}
            facts["result"] = {
                "weights": weight_facts(learned), "seconds": long, "run": f"run/{child}",
                "inherited": None,
            }  # fmt: skip
            trial = replace(trial, values=values or self.values(child))
        if state != "running":
            trial = replace(trial, finished=started + long)
        rungs = {0: (0.2,)} if state == "pruned" else {}
        trial = replace(trial, facts=facts, rungs=rungs)
        self.history.update([trial])
        return trial

    def values(self, child: int) -> tuple[float, ...]:
        """What the formula says, with noise."""
        birth = self.history.births[child]
        structure = self.history.child(child).structure
        levels = [getattr(node, "level", -1) for node in structure.nodes]
        skips = sum(levels[e.target] - levels[e.source] > 1 for e in structure.edges())
        noise = self.rng.gauss(0, 0.02)
        accuracy = min(max(0.3 + 0.5 * skips / (skips + 6) + noise, 0.0), 1.0)
        known = {
            "accuracy": accuracy,
            "macs": float(birth["macs"]),
            "latency": birth["macs"] / 1e6 * self.rng.uniform(0.9, 1.1) + len(structure),
        }
        return tuple(known[name] for name in self.options.objectives)

    def _learning(self, child: int) -> list[Edge]:
        weights = self.history.child(child).structure.weights()
        return [edge for edge, weight in weights.items() if weight is not None]


def evolved(
    children: int,
    *,
    population: int = 8,
    objectives: Sequence[str] = ("accuracy",),
    seed: int = 0,
    mishaps: bool = True,
    elites: int = 2,
    removal: str = "worst",
    **options: Any,
) -> Evolution:
    """An evolution of so many children; every 11th fails, every 13th is pruned, elites are judged
    three times."""
    found = EvolutionOptions(
        population=population,
        tournament=min(3, population),
        objectives=tuple(objectives),  # type: ignore[arg-type]
        removal=removal,  # type: ignore[arg-type]
        **options,
    )
    evolution = Evolution(found, seed)
    for number in range(children):
        young = number < population or not evolution.history.population.members
        child = evolution.found() if young else evolution.breed()
        if mishaps and number % 11 == 7:
            evolution.judge(child, state="failed")
            evolution.judge(child, state="failed", attempt=1, given_up=number % 2 == 0)
            if number % 2:
                evolution.judge(child, attempt=2)
        elif mishaps and number % 13 == 9:
            evolution.judge(child, state="pruned")
        else:
            evolution.judge(child)
        if number % 10 == 9:
            for member in evolution.history.population.members[:elites]:
                if member.evaluations < 3:
                    evolution.judge(member.number, evaluation=member.evaluations)
    if mishaps and children > 3:
        evolution.judge(0, state="running", evaluation=7)
    return evolution
