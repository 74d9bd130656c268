"""Something else follows the modules of a block: nothing, squeeze and recursion, or a gated one."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from connsearch.evolution.limits import Limits
from connsearch.evolution.mutations import mutation
from connsearch.evolution.structure_editor import Offspring, StructureEditor
from connsearch.graph.spec import Structure


@mutation("post", "block", needs="posts")
def post(parent: Structure, rng: Random, limits: Limits) -> Offspring | None:
    """Returns the parent with something else after the last module of a random block (``post``).

    All else stays. A recurrent cell of C channels costs about 16 C^2 parameters, and as many
    multiply-accumulates a frame.

    None where no other is allowed after any block.
    """
    editor = StructureEditor(parent)
    changes = {
        name: [other for other in limits.posts if other is not editor.block(name).post]
        for name in editor.blocks()
    }
    able = [name for name, others in changes.items() if others]
    if not able:
        return None
    name = rng.choice(able)
    editor.nodes[name] = replace(editor.block(name), post=rng.choice(changes[name]))
    return editor.finish()
