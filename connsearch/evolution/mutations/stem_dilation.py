"""Another temporal dilation for a stem."""

from __future__ import annotations

from random import Random

from connsearch.evolution.dilations import redilated
from connsearch.evolution.limits import Limits
from connsearch.evolution.mutations import mutation
from connsearch.evolution.structure_editor import Offspring
from connsearch.graph.spec import Structure


@mutation("stem_dilation", "stem")
def stem_dilation(parent: Structure, rng: Random, limits: Limits) -> Offspring | None:
    """Returns the parent with another temporal dilation in a random stem that has one.

    Object stems have no convolution, and flow stems of the full families no temporal one.

    None where there is no such stem, or no other dilation is allowed.
    """
    return redilated(parent, (index for index, _ in parent.stems()), rng, limits)
