"""A step over the whole wiring: some connections stay, and as many new ones are expected."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from random import Random

from connsearch.evolution.structure_editor import Offspring, StructureEditor
from connsearch.graph.spec import Edge, Structure


def rewired(
    parent: Structure, kept: Collection[Edge], worth: Mapping[Edge, float], rng: Random
) -> Offspring | None:
    """Returns the parent with only the ``kept`` of its connections, and random new ones.

    As published (AssembleNet, section 3.2) each of the unused legal connections, E* - E, is added
    with probability ``|E - kept| / |E* - E|``, so that as many are expected as the parent has.

    Not published: blocks left without an input and nodes that reach no final block are repaired,
    with the suitable removed connection of greatest ``worth``, under its old weight and with its
    old temporal gate, if it had one; new connections have none. For each of these repairs, a new
    connection that no node depends on is removed, so that the number stays as drawn. It grows if
    there is none: in wirings with hardly more connections than are needed to reach every node. It
    shrinks if the probability would be above 1: in parents that lose more connections than they
    leave unused.

    None if the result has the same connections; another try would favour other numbers.
    """
    editor = StructureEditor(parent)
    before, gated = dict(editor.weights), set(editor.gated)
    unused = editor.unused()
    removed = [edge for edge in sorted(before) if edge not in kept]
    for edge in removed:
        editor.disconnect(edge)
    drawn = [edge for edge in unused if rng.random() * len(unused) < len(removed)]
    for edge in drawn:
        editor.connect(edge)
    repaired = editor.repair(rng, {edge: worth[edge] for edge in removed})
    for edge in repaired:
        if edge in before:
            editor.connect(edge, before[edge], gated=edge in gated)
    _compensate(editor, drawn, repaired, rng)
    return None if editor.weights.keys() == before.keys() else editor.finish()


def _compensate(
    editor: StructureEditor, drawn: list[Edge], repaired: list[Edge], rng: Random
) -> None:
    """Takes out one connection for each that repair had to add: a drawn one, else a repaired one.

    What one repair has added may be needless after the next.
    """
    for _ in repaired:
        removable = editor.removable()
        spare = [e for e in removable if e in drawn] or [e for e in removable if e in repaired]
        if not spare:
            return
        editor.disconnect(rng.choice(spare))
