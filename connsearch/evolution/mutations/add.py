"""One more connection."""

from __future__ import annotations

from random import Random

from connsearch.evolution.draft import Draft, Mutant
from connsearch.evolution.limits import Limits
from connsearch.evolution.mutations import mutation
from connsearch.graph.spec import Structure


@mutation("add", "connection")
def add(parent: Structure, rng: Random, limits: Limits) -> Mutant | None:
    """Returns the parent with one more legal connection; None where it has them all."""
    draft = Draft(parent)
    unused = draft.unused()
    if not unused:
        return None
    draft.connect(rng.choice(unused))
    return draft.finish()
