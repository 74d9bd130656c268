"""Another temporal dilation for a block."""

from __future__ import annotations

from random import Random

from connsearch.evolution.dilations import redilated
from connsearch.evolution.limits import Limits
from connsearch.evolution.mutations import mutation
from connsearch.evolution.structure_editor import Offspring
from connsearch.graph.spec import Structure


@mutation("dilation", "block")
def dilation(parent: Structure, rng: Random, limits: Limits) -> Offspring | None:
    """Returns the parent with another temporal dilation in a random block that has one.

    A bottleneck block of a single module has no temporal convolution and does not take part.

    None where there is no such block, or no other dilation is allowed.
    """
    return redilated(parent, (index for index, _ in parent.blocks()), rng, limits)
