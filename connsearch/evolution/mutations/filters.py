"""Filters move from one block to another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations
from random import Random

from connsearch.evolution.draft import Draft, Mutant
from connsearch.evolution.filters import entries, zipped
from connsearch.evolution.limits import Limits
from connsearch.evolution.mutations import mutation
from connsearch.graph.spec import Filters, Structure


@mutation("filters", "block")
def filters(parent: Structure, rng: Random, limits: Limits) -> Mutant | None:
    """Returns the parent with a quarter or a half of one block's filters in another of its level.

    At least one filter moves, of a triple one of each entry. A move after which the two have only
    exchanged their numbers does not count.

    None where no block can give any: alone in its level, too narrow, or final beside others, all
    of which the head wants equally wide.
    """
    draft = Draft(parent)
    moves = list(_moves(draft, limits))
    if not moves:
        return None
    giver, taker, given, taken = rng.choice(moves)
    draft.nodes[giver] = replace(draft.block(giver), filters=given)
    draft.nodes[taker] = replace(draft.block(taker), filters=taken)
    return draft.finish()


def _moves(draft: Draft, limits: Limits) -> Iterator[tuple[int, int, Filters, Filters]]:
    """Every giver and taker with what they have afterwards."""
    averaged = None if draft.one_final else draft.top
    for giver, taker in permutations(draft.blocks(), 2):
        if draft.level(giver) != draft.level(taker) or draft.level(giver) == averaged:
            continue
        before, other = draft.block(giver).filters, draft.block(taker).filters
        for part in (4, 2):
            amount = zipped(lambda n, part=part: max(1, n // part), before)
            given = zipped(int.__sub__, before, amount)
            taken = zipped(int.__add__, other, amount)
            if min(entries(given)) >= limits.narrowest and given != other:
                yield giver, taker, given, taken
