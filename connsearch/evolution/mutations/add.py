"""One more connection."""

from __future__ import annotations

from random import Random

from connsearch.evolution.limits import Limits
from connsearch.evolution.mutations import mutation
from connsearch.evolution.structure_editor import Offspring, StructureEditor
from connsearch.graph.spec import Structure


@mutation("add", "connection")
def add(parent: Structure, rng: Random, limits: Limits) -> Offspring | None:
    """Returns the parent with one more legal connection; None where it has them all."""
    editor = StructureEditor(parent)
    unused = editor.unused()
    if not unused:
        return None
    editor.connect(rng.choice(unused))
    return editor.finish()
