"""Filters move from one block to another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations
from random import Random

from connsearch.evolution.draft import Draft, Mutant
from connsearch.evolution.limits import Limits
from connsearch.evolution.mutations import mutation
from connsearch.graph.spec import Filters, Structure


@mutation("filters", "block")
def filters(parent: Structure, rng: Random, limits: Limits) -> Mutant | None:
    """Returns the parent with a quarter or a half of one block's filters in another of its level.

    Both are of one kind. At least one filter moves, of several numbers one of each. A move after
    which the two have only exchanged their numbers does not count.

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
    """Every giver and taker with what they have afterwards; filters move within a kind."""
    averaged = None if draft.one_final else draft.top
    for giver, taker in permutations(draft.blocks(), 2):
        if draft.level(giver) != draft.level(taker) or draft.level(giver) == averaged:
            continue
        if draft.kind(giver) is not draft.kind(taker):
            continue
        form = draft.kind(giver).filters
        before, other = draft.block(giver).filters, draft.block(taker).filters
        for part in (4, 2):
            amount = form.zipped(lambda n, part=part: max(1, n // part), before)
            given = form.zipped(int.__sub__, before, amount)
            taken = form.zipped(int.__add__, other, amount)
            if min(form.numbers(given)) >= limits.narrowest and given != other:
                yield giver, taker, given, taken
