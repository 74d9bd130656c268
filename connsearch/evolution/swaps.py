"""A block in other kinds: what the mutation of kinds and the first structures share."""

from __future__ import annotations

from dataclasses import replace

from connsearch.evolution.limits import Limits
from connsearch.evolution.structure_editor import StructureEditor
from connsearch.graph.kinds import BLOCK_KINDS
from connsearch.graph.spec import Block


def swaps(editor: StructureEditor, name: int, limits: Limits) -> list[Block]:
    """Returns a block in every other allowed kind that can put out as many channels.

    One with a stride in time is made in kinds that carry it only. Whether a kind can have its
    inputs is not asked here.

    Args:
        editor: has the block.
        name: of the block.
        limits: say which kinds are allowed, and how few filters.
    """
    block, usual = editor.block(name), editor.usual_kind
    found: list[Block] = []
    for kind in (BLOCK_KINDS[other] for other in limits.kinds):
        if kind is editor.kind(name) or (block.temporal_stride > 1 and not kind.strides_time):
            continue
        filters = kind.filters_of(editor.width(name))
        if filters is not None and min(kind.filters.numbers(filters)) >= limits.narrowest:
            own = None if kind.name == usual else kind.name
            found.append(replace(block, kind=own, filters=filters))
    return found
