"""Which nodes have a temporal dilation that changes anything."""

from __future__ import annotations

from connsearch.graph.families import block_kind, stem_kind
from connsearch.graph.spec import Block, Stem, Structure


def has_dilation(structure: Structure, node: Stem | Block) -> bool:
    """Returns whether a node of a structure has a temporal convolution, by its kind's layers.

    Object stems have no convolution at all, and flow stems of the full families no temporal one.
    Of the modules of a bottleneck block the second is the first with one.
    """
    if isinstance(node, Stem):
        return stem_kind(structure, node).has_dilation(node.modality)
    settings = structure.network
    return block_kind(structure, node).has_dilation(
        node.filters,
        inner_width=settings.inner_widths[node.level],
        modules=settings.blocks[node.level],
    )
