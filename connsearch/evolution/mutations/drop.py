"""One connection fewer."""

from __future__ import annotations

from random import Random

from connsearch.evolution.draft import Draft, Mutant
from connsearch.evolution.limits import Limits
from connsearch.evolution.mutations import mutation
from connsearch.graph.spec import Structure


@mutation("drop", "connection")
def drop(parent: Structure, rng: Random, limits: Limits) -> Mutant | None:
    """Returns the parent without one connection; None where somebody depends on each."""
    draft = Draft(parent)
    removable = draft.removable()
    if not removable:
        return None
    draft.disconnect(rng.choice(removable))
    return draft.finish()
