"""The published baseline of the guided step: the same change of wiring, without looking."""

from __future__ import annotations

from random import Random

from connsearch.evolution.limits import Limits
from connsearch.evolution.mutations import mutation
from connsearch.evolution.structure_editor import Offspring
from connsearch.evolution.wiring import rewired
from connsearch.graph.spec import Structure

SHARE = 1 / 3
"""About what guiding changes, as published."""


@mutation("uniform", "wiring", setting="share")
def uniform(
    parent: Structure, rng: Random, limits: Limits, *, share: float = SHARE
) -> Offspring | None:
    """Returns the parent with each connection removed with probability ``share``, others added.

    Mending brings removed connections back as in the guided step, but random ones. How many new
    ones come, and when their number is not kept in expectation, :func:`rewired` says.

    None where the very same connections come out, for instance where none is removed.
    """
    worth = {edge: rng.random() for edge in sorted(parent.edges())}
    kept = [edge for edge in sorted(worth) if rng.random() >= share]
    return rewired(parent, kept, worth, rng)
