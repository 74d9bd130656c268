"""One connection fewer."""

from __future__ import annotations

from random import Random

from connsearch.evolution.limits import Limits
from connsearch.evolution.mutations import mutation
from connsearch.evolution.structure_editor import Offspring, StructureEditor
from connsearch.graph.spec import Structure


@mutation("drop", "connection")
def drop(parent: Structure, rng: Random, limits: Limits) -> Offspring | None:
    """Returns the parent without one connection; None where somebody depends on each."""
    editor = StructureEditor(parent)
    removable = editor.removable()
    if not removable:
        return None
    editor.disconnect(rng.choice(removable))
    return editor.finish()
