"""What came of budgets: what was reached, what could be, and what stood next."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connsearch.graph.spec import Stem, Structure
from connsearch.pruning.pruner import Pruned
from connsearch.pruning.scores import name_edges
from connsearch.pruning.strength import Remainder

ENOUGH = 0.9
"""A result that uses less of every budget than this is said, with the reason."""


@dataclass(frozen=True, slots=True)
class Reached:
    """One budget and what came of it.

    Attributes:
        budget: as it was read.
        limit: the largest value allowed: operations, parameters, connections or seconds.
        value: what the pruned network has.
        whole: what the unpruned network has.
        smallest: the smallest value found (latency: of the networks that were measured).
        largest: the largest: that of the network with every connection.
        spread: of the measurement that confirmed a latency; None for what is counted.
    """

    budget: str
    limit: float
    value: float
    whole: float
    smallest: float
    largest: float
    spread: float | None = None

    @property
    def used(self) -> float:
        """The reached share of the limit."""
        return self.value / self.limit


@dataclass(frozen=True, slots=True)
class Following:
    """The next larger network: the cheapest that has something more than the result.

    Attributes:
        what: it has more, in words.
        values: by quantity that is limited, what it has.
        over: by quantity, the limit that it is over; latency is not measured for it.
    """

    what: str
    values: Mapping[str, int]
    over: Mapping[str, float]

    def __str__(self) -> str:
        """Returns why it is not the result, in one sentence."""
        reasons = (
            f"{self.values[name]:,} {name}, over {counted(limit)}"
            for name, limit in self.over.items()
        )
        return f"with {self.what} it would have {' and '.join(reasons)}"


@dataclass(frozen=True, slots=True)
class Solved:
    """A pruning within its budgets.

    Attributes:
        pruned: the strongest pruned network that was found within all of them.
        strength: part of what the head hears that is left, in [0, 1]; see ``pruning.strength``.
        reached: by quantity, every budget with what was reached and what could have been.
        following: what stood next; None where nothing is missing, or only a latency forbids it.
    """

    pruned: Pruned
    strength: float
    reached: Mapping[str, Reached]
    following: Following | None

    @property
    def far_under(self) -> bool:
        """Whether less than nine tenths of every limit are used, though something is missing."""
        small = all(found.used < ENOUGH for found in self.reached.values())
        return small and bool(self.pruned.removed)


def named_part(structure: Structure, before: Remainder, after: Remainder) -> str:
    """Returns what the larger of two wirings has more, in words."""
    nodes = sorted(after.nodes - before.nodes)
    edges = [edge for edge in structure.edges() if edge in after.edges - before.edges]
    if not nodes:
        return f"connection {name_edges(edges)}"
    named = ", ".join(f"node {node} ({_kind(structure, node)})" for node in nodes)
    count = f"{len(edges)} connection" + ("s" if len(edges) != 1 else "")
    return f"{named} and its {count}" if edges else f"{named} as a peer"


def _kind(structure: Structure, index: int) -> str:
    node = structure.nodes[index]
    return node.modality.value if isinstance(node, Stem) else f"block of level {node.level}"


def refusal(found: Reached) -> str:
    """Returns the line about a counted budget that nothing meets."""
    small, large = (f"{value / found.whole:.1%}" for value in (found.smallest, found.largest))
    return (
        f"  {found.budget}: at most {counted(found.limit)}; reachable: "
        f"{found.smallest:,} ({small}) to {found.largest:,} ({large} of the unpruned)"
    )


def counted(value: float) -> str:
    """Returns a number of things as people read it; a limit between two is that of the lower one.

    >>> counted(125448729.6), counted(20)
    ('125,448,729', '20')
    """
    return f"{math.floor(value + 1e-6):,}"


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
