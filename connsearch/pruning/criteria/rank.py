"""Keeps the best part of each block's inputs, whatever the scale of their scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connsearch.errors import SettingsError
from connsearch.graph.spec import Edge, Structure
from connsearch.pruning.criteria import CRITERIA
from connsearch.pruning.scores import scored_inputs, unweighted


@CRITERIA.register("rank")
@dataclass(frozen=True)
class Rank:
    """Keeps the best ``share`` of each block's inputs, rounded, one at least.

    Only the order of the scores within a block counts, so any measure of importance will do. Of
    equal ones those listed first stay. Inputs of coefficient 1 stay and take the first places.
    """

    share: float = 0.5

    def __post_init__(self) -> None:
        if not 0.0 < self.share <= 1.0:
            raise SettingsError(
                f"criterion rank: `share` of a block's inputs is in (0, 1]; read {self.share!r}"
            )

    def __call__(self, structure: Structure, scores: Mapping[Edge, float]) -> frozenset[Edge]:
        """Returns the best ``share`` of the inputs of every block."""
        fixed = unweighted(structure)
        keep = set(fixed)
        for index, inputs in scored_inputs(structure, scores):
            first = sum(edge.target == index for edge in fixed)
            places = max(1, int(self.share * (first + len(inputs)) + 0.5)) - first
            keep.update(sorted(inputs, key=inputs.__getitem__, reverse=True)[: max(0, places)])
        return frozenset(keep)
