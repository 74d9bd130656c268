"""Two blocks become a wider one."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from random import Random

from connsearch.evolution.draft import Draft, Mutant
from connsearch.evolution.limits import Limits
from connsearch.evolution.mutations import mutation
from connsearch.graph.spec import FREE, Edge, Filters, Structure, Weight


@mutation("merge", "block")
def merge(parent: Structure, rng: Random, limits: Limits) -> Mutant | None:
    """Returns the parent with two random blocks of one level, stride and kind as one.

    It has the connections of both, the sum of their filters and the dilation of one of them. Of a
    connection that both had the stronger weight stays: coefficient 1 before any learned weight,
    and a learned one before one that nobody has learned.

    None where no two blocks of a level have the same stride and kind, or the final blocks, which
    the head averages, would no longer be equally wide.
    """
    draft = Draft(parent)
    pairs = [pair for pair in combinations(draft.blocks(), 2) if _can_merge(draft, *pair)]
    if not pairs:
        return None
    pair = rng.choice(pairs)
    first, second = map(draft.block, pair)
    chosen = rng.choice((first, second)).temporal_dilation
    merged = replace(first, filters=_together(draft, *pair), temporal_dilation=chosen)
    one = draft.add(merged, pair)
    for edge, weight in list(draft.weights.items()):
        moved = Edge(*(one if node in pair else node for node in edge))
        if moved != edge:
            both = moved in draft.weights
            draft.connect(moved, _stronger(draft.weights[moved], weight) if both else weight)
    for name in pair:
        draft.remove(name)
    return draft.finish()


def _can_merge(draft: Draft, a: int, b: int) -> bool:
    one, two = draft.block(a), draft.block(b)
    if one.level != two.level or one.spatial_stride != two.spatial_stride:
        return False
    if draft.kind(a) is not draft.kind(b):
        return False
    if one.level != draft.top or draft.one_final:
        return True
    width = draft.kind(a).width(_together(draft, a, b))
    return all(draft.width(n) == width for n in draft.blocks(one.level) if n not in (a, b))


def _together(draft: Draft, a: int, b: int) -> Filters:
    """The sum of two blocks' filters."""
    return draft.kind(a).filters.zipped(int.__add__, draft.block(a).filters, draft.block(b).filters)


def _stronger(a: Weight, b: Weight) -> Weight:
    if a is None or b is None:
        return None
    if a == FREE or b == FREE:
        return b if a == FREE else a
    return max(a, b)
