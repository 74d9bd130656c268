"""A block of another kind, which puts out as many channels."""

from __future__ import annotations

from random import Random

from connsearch.evolution.limits import Limits
from connsearch.evolution.mutations import mutation
from connsearch.evolution.structure_editor import Offspring, StructureEditor
from connsearch.evolution.swaps import swaps
from connsearch.graph.rules import faults
from connsearch.graph.spec import Structure


@mutation("kind", "block", needs="kinds")
def kind(parent: Structure, rng: Random, limits: Limits) -> Offspring | None:
    """Returns the parent with a random block of another allowed kind.

    Its filters become such that it puts out as many channels as before, in the proportion that is
    usual for that kind; so the channels of its level stay. Level, strides, dilation, connections
    and what follows it stay, too: a block with a stride in time takes kinds that carry one only.

    None where no block can: its width, its strides or its inputs fit no other allowed kind.
    """
    editor = StructureEditor(parent)
    changes = {name: swaps(editor, name, limits) for name in editor.blocks()}
    able = [name for name, others in changes.items() if others]
    for name in rng.sample(able, len(able)):
        before = editor.nodes[name]
        for other in rng.sample(changes[name], len(changes[name])):
            editor.nodes[name] = other
            found = editor.finish()
            if not faults(found.structure):
                return found
        editor.nodes[name] = before
    return None
