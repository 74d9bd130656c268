"""Keeps a fixed number of inputs a block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connsearch.errors import SettingsError
from connsearch.graph.spec import Edge, Structure
from connsearch.pruning.criteria import CRITERIA
from connsearch.pruning.scores import scored_inputs, unweighted


@CRITERIA.register("top_k")
@dataclass(frozen=True)
class TopK:
    """Keeps the ``k`` strongest inputs of each block; of equal ones, those listed first.

    Inputs of coefficient 1 stay and take their places among the ``k`` first.
    """

    k: int = 2

    def __post_init__(self) -> None:
        if isinstance(self.k, float) or self.k < 1:
            raise SettingsError(
                f"criterion top_k: `k` is a whole number of inputs, at least 1; read {self.k!r}"
            )

    def __call__(self, structure: Structure, scores: Mapping[Edge, float]) -> frozenset[Edge]:
        """Returns the ``k`` strongest inputs of every block."""
        fixed = unweighted(structure)
        keep = set(fixed)
        for index, inputs in scored_inputs(structure, scores):
            places = max(0, self.k - sum(edge.target == index for edge in fixed))
            keep.update(sorted(inputs, key=inputs.__getitem__, reverse=True)[:places])
        return frozenset(keep)
