"""One more stem."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from connsearch.evolution.limits import Limits
from connsearch.evolution.mutations import mutation
from connsearch.evolution.structure_editor import Offspring, StructureEditor
from connsearch.graph.spec import Edge, Modality, Stem, Structure


@mutation("add_stem", "stem")
def add_stem(parent: Structure, rng: Random, limits: Limits) -> Offspring | None:
    """Returns the parent with one more RGB or flow stem of random dilation.

    It has the kind of the parent's first stem of that stream, if there is one. It feeds every block
    with probability one half, and at least one that reaches a final block. All stems share the
    channels of ``stem_total`` anew, where the network sets no ``stem_width``.

    None where each modality has as many stems as it may have, or no channel is left for another.
    """
    editor = StructureEditor(parent)
    settings = parent.network
    if settings.stem_width is None and settings.stem_total <= len(editor.stems()):
        return None
    room = [
        modality
        for modality in (Modality.RGB, Modality.FLOW)
        if modality in limits.stems and len(editor.stems(modality)) < limits.stems[modality][1]
    ]
    if not room:
        return None
    new = Stem(rng.choice(room), rng.choice(limits.dilations))
    like = next((editor.stem(name) for name in editor.stems(new.modality)), new)
    stem = editor.add(replace(new, kind=like.kind))
    live = editor.live()
    readers = [block for block in sorted(editor.blocks()) if rng.random() < 0.5]
    if not any(block in live for block in readers):
        readers.append(rng.choice([block for block in sorted(editor.blocks()) if block in live]))
    for block in readers:
        editor.connect(Edge(stem, block))
    return editor.finish()
