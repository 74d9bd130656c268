"""The next child: who its parent is and how it changes, drawn again until it may be trained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random

from connsearch.errors import Failure, SettingsError, StructureError
from connsearch.evolution.child import Child
from connsearch.evolution.history import History
from connsearch.evolution.initial import initial_structure
from connsearch.evolution.limits import Limits, kinds_of
from connsearch.evolution.options import EvolutionOptions
from connsearch.evolution.steps import Step, take
from connsearch.graph.cost import Cost, cost
from connsearch.graph.hashing import same_structure, structure_hash
from connsearch.graph.spec import Structure
from connsearch.pruning.budget import Budget, parse_budgets
from connsearch.seeds import derive

DRAWS = 1000
"""Children that are drawn for one that is new and within the budget."""

START, INITIAL = "start", "initial"
"""The name used instead of an operator if a child has no parent."""


class ExhaustedError(Failure):
    """No further child could be made that is new and within the budget."""


@dataclass(frozen=True)
class Space:
    """What is searched.

    Attributes:
        start: the structure everything begins with: settings, family, budgets, and the first child.
        limits: what no child may exceed.
        classes: outputs of the classifier.
        clip: frames, height and width that multiply-accumulates are counted for.
        budgets: what a child may cost.
    """

    start: Structure
    limits: Limits
    classes: int
    clip: tuple[int, int, int]
    budgets: tuple[Budget, ...] = ()

    @classmethod
    def of(
        cls,
        start: Structure,
        options: EvolutionOptions,
        *,
        classes: int,
        clip: tuple[int, int, int],
    ) -> Space:
        """Returns the space around a structure that the options describe.

        Raises:
            SettingsError: the structure itself is above a budget and is to be the first child; or
                blocks are to change their kind, and there is only one.
        """
        limits = limits_of(start, options)
        space = cls(start, limits, classes, clip, parse_budgets(options.budget))
        if options.include_start:
            over = space.over_budget(start, space.cost(start))
            if over is not None:
                raise SettingsError(
                    f"{start.name}: the start structure itself is above the budget {over}\n"
                    "  cure: a larger --budget, or --no-include-start"
                )
        return space

    def cost(self, structure: Structure) -> Cost:
        """Returns what a structure costs, by arithmetic."""
        return cost(structure, num_classes=self.classes, clip=self.clip)

    def over_budget(self, structure: Structure, price: Cost) -> Budget | None:
        """Returns the first budget a structure is above, or None."""
        if not self.budgets:
            return None
        whole = self._quantities(self.start, self.cost(self.start))
        found = self._quantities(structure, price)
        for budget in self.budgets:
            if not budget.allows(found[budget.quantity], whole[budget.quantity]):
                return budget
        return None

    @staticmethod
    def _quantities(structure: Structure, price: Cost) -> Mapping[str, int]:
        connections = len(structure.edges())
        return {"macs": price.macs, "params": price.parameters, "connections": connections}


def limits_of(start: Structure, options: EvolutionOptions) -> Limits:
    """Returns what the children of a structure may not exceed.

    Raises:
        SettingsError: blocks are to change their kind, and there is only one.
    """
    kinds: set[str] = set()
    if options.mutates("kind"):
        kinds = {*kinds_of(start), *options.kinds}
        if len(kinds) == 1:
            raise SettingsError(
                f"{start.name}: the mutation kind has no effect, because all blocks are of kind "
                f"{next(iter(kinds))}\n"
                "  cure: name further kinds with --kinds, or leave kind out of --operators"
            )
    return Limits.of(
        start,
        most_blocks=options.most_blocks,
        most_stems=options.most_stems,
        posts=options.posts if options.mutates("post") else (),
        kinds=kinds,
    )


def propose(
    history: History, options: EvolutionOptions, space: Space, *, number: int, seed: int
) -> Child:
    """Returns the child of a number: new, valid and within the budget.

    It follows from the population, the seed and the number alone. Refused candidates are
    counted in the child.

    Raises:
        ExhaustedError: no such child was found.
    """
    refused: Counter[str] = Counter()
    for draw in range(DRAWS):
        rng = Random(derive(seed, "birth", number, draw))
        structure, parents, steps = _draw(history, options, space, number, rng)
        if structure is None:
            refused["unchanged"] += 1
            continue
        try:
            price = space.cost(structure)
        except StructureError:  # a kind of block cannot have such inputs
            refused["impossible"] += 1
            continue
        if space.over_budget(structure, price) is not None:
            refused["over budget"] += 1
            continue
        digest = structure_hash(structure)
        alike = (history.child(n).structure for n in history.hashes.get(digest, ()))
        if any(same_structure(structure, other) for other in alike):
            refused["duplicate"] += 1
            continue
        return Child(
            number=number,
            structure=replace(structure, name=f"{space.start.name}-{number}"),
            parents=parents,
            steps=steps,
            hash=digest,
            macs=price.macs,
            parameters=price.parameters,
            refused=dict(refused),
        )
    counts = ", ".join(f"{count} {reason}" for reason, count in sorted(refused.items()))
    raise ExhaustedError(
        f"child {number}: of {DRAWS} structures drawn, none is new and within budget ({counts})\n"
        "  cure: a larger --budget, more --mutations, or fewer --rounds; the space may be exhausted"
    )


def _draw(
    history: History, options: EvolutionOptions, space: Space, number: int, rng: Random
) -> tuple[Structure | None, tuple[int, ...], tuple[Step, ...]]:
    if number == 0 and options.include_start:
        return space.start, (), (Step(START, 0),)
    founding = number < options.population or not history.population.members
    if founding or options.strategy == "random":
        step = Step(INITIAL, _seed(rng))
        return initial_structure(space.start, space.limits, Random(step.seed)), (), (step,)
    parent = history.population.tournament(options.drawn, rng).number
    structure, steps = _mutated(history.learned(parent), options, space.limits, rng)
    return (structure if steps else None), (parent,), steps


def _mutated(
    parent: Structure, options: EvolutionOptions, limits: Limits, rng: Random
) -> tuple[Structure, tuple[Step, ...]]:
    """The wiring step, then none to some mutations of nodes; those that change nothing are left."""
    names = [] if options.wiring is None else [options.wiring]
    names += [rng.choice(options.operators) for _ in range(rng.randint(0, options.mutations))]
    structure, steps = parent, list[Step]()
    for name in names:
        step = Step(name, _seed(rng))
        offspring = take(structure, step, limits)
        if offspring is not None:
            structure = offspring.structure
            steps.append(step)
    return structure, tuple(steps)


def _seed(rng: Random) -> int:
    return rng.getrandbits(32)
