"""The step that connection learning guides: strong connections stay, others are drawn anew."""

from __future__ import annotations

from random import Random

from connsearch.evolution.limits import Limits
from connsearch.evolution.mutations import mutation
from connsearch.evolution.structure_editor import Offspring
from connsearch.evolution.wiring import rewired
from connsearch.graph.spec import Edge, Structure, as_number


@mutation("guided", "wiring", setting="threshold")
def guided(
    parent: Structure, rng: Random, limits: Limits, *, threshold: float | None = None
) -> Offspring | None:
    """Returns the parent with its strong connections, and random ones in place of the others.

    A connection of learned weight W stays if ``W > threshold``; without a threshold it stays with
    probability W (a uniform draw for each). Mending may bring a weak one back. How many new ones
    come, and when their number is not kept in expectation, :func:`rewired` says.

    None where the very same connections come out, for instance where all weights are 1.
    """
    strength = {edge: as_number(weight) for edge, weight in parent.weights().items()}
    return rewired(parent, survivors(strength, rng, threshold), strength, rng)


def survivors(strength: dict[Edge, float], rng: Random, threshold: float | None) -> list[Edge]:
    """Returns the connections that stay: above the threshold, or above a fresh draw each."""
    return [
        edge
        for edge in sorted(strength)
        if strength[edge] > (rng.random() if threshold is None else threshold)
    ]
