"""A step over the whole wiring: some connections stay, as many new ones are expected to come."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from random import Random

from connsearch.evolution.draft import Draft, Mutant
from connsearch.graph.spec import Edge, Structure


def rewired(
    parent: Structure, kept: Collection[Edge], worth: Mapping[Edge, float], rng: Random
) -> Mutant | None:
    """Returns the parent with only the ``kept`` of its connections, and random new ones.

    As published (AssembleNet, section 3.2) each of the unused legal connections, E* - E, is added
    with probability ``|E - kept| / |E* - E|``, so that as many are expected as the parent has.

    Not published: blocks left without an input and nodes that reach no final block are mended,
    with the removed connection of greatest ``worth`` that would do, under its old weight. For
    each one so added, a new connection that nobody depends on goes again, so that the number
    stays as drawn. It grows where there is none: in wirings with hardly more connections than it
    takes to reach every node. It shrinks where the probability would be above 1: in parents that
    lose more connections than they leave unused.

    None where the very same connections come out; another try would favour other numbers.
    """
    draft = Draft(parent)
    before = dict(draft.weights)
    unused = draft.unused()
    removed = [edge for edge in sorted(before) if edge not in kept]
    for edge in removed:
        draft.disconnect(edge)
    drawn = [edge for edge in unused if rng.random() * len(unused) < len(removed)]
    for edge in drawn:
        draft.connect(edge)
    mended = draft.mend(rng, {edge: worth[edge] for edge in removed})
    for edge in mended:
        if edge in before:
            draft.connect(edge, before[edge])
    _compensate(draft, drawn, mended, rng)
    return None if draft.weights.keys() == before.keys() else draft.finish()


def _compensate(draft: Draft, drawn: list[Edge], mended: list[Edge], rng: Random) -> None:
    """Takes out one connection for each that mending had to add: a drawn one, else a mended one.

    What one mend has added may be needless after the next.
    """
    for _ in mended:
        removable = draft.removable()
        spare = [e for e in removable if e in drawn] or [e for e in removable if e in mended]
        if not spare:
            return
        draft.disconnect(rng.choice(spare))
