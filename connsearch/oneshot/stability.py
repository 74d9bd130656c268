"""How similarly two moments of a search rank the inputs of every block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from connsearch.models.structure import Network


@dataclass(frozen=True, slots=True)
class Ranking:
    """The learned logits of the inputs of every block, in input order: what ranks them."""

    logits: Mapping[int, tuple[float, ...]]

    @classmethod
    def of(cls, network: Network) -> Ranking:
        """Returns the current ranking."""
        found: dict[int, list[float]] = {}
        for edge, logit in network.connection_logits().items():
            found.setdefault(edge.target, []).append(float(logit))
        return cls({target: tuple(logits) for target, logits in found.items()})

    def to_json(self) -> dict[str, list[float]]:
        """Returns it as JSON values."""
        return {str(target): list(logits) for target, logits in self.logits.items()}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Ranking:
        """Returns what :meth:`to_json` gave."""
        return cls({int(target): tuple(logits) for target, logits in found.items()})


def agreement(a: Ranking, b: Ranking) -> float:
    """Returns Kendall's tau between two rankings, within blocks only: 1 is the same order.

    All pairs of inputs of one block count equally, whatever the block; ties agree with nothing.
    """
    pairs = [
        (a.logits[t][i], a.logits[t][j], b.logits[t][i], b.logits[t][j])
        for t in a.logits
        for i, j in combinations(range(len(a.logits[t])), 2)
    ]
    if not pairs:
        return 1.0
    return sum(_sign(p) for p in pairs) / len(pairs)


def _sign(pair: Sequence[float]) -> int:
    a, b, c, d = pair
    return ((a > b) - (a < b)) * ((c > d) - (c < d))
