"""Another temporal dilation for a stem."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from connsearch.evolve.draft import Draft, Mutant
from connsearch.evolve.limits import Limits
from connsearch.evolve.mutations import mutation
from connsearch.graph.families import family
from connsearch.graph.spec import Modality, Structure


@mutation("stem_dilation", "stem")
def stem_dilation(parent: Structure, rng: Random, limits: Limits) -> Mutant | None:
    """Returns the parent with another temporal dilation in a random stem that has one.

    Object stems have no convolution, and flow stems of the full families no temporal one
    (:func:`connsearch.graph.hashing.node_facts` says the same): their dilation counts for nothing.

    None where no stem has one, or no other dilation is allowed.
    """
    draft = Draft(parent)
    lite = family(parent.family).stem == "lite"
    found = draft.stems(Modality.RGB) + (draft.stems(Modality.FLOW) if lite else [])
    changes = {
        name: [d for d in limits.dilations if d != draft.stem(name).temporal_dilation]
        for name in found
    }
    able = [name for name in found if changes[name]]
    if not able:
        return None
    name = rng.choice(able)
    chosen = rng.choice(changes[name])
    draft.nodes[name] = replace(draft.stem(name), temporal_dilation=chosen)
    return draft.finish()
