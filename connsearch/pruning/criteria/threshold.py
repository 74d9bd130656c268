"""Keeps what is strong in absolute terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connsearch.errors import SettingsError
from connsearch.graph.spec import Edge, Structure
from connsearch.pruning.criteria import CRITERIA
from connsearch.pruning.scores import scored_inputs, unweighted


@CRITERIA.register("threshold")
@dataclass(frozen=True)
class Threshold:
    """Keeps connections of at least ``minimum``, a post-sigmoid weight in (0, 1).

    A block may lose all its inputs. Weights of different blocks are not on one scale (a factor
    common to a block's inputs is absorbed by its batch normalisation): ``relative`` is the default.
    """

    minimum: float = 0.5

    def __post_init__(self) -> None:
        if not 0.0 < self.minimum < 1.0:
            raise SettingsError(
                "criterion threshold: `minimum` is a post-sigmoid weight in (0, 1), "
                f"not a logit; read {self.minimum!r}"
            )

    def __call__(self, structure: Structure, scores: Mapping[Edge, float]) -> frozenset[Edge]:
        """Returns the connections whose score is at least ``minimum``."""
        return unweighted(structure) | {
            edge
            for _, inputs in scored_inputs(structure, scores)
            for edge, score in inputs.items()
            if score >= self.minimum
        }
