"""An evolution as its pictures, tables and report tell it, and its numbers as people read them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connsearch.evolution.history import History
from connsearch.evolution.objectives import OBJECTIVES
from connsearch.evolution.options import EvolutionOptions
from connsearch.evolution.proposal import START, limits_of
from connsearch.evolution.review.block_changes import BlockChange, block_changes
from connsearch.evolution.review.children import Entry, Mishap, best_children, children_of, mishaps
from connsearch.evolution.review.lineage import operators_of, parent_of
from connsearch.evolution.review.operator_stats import Yield, operator_yield
from connsearch.evolution.review.survival import Mix, mixes, switch_yield
from connsearch.evolution.review.trajectory import (
    Diversity,
    Round,
    diversity,
    initial_rounds,
    rounds,
)
from connsearch.view.structures.tables import short


@dataclass(frozen=True)
class Story:
    """Everything that is told of an evolution, counted once.

    Attributes:
        history: of the study.
        options: of the study.
        title: what stands above its pictures.
        rounds: in order.
        initial: rounds before the first child of a parent.
        yields: one an operator.
        diversity: one a round.
        entries: one a child, by number.
        mishaps: evaluations that failed.
        best: the best child, or the front, best first; empty where nobody was judged.
        changes: of each child with a new post or kind of a block, what changed.
        switches: one a change of a post or kind.
        mixes: posts and kinds of blocks, by generation, in the population and of the best; empty
            where neither may change.
    """

    history: History
    options: EvolutionOptions
    title: str
    rounds: Sequence[Round]
    initial: int
    yields: Sequence[Yield]
    diversity: Sequence[Diversity]
    entries: Mapping[int, Entry]
    mishaps: Sequence[Mishap]
    best: Sequence[int]
    changes: Mapping[int, Sequence[BlockChange]]
    switches: Sequence[Yield]
    mixes: Sequence[Mix]

    @classmethod
    def of(cls, history: History, options: EvolutionOptions, *, title: str) -> Story:
        """Returns what can be told of a study now."""
        told, best = rounds(history), best_children(history)
        limits = limits_of(history.start, options)
        found = {number: block_changes(history, number, limits) for number in history.births}
        changes = {number: changed for number, changed in found.items() if changed}
        return cls(
            history=history,
            options=options,
            title=title,
            rounds=told,
            initial=initial_rounds(history, told),
            yields=operator_yield(history, told),
            diversity=diversity(history, told),
            entries={entry.number: entry for entry in children_of(history)},
            mishaps=mishaps(history),
            best=best,
            changes=changes,
            switches=switch_yield(history, changes, told),
            mixes=mixes(history, best) if limits.posts or limits.kinds else (),
        )

    @property
    def objectives(self) -> tuple[str, ...]:
        """What counts, in the order of the study's values."""
        return self.options.objectives

    @property
    def start(self) -> int | None:
        """The child that is the structure the evolution started from, if it was judged."""
        for number, entry in self.entries.items():
            if entry.operators == (START,) and entry.values is not None:
                return number
        return None

    @property
    def winner(self) -> int | None:
        """Of the best, the first in the first objective; None where nobody was judged."""
        sign = self.history.signs[0]
        return max(self.best, key=lambda n: (sign * (self.value(n) or 0.0), -n), default=None)

    def value(self, number: int, objective: int = 0) -> float | None:
        """Returns the mean of a child's evaluations; None where it has none."""
        values = self.entries[number].values
        return None if values is None else values[objective]

    def labelled(self, number: int) -> str:
        """Returns a child and its worth in the first objective, such as ``#12 .734``."""
        value = self.value(number)
        return f"#{number}" if value is None else f"#{number} {worth(self.objectives[0], value)}"

    def steps(self, number: int) -> str:
        """Returns the operators that made a child, with how often, such as ``guided, split ×2``."""
        found = Counter(operators_of(self.history, number))
        return ", ".join(f"{name} ×{n}" if n > 1 else name for name, n in found.items())

    def changed(self, number: int) -> str:
        """Returns which posts and kinds of a child's blocks changed, in words; empty: none."""
        return "; ".join(map(str, self.changes.get(number, ())))

    def rank(self, number: int) -> float | None:
        """Returns where a child lies between the worst (0) and the best (1) in the first objective.

        None where it was not judged; 1 where all are alike.
        """
        value, sign = self.value(number), self.history.signs[0]
        if value is None:
            return None
        known = [sign * e.values[0] for e in self.entries.values() if e.values is not None]
        low, high = min(known), max(known)
        return (sign * value - low) / (high - low) if high > low else 1.0

    def came(self, number: int) -> str:
        """Returns how a child came to be: by which operators, of whom."""
        parent = parent_of(self.history, number)
        made = self.steps(number)
        if parent is None:
            return "the start" if made == START else f"founder ({made})"
        return f"{made} of #{parent}"


def worth(objective: str, value: float) -> str:
    """Returns a value of an objective as briefly as people say it.

    >>> worth("accuracy", 0.7341), worth("accuracy", 1.0), worth("macs", 12_345_678.0)
    ('.734', '1.000', '12.3 M')
    """
    found = OBJECTIVES[objective]
    if found.style == "count":
        return short(round(value))
    if found.style == "measure":
        return f"{value:.3g} {found.unit}"
    text = f"{value:.3f}"
    return text.removeprefix("0") if text.startswith("0.") else text


def counted_children(count: int) -> str:
    """Returns a count with its noun.

    >>> counted_children(1), counted_children(3)
    ('1 child', '3 children')
    """
    return f"{count:,} {'child' if count == 1 else 'children'}"


def direction(objective: str) -> str:
    """Returns the title of an axis that says which way is better."""
    found = OBJECTIVES[objective]
    return found.label if found.higher else f"{found.label} (less is better)"
