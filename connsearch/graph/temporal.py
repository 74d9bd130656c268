"""Which nodes have a temporal dilation that changes anything."""

from __future__ import annotations

from connsearch.graph.families import family
from connsearch.graph.spec import Block, Modality, Stem, Structure


def has_dilation(structure: Structure, node: Stem | Block) -> bool:
    """Returns whether a node of a structure has a temporal convolution.

    Object stems have no convolution at all, and flow stems of the full families no temporal one.
    Of the modules of a bottleneck block the second is the first with one.
    """
    kind = family(structure.family)
    if isinstance(node, Stem):
        lite = kind.stem == "lite"
        return node.modality is Modality.RGB or (lite and node.modality is Modality.FLOW)
    return kind.block != "bottleneck" or structure.network.blocks[node.level] > 1
