"""The least pruned network within a budget: the first on the path that keeps every limit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from connsearch.errors import SettingsError
from connsearch.graph.cost import cost
from connsearch.graph.spec import Edge, Structure
from connsearch.pruning.budget import LATENCY, Budget, parse_budgets
from connsearch.pruning.options import PruneOptions
from connsearch.pruning.path import pruning_path
from connsearch.pruning.pruner import Pruned


class Timing(Protocol):
    """The timing of a measured network."""

    @property
    def seconds(self) -> float:
        """Median of its passes."""
        ...

    @property
    def spread(self) -> float:
        """Interquartile range of its passes as a share of the median."""
        ...


Measure = Callable[[Structure], Timing]
"""Measures a network of a structure; called twice, it measures twice."""


@dataclass(frozen=True, slots=True)
class Reached:
    """One budget and what came of it.

    Attributes:
        budget: as it was read.
        limit: the largest value allowed: operations, parameters, connections or seconds.
        value: what the pruned network has.
        whole: what the unpruned network has.
        smallest: the smallest value on the path (latency: of the smallest network).
        largest: the largest value on it.
        spread: of the measurement that confirmed a latency; None for what is counted.
    """

    budget: str
    limit: float
    value: float
    whole: float
    smallest: float
    largest: float
    spread: float | None = None


@dataclass(frozen=True, slots=True)
class Solved:
    """A pruning within its budgets.

    Attributes:
        pruned: the least pruned member of the path that satisfies them.
        reached: by quantity, every budget with what was reached and what could have been.
        member: its place on the path; 0 is the first, with all connections.
        members: how many the path has.
    """

    pruned: Pruned
    reached: Mapping[str, Reached]
    member: int
    members: int


def within_budget(
    structure: Structure,
    options: PruneOptions,
    *,
    num_classes: int,
    clip: tuple[int, int, int],
    scores: Mapping[Edge, float] | None = None,
    measure: Measure | None = None,
) -> Solved:
    """Returns the least pruned network on the path that satisfies every budget of the options.

    Counted quantities are looked up for every member: if peers are kept or shapes derived again,
    they need not fall with every connection. Latency is bisected among the members within the
    other budgets, assuming that it falls along the path; the answer is measured again, and if the
    median is not within the budget any more, the next smaller member is tried.

    Args:
        structure: with learned weights; percentages are of what it has.
        options: with one budget at least.
        num_classes: outputs of the classifier.
        clip: frames, height and width of one clip.
        scores: take the place of the learned weights.
        measure: measures a network; needed for a latency.

    Raises:
        SettingsError: a budget no member satisfies, with the range that can be reached. What can be
            counted is refused before anything is measured.
        PruneError: the structure was never searched.
    """
    budgets = parse_budgets(options.budget)
    noted = {"name": "budget", "budget": list(options.budget), "order": "relative"}
    path = pruning_path(
        structure, scores, mode=options.mode, peers_kept=options.peers, criterion=noted
    )
    table = _Counts(structure, path, num_classes, clip)
    within = _counted(structure, [b for b in budgets if b.quantity != LATENCY], table)
    latency = next((b for b in budgets if b.quantity == LATENCY), None)
    reached: dict[str, Reached] = {}
    member = within[0]
    if latency is not None:
        assert measure is not None, "a latency budget needs a function that measures"
        member, reached[LATENCY] = _MeasuredMembers(structure, path, latency, measure).solve(within)
    for budget in budgets:
        if budget.quantity != LATENCY:
            reached[budget.quantity] = table.reached(budget, member)
    in_order = {b.quantity: reached[b.quantity] for b in budgets}
    return Solved(path[member], in_order, member, len(path))


class _Counts:
    """The counted quantities of every member, and of the whole."""

    def __init__(
        self,
        structure: Structure,
        path: Sequence[Pruned],
        num_classes: int,
        clip: tuple[int, int, int],
    ) -> None:
        def counted(one: Structure) -> dict[str, int]:
            found = cost(one, num_classes=num_classes, clip=clip)
            edges = len(one.edges())
            return {"macs": found.macs, "params": found.parameters, "connections": edges}

        self.whole = counted(structure)
        self.members = [counted(one.structure) for one in path]

    def allows(self, budget: Budget, member: int) -> bool:
        name = budget.quantity
        return budget.allows(self.members[member][name], self.whole[name])

    def reached(self, budget: Budget, member: int) -> Reached:
        name = budget.quantity
        values, whole = [found[name] for found in self.members], self.whole[name]
        limit = budget.limit(whole)
        return Reached(str(budget), limit, values[member], whole, min(values), max(values))


def _counted(structure: Structure, budgets: Sequence[Budget], table: _Counts) -> list[int]:
    """The members within all counted budgets, the least pruned first; at least one."""
    everyone = range(len(table.members))
    missed = [b for b in budgets if not any(table.allows(b, member) for member in everyone)]
    if missed:
        lines = [_refusal(table.reached(budget, 0)) for budget in missed]
        raise _unsatisfiable(structure, lines)
    within = [m for m in everyone if all(table.allows(budget, m) for budget in budgets)]
    if not within:
        lines = [_refusal(table.reached(budget, 0)) for budget in budgets]
        raise _unsatisfiable(
            structure, [*lines, "  each can be met, but no pruning meets them all"]
        )
    return within


@dataclass(slots=True)
class _MeasuredMembers:
    """Members measured as they are asked for."""

    structure: Structure
    path: Sequence[Pruned]
    budget: Budget
    measure: Measure

    def solve(self, candidates: Sequence[int]) -> tuple[int, Reached]:
        """Returns the least pruned of the candidates that is fast enough, measured twice."""
        smallest, whole, fits = self._look(candidates[-1])
        if not fits:
            raise _unsatisfiable(self.structure, [self._refused(smallest, whole)])
        largest, _, fits = self._look(candidates[0])
        low, high = (0, 0) if fits else (1, len(candidates) - 1)
        while low < high:  # candidates[high] fits, everything before low does not
            middle = (low + high) // 2
            low, high = (low, middle) if self._look(candidates[middle])[2] else (middle + 1, high)
        for member in candidates[high:]:
            found, whole, fits = self._look(
                member
            )  # measured again, in case the first time was luck
            if fits:
                return member, Reached(
                    budget=str(self.budget),
                    limit=self.budget.limit(whole),
                    value=found.seconds,
                    whole=whole,
                    smallest=min(smallest.seconds, found.seconds),
                    largest=max(largest.seconds, found.seconds),
                    spread=found.spread,
                )
        raise _unsatisfiable(self.structure, [self._refused(smallest, whole)])

    def _look(self, member: int) -> tuple[Timing, float, bool]:
        """Measures a member, and the whole just before it where the limit is a share of that."""
        whole = self.measure(self.structure).seconds if self.budget.share else float("nan")
        found = self.measure(self.path[member].structure)
        return found, whole, self.budget.allows(found.seconds, whole)

    def _refused(self, smallest: Timing, whole: float) -> str:
        share = f", {smallest.seconds / whole:.1%} of the unpruned" if self.budget.share else ""
        return (
            f"  {self.budget}: the smallest network within the other budgets takes "
            f"{smallest.seconds * 1e3:.3g} ms{share} (measured here, spread {smallest.spread:.0%})"
        )


def _refusal(found: Reached) -> str:
    shares = (f"{value / found.whole:.1%}" for value in (found.smallest, found.largest))
    small, large = shares
    return (
        f"  {found.budget}: at most {found.limit:,.10g}; reachable: "
        f"{found.smallest:,} ({small}) to {found.largest:,} ({large} of the unpruned)"
    )


def _unsatisfiable(structure: Structure, lines: Sequence[str]) -> SettingsError:
    return SettingsError(
        f"{structure.name}: no pruning is within the budget\n"
        + "\n".join(lines)
        + "\n  cure: a larger budget, or a smaller structure to search; the smallest network is "
        "the strongest path from a stem to a final node"
    )


def describe_reached(reached: Mapping[str, Reached]) -> dict[str, Any]:
    """Returns what was reached as JSON values; a latency is in seconds."""
    return {
        name: {
            "budget": found.budget,
            "limit": found.limit,
            "value": found.value,
            "whole": None if found.whole != found.whole else found.whole,
            "smallest": found.smallest,
            "largest": found.largest,
            **({} if found.spread is None else {"spread": found.spread}),
        }
        for name, found in reached.items()
    }
