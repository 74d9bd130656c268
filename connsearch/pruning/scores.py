"""What a criterion looks at: the scored inputs of every block, or a complaint."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from connsearch.errors import PruneError
from connsearch.graph.spec import FREE, Edge, Structure


def learned_weights(structure: Structure) -> dict[Edge, float]:
    """Returns the post-sigmoid weights a search has left, in connection order.

    Free connections and those with coefficient 1 are absent.
    """
    return {e: float(w) for e, w in structure.weights().items() if w is not None and w != FREE}


def unweighted(structure: Structure) -> frozenset[Edge]:
    """Returns the connections of coefficient 1: nothing to compare, so they always stay."""
    return frozenset(edge for edge, weight in structure.weights().items() if weight is None)


def scored_inputs(
    structure: Structure, scores: Mapping[Edge, float]
) -> Iterator[tuple[int, dict[Edge, float]]]:
    """Yields (block, its scored inputs in input order); inputs of coefficient 1 are left out.

    Raises:
        PruneError: connections without a score, or a score that is not a number; names them.
    """
    check_scores(structure, scores)
    for index, block in structure.blocks():
        edges = [Edge(c.source, index) for c in block.connections if c.weight is not None]
        yield index, {edge: scores[edge] for edge in edges}


def check_scores(structure: Structure, scores: Mapping[Edge, float]) -> None:
    """Refuses to start when a connection that has a weight to learn has no usable score.

    Raises:
        PruneError: connections without a score, or a score that is not a number; names them.
    """
    weights = structure.weights()
    missing = [e for e, weight in weights.items() if weight is not None and e not in scores]
    if any(weights[edge] == FREE for edge in missing):
        raise PruneError(
            f"{structure.name}: {len(missing)} of {len(weights)} connections were never searched, "
            f"their weights are free: {name_edges(missing)}\n"
            "  allowed: post-sigmoid weights in [0, 1]\n"
            "  cure: run the search first and prune its result (--criterion random needs "
            "no weights)"
        )
    if missing:
        raise PruneError(
            f"{structure.name}: no score for {name_edges(missing)}\n"
            "  allowed: one score for every connection that has a weight"
        )
    broken = [edge for edge, score in scores.items() if math.isnan(score)]
    if broken:
        raise PruneError(
            f"{structure.name}: the score of {name_edges(broken)} is not a number\n"
            "  cure: check the search; a NaN weight means that it diverged"
        )


def name_edges(edges: Sequence[Edge], most: int = 8) -> str:
    """Returns the connections as people read them, the first ``most`` of them.

    >>> name_edges([Edge(0, 4), Edge(2, 9)])
    '0->4, 2->9'
    """
    return named([f"{edge.source}->{edge.target}" for edge in edges], most)


def named(names: Sequence[str], most: int = 8) -> str:
    """Returns the first ``most`` of some names, and how many more there are.

    >>> named(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    shown = ", ".join(names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")
