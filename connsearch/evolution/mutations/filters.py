"""Filters move from one block to another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations
from random import Random

from connsearch.evolution.limits import Limits
from connsearch.evolution.mutations import mutation
from connsearch.evolution.structure_editor import Offspring, StructureEditor
from connsearch.graph.spec import Filters, Structure


@mutation("filters", "block")
def filters(parent: Structure, rng: Random, limits: Limits) -> Offspring | None:
    """Returns the parent with a quarter or a half of one block's filters in another of its level.

    Both are of one kind. At least one filter moves, of several numbers one of each. A move after
    which the two have only exchanged their numbers does not count.

    None where no block can give any: alone in its level, too narrow, or final beside others, all
    of which the head wants equally wide.
    """
    editor = StructureEditor(parent)
    moves = list(_moves(editor, limits))
    if not moves:
        return None
    giver, taker, given, taken = rng.choice(moves)
    editor.nodes[giver] = replace(editor.block(giver), filters=given)
    editor.nodes[taker] = replace(editor.block(taker), filters=taken)
    return editor.finish()


def _moves(editor: StructureEditor, limits: Limits) -> Iterator[tuple[int, int, Filters, Filters]]:
    """Every giver and taker with what they have afterwards; filters move within a kind."""
    averaged = None if editor.one_final else editor.top
    for giver, taker in permutations(editor.blocks(), 2):
        if editor.level(giver) != editor.level(taker) or editor.level(giver) == averaged:
            continue
        if editor.kind(giver) is not editor.kind(taker):
            continue
        form = editor.kind(giver).filters
        before, other = editor.block(giver).filters, editor.block(taker).filters
        for part in (4, 2):
            amount = form.zipped(lambda n, part=part: max(1, n // part), before)
            given = form.zipped(int.__sub__, before, amount)
            taken = form.zipped(int.__add__, other, amount)
            if min(form.numbers(given)) >= limits.narrowest and given != other:
                yield giver, taker, given, taken
