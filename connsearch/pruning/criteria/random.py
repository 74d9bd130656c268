"""Keeps connections at random: the baseline that any other criterion has to beat."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from connsearch.errors import PruneError, SettingsError
from connsearch.graph.space import random_wiring
from connsearch.graph.spec import Attention, Edge, Structure
from connsearch.pruning.closure import close
from connsearch.pruning.criteria import CRITERIA
from connsearch.pruning.scores import unweighted

THINNINGS = 20
"""Tries to meet the number exactly."""


@CRITERIA.register("random")
@dataclass(frozen=True)
class Random:
    """Keeps ``number`` connections at random, or ``share`` of them where no number is given.

    Connections are removed one by one, each together with what it leaves without an input or a
    consumer, so that all that stay lie on a path from a stem to a final node and the pruned network
    has exactly that many; the next larger number where the wiring does not allow it. Needs no
    weights. The same ``seed`` keeps the same connections.
    """

    share: float = 0.5
    number: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0.0 < self.share <= 1.0:
            raise SettingsError(
                f"criterion random: `share` of the connections is in (0, 1]; read {self.share!r}"
            )
        if self.number is not None and (isinstance(self.number, float) or self.number < 1):
            raise SettingsError(
                "criterion random: `number` of connections is a whole number, at least 1; "
                f"read {self.number!r}"
            )
        if isinstance(self.seed, float):
            raise SettingsError(f"criterion random: `seed` is a whole number; read {self.seed!r}")

    def __call__(self, structure: Structure, scores: Mapping[Edge, float]) -> frozenset[Edge]:
        """Returns a random keep-set; the scores are ignored.

        Raises:
            PruneError: fewer connections lie on a path than ``number``.
        """
        every = _on_a_path(structure, frozenset(structure.edges()))
        number = max(1, round(self.share * len(every))) if self.number is None else self.number
        if number > len(every):
            raise PruneError(
                f"{structure.name}: criterion random cannot keep {number} connections: "
                f"{len(every)} lie on a path from a stem to a final node"
            )
        fixed = unweighted(structure)
        drawn = random_wiring(
            [edge for edge in structure.edges() if edge in every],
            random.Random(self.seed),
            number=number,
            fixed=fixed,
            living=lambda keep: _on_a_path(structure, keep),
            thinnings=THINNINGS,
        )
        return drawn | fixed


def _on_a_path(structure: Structure, keep: frozenset[Edge]) -> frozenset[Edge]:
    """The connections of ``keep`` on a path from a stem to a final node; peers do not count."""
    return close(structure.with_settings(attention=Attention.NONE), keep).edges
