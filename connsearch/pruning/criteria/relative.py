"""Keeps what is strong relative to the other inputs of its block: the default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connsearch.errors import SettingsError
from connsearch.graph.spec import Edge, Structure
from connsearch.pruning.criteria import CRITERIA
from connsearch.pruning.scores import scored_inputs, unweighted


@CRITERIA.register("relative")
@dataclass(frozen=True)
class Relative:
    """Keeps, in each block, the inputs with at least ``share`` of its strongest weight.

    Every block keeps an input: where no score is above 0, the strongest and its equals (an
    importance measured in another way may be 0 or below). A factor common to all weights of a
    block changes nothing, as it changes nothing in the network either: the block's batch
    normalisation absorbs it.
    """

    share: float = 0.7

    def __post_init__(self) -> None:
        if not 0.0 < self.share <= 1.0:
            raise SettingsError(
                "criterion relative: `share` of a block's strongest weight is in (0, 1]; "
                f"read {self.share!r}"
            )

    def __call__(self, structure: Structure, scores: Mapping[Edge, float]) -> frozenset[Edge]:
        """Returns the inputs of at least ``share`` times the block's strongest score."""
        keep = set(unweighted(structure))
        for _, inputs in scored_inputs(structure, scores):
            strongest = max(inputs.values(), default=0.0)
            least = self.share * strongest if strongest > 0 else strongest
            keep.update(e for e, score in inputs.items() if score >= least)
        return frozenset(keep)
