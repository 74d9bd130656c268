"""Two blocks become a wider one."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from random import Random

from connsearch.evolution.limits import Limits
from connsearch.evolution.mutations import mutation
from connsearch.evolution.structure_editor import Offspring, StructureEditor
from connsearch.graph.spec import FREE, Block, Edge, Filters, Structure, Weight


@mutation("merge", "block")
def merge(parent: Structure, rng: Random, limits: Limits) -> Offspring | None:
    """Returns the parent with two random blocks of one level that are alike as one.

    Alike are blocks of the same kind, with the same strides in space and time and the same after
    them (``post``). The new one has the connections of both, the sum of their filters and the
    dilation of one of them. Of a connection that both had the stronger weight stays: coefficient 1
    before any learned weight, and a learned one before one that is not learned. It has a temporal
    gate where both had one.

    None where no two blocks of a level are alike, or the final blocks, which the head averages,
    would no longer be equally wide.
    """
    editor = StructureEditor(parent)
    pairs = [pair for pair in combinations(editor.blocks(), 2) if _can_merge(editor, *pair)]
    if not pairs:
        return None
    pair = rng.choice(pairs)
    first, second = map(editor.block, pair)
    chosen = rng.choice((first, second)).temporal_dilation
    merged = replace(first, filters=_together(editor, *pair), temporal_dilation=chosen)
    one = editor.add(merged, pair)
    for edge, weight in list(editor.weights.items()):
        moved = Edge(*(one if node in pair else node for node in edge))
        if moved != edge:
            gated = edge in editor.gated
            if moved in editor.weights:
                weight = _stronger(editor.weights[moved], weight)
                gated = gated and moved in editor.gated
            editor.connect(moved, weight, gated=gated)
    for name in pair:
        editor.remove(name)
    return editor.finish()


def _can_merge(editor: StructureEditor, a: int, b: int) -> bool:
    one, two = editor.block(a), editor.block(b)
    if _must_agree(one) != _must_agree(two):
        return False
    if editor.kind(a) is not editor.kind(b):
        return False
    if one.level != editor.top or editor.one_final:
        return True
    width = editor.kind(a).width(_together(editor, a, b))
    return all(editor.width(n) == width for n in editor.blocks(one.level) if n not in (a, b))


def _must_agree(block: Block) -> tuple[object, ...]:
    return block.level, block.spatial_stride, block.temporal_stride, block.post


def _together(editor: StructureEditor, a: int, b: int) -> Filters:
    """The sum of two blocks' filters."""
    return editor.kind(a).filters.zipped(
        int.__add__, editor.block(a).filters, editor.block(b).filters
    )


def _stronger(a: Weight, b: Weight) -> Weight:
    if a is None or b is None:
        return None
    if a == FREE or b == FREE:
        return b if a == FREE else a
    return max(a, b)
