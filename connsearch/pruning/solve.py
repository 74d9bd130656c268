"""The strongest pruned network within a budget, counted or measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from connsearch.errors import SettingsError
from connsearch.graph.spec import Edge, Structure
from connsearch.pruning.budget import LATENCY, Budget, parse_budgets
from connsearch.pruning.options import PruneOptions
from connsearch.pruning.path import pruning_path
from connsearch.pruning.pruner import Pruned, prune_by
from connsearch.pruning.reached import Following, Reached, Solved, named_part, refusal
from connsearch.pruning.smallest import smallest
from connsearch.pruning.strength import Remainder, Remainders
from connsearch.pruning.strongest import StrongestSearch


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

STEP = 0.01
"""A latency is bisected until the MACs of the networks differ by less than this share."""


def within_budget(
    structure: Structure,
    options: PruneOptions,
    *,
    num_classes: int,
    clip: tuple[int, int, int],
    scores: Mapping[Edge, float] | None = None,
    measure: Measure | None = None,
) -> Solved:
    """Returns the strongest pruned network that satisfies every budget of the options.

    It is never weaker than the first on the path of :func:`~connsearch.pruning.path.pruning_path`
    that satisfies them. A latency is bisected over a limit of the MACs, assuming that both fall
    together; the answer is measured again, and if the median is not within the budget any more,
    the next smaller network is tried.

    Args:
        structure: with learned weights; percentages are of what it has.
        options: with one budget at least.
        num_classes: outputs of the classifier.
        clip: frames, height and width of one clip.
        scores: take the place of the learned weights.
        measure: measures a network; needed for a latency.

    Raises:
        SettingsError: budgets that no network was found to satisfy, with the range that can be
            reached. What can be counted is refused before anything is measured.
        PruneError: the structure was never searched.
    """
    space = Remainders(structure, options, num_classes, clip, scores)
    budgets = parse_budgets(options.budget)
    counted = [budget for budget in budgets if budget.quantity != LATENCY]
    latency = next((budget for budget in budgets if budget.quantity == LATENCY), None)
    solver = _Solver(space, scores)
    best = solver.strongest(counted)
    if best is None:
        raise unsatisfiable(structure, solver.refusals(counted))
    reached: dict[str, Reached] = {}
    if latency is not None:
        assert measure is not None, "a latency budget needs a function that measures"
        best, reached[LATENCY] = _Measured(solver, counted, latency, measure).solve(best)
    reached |= {b.quantity: solver.reached(b, best) for b in counted}
    pruned = solver.pruned(best)
    in_order = {b.quantity: reached[b.quantity] for b in budgets}
    return Solved(pruned, best.strength, in_order, solver.following(best, counted))


def prune_counted(
    structure: Structure,
    options: PruneOptions,
    *,
    num_classes: int,
    clip: tuple[int, int, int],
    scores: Mapping[Edge, float] | None = None,
    measured: str = "weight",
) -> Pruned:
    """Returns the structure pruned by the criterion, or within the counted budgets, of the options.

    Args:
        structure: with learned weights.
        options: with a criterion or budgets.
        num_classes: outputs of the classifier.
        clip: frames, height and width of one clip.
        scores: take the place of the learned weights.
        measured: what they are, for the provenance.

    Raises:
        SettingsError: see :func:`within_budget` and :func:`refuse_measured`.
        PruneError: see :func:`~connsearch.pruning.pruner.prune_by`.
    """
    refuse_measured(options)
    if not options.budget:
        return prune_by(structure, options, scores=scores, measured=measured)
    found = within_budget(structure, options, num_classes=num_classes, clip=clip, scores=scores)
    return found.pruned


def refuse_measured(options: PruneOptions) -> None:
    """Refuses budgets of a latency, where the same options have to keep the same connections.

    Raises:
        SettingsError: there is one.
    """
    for budget in parse_budgets(options.budget):
        if budget.quantity == LATENCY:
            raise SettingsError(
                f"--budget {budget}: a latency is measured; measured again, it may keep other "
                "connections\n"
                "  allowed here: macs, params and connections, which are counted\n"
                "  cure: one of them; or, for compare, connsearch prune RUN with this --budget, "
                "and its directory as --pruned"
            )


@dataclass(slots=True)
class _Solver:
    """One structure; answers for several budgets."""

    space: Remainders
    scores: Mapping[Edge, float] | None
    path: list[Remainder] = field(init=False)
    least: dict[str, Remainder] = field(init=False)

    def __post_init__(self) -> None:
        options = self.space.options
        members = pruning_path(
            self.space.structure,
            self.scores,
            mode=options.mode,
            peers_kept=options.peers,
            peer_only=options.peer_only,
        )
        found = (self.space.of(member.node_map, member.edges) for member in members)
        self.path = [member for member in found if member is not None]
        self.least = smallest(self.space, self.path)

    def strongest(self, budgets: Sequence[Budget]) -> Remainder | None:
        """Returns the strongest wiring within counted budgets; None where none was found."""
        return StrongestSearch(self.space, budgets, (*self.path, *self.least.values())).run()

    def pruned(self, best: Remainder) -> Pruned:
        budget = list(self.space.options.budget)
        return self.space.pruned(best, {"name": "budget", "budget": budget, "order": "strength"})

    def reached(self, budget: Budget, best: Remainder) -> Reached:
        name = budget.quantity
        limit, whole = budget.limit(self.space.whole[name]), self.space.whole[name]
        value, low = best.spent[name], self.least[name].spent[name]
        high = max(value, self.space.everything().spent[name])
        return Reached(str(budget), limit, value, whole, min(value, low), high)

    def refusals(self, budgets: Sequence[Budget]) -> list[str]:
        """Returns a line about each budget that is out of reach, or about all together."""
        lines = {b: refusal(self.reached(b, self.least[b.quantity])) for b in budgets}
        whole = self.space.whole
        missed = [
            b
            for b in budgets
            if not b.allows(self.least[b.quantity].spent[b.quantity], whole[b.quantity])
        ]
        if missed:
            return [lines[budget] for budget in missed]
        return [*lines.values(), "  each can be met, but no pruning was found that meets them all"]

    def following(self, best: Remainder, budgets: Sequence[Budget]) -> Following | None:
        """Returns what is least over the budgets among the wirings that have a part more."""
        whole = self.space.whole
        limits = {b.quantity: b.limit(whole[b.quantity]) for b in budgets}
        found: list[tuple[float, int, Remainder]] = []
        for larger in StrongestSearch(self.space, budgets).larger(best):
            over = max((larger.spent[q] / limit for q, limit in limits.items()), default=0.0)
            if over > 1:
                found.append((over, len(found), larger))
        if not found:
            return None
        _, _, larger = min(found)
        values = {q: larger.spent[q] for q in limits}
        over = {q: limit for q, limit in limits.items() if values[q] > limit}
        return Following(named_part(self.space.structure, best, larger), values, over)


@dataclass(slots=True)
class _Measured:
    """Networks measured as they are asked for."""

    solver: _Solver
    counted: Sequence[Budget]
    budget: Budget
    measure: Measure

    def solve(self, best: Remainder) -> tuple[Remainder, Reached]:
        """Returns the strongest network that is fast enough, measured twice.

        Args:
            best: the strongest within the other budgets.
        """
        slowest, whole, fits = self._look(best)
        fastest = slowest
        if not fits:
            least = self._least()
            fastest, whole, fits = self._look(least)
            if not fits:
                raise unsatisfiable(self.solver.space.structure, [self._refused(fastest, whole)])
            best = self._bisected(least, best)
        while True:
            found, whole, fits = self._look(best)  # again, in case the first time was luck
            if fits:
                low = min(fastest.seconds, found.seconds)
                high = max(slowest.seconds, found.seconds)
                limit = self.budget.limit(whole)
                reached = Reached(
                    str(self.budget), limit, found.seconds, whole, low, high, found.spread
                )
                return best, reached
            smaller = self._at_most(best.spent["macs"] - 1)
            if smaller is None:
                raise unsatisfiable(self.solver.space.structure, [self._refused(found, whole)])
            best = smaller

    def _bisected(self, fast: Remainder, slow: Remainder) -> Remainder:
        """The strongest that is fast enough of the networks between two, by a limit of the MACs."""
        low, high = fast.spent["macs"], slow.spent["macs"]
        while high - low > STEP * slow.spent["macs"]:
            middle = (low + high) // 2
            found = self._at_most(middle)
            if found is None or found.worth <= fast.worth:
                low = middle
            elif self._look(found)[2]:
                fast, low = found, middle
            else:
                high = found.spent["macs"]
        return fast

    def _at_most(self, macs: int) -> Remainder | None:
        """The strongest network within the other budgets and so many MACs."""
        if macs < 1:
            return None
        limit = Budget("macs", Decimal(macs), False, f"macs<={macs}")
        return self.solver.strongest([*self.counted, limit])

    def _least(self) -> Remainder:
        """The network of the fewest MACs within the other budgets."""
        wanted = [*self.solver.least.values(), *self.solver.path]
        whole = self.solver.space.whole
        within = [
            one
            for one in wanted
            if all(b.allows(one.spent[b.quantity], whole[b.quantity]) for b in self.counted)
        ]
        found = self.solver.strongest(self.counted)
        return min((*within, *([found] if found else [])), key=lambda one: one.spent["macs"])

    def _look(self, one: Remainder) -> tuple[Timing, float, bool]:
        """Measures one, and the whole just before it where the limit is a share of that."""
        space = self.solver.space
        whole = self.measure(space.structure).seconds if self.budget.share else float("nan")
        found = self.measure(self.solver.pruned(one).structure)
        return found, whole, self.budget.allows(found.seconds, whole)

    def _refused(self, smallest: Timing, whole: float) -> str:
        share = f", {smallest.seconds / whole:.1%} of the unpruned" if self.budget.share else ""
        return (
            f"  {self.budget}: the smallest network within the other budgets takes "
            f"{smallest.seconds * 1e3:.3g} ms{share} (measured here, spread {smallest.spread:.0%})"
        )


def unsatisfiable(structure: Structure, lines: Sequence[str]) -> SettingsError:
    """Returns the refusal of budgets that nothing meets."""
    return SettingsError(
        f"{structure.name}: no pruning is within the budget\n"
        + "\n".join(lines)
        + "\n  cure: a larger budget, or a smaller structure to search; the smallest network is "
        "a single path from a stem to a final node"
    )
