"""Another temporal dilation for a block."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from connsearch.evolve.draft import Draft, Mutant
from connsearch.evolve.limits import Limits
from connsearch.evolve.mutations import mutation
from connsearch.graph.families import family
from connsearch.graph.spec import Structure


@mutation("dilation", "block")
def dilation(parent: Structure, rng: Random, limits: Limits) -> Mutant | None:
    """Returns the parent with another temporal dilation in a random block.

    A bottleneck block of a single module has no temporal convolution: another dilation would make
    a structure of another name and the same network, so such blocks do not take part.

    None where no block has a temporal convolution, or no other dilation is allowed.
    """
    draft = Draft(parent)
    fewest = 2 if family(parent.family).block == "bottleneck" else 1
    found = [n for n in draft.blocks() if parent.network.blocks[draft.level(n)] >= fewest]
    changes = {
        name: [d for d in limits.dilations if d != draft.block(name).temporal_dilation]
        for name in found
    }
    able = [name for name in found if changes[name]]
    if not able:
        return None
    name = rng.choice(able)
    chosen = rng.choice(changes[name])
    draft.nodes[name] = replace(draft.block(name), temporal_dilation=chosen)
    return draft.finish()
