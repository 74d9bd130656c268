"""The cupboard of pruning criteria: one file each says which connections stay.

A criterion is a small frozen value. Called with a structure and the post-sigmoid scores of its
connections it returns the keep-set. A connection without a weight (coefficient 1) is always kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from connsearch.graph.spec import Edge, Structure
from connsearch.registry import Registry


class Criterion(Protocol):
    """The contract of every criterion: no side effects, no randomness except its seed."""

    def __call__(self, structure: Structure, scores: Mapping[Edge, float]) -> frozenset[Edge]:
        """Returns the connections to keep, those without a weight among them.

        Raises:
            PruneError: a connection that learns has no score; nothing was searched yet.
        """
        ...


CRITERIA: Registry[Callable[..., Criterion]] = Registry("criterion", package=__name__)
