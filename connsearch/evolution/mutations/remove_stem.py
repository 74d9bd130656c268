"""One stem fewer."""

from __future__ import annotations

from random import Random

from connsearch.evolution.limits import Limits
from connsearch.evolution.mutations import mutation
from connsearch.evolution.structure_editor import Offspring, StructureEditor
from connsearch.graph.spec import Modality, Structure


@mutation("remove_stem", "stem")
def remove_stem(parent: Structure, rng: Random, limits: Limits) -> Offspring | None:
    """Returns the parent without one of its RGB or flow stems.

    Blocks it alone has fed get a random other input; repair also connects whatever dangled in
    the parent. The stems that stay share the channels anew (see :func:`add_stem`).

    None where each modality has as few stems as it may have.
    """
    editor = StructureEditor(parent)
    able: list[int] = []
    for modality in (Modality.RGB, Modality.FLOW):
        stems = editor.stems(modality)
        if stems and len(stems) > limits.stems[modality][0]:
            able += stems
    if not able:
        return None
    editor.remove(rng.choice(able))
    editor.repair(rng)
    return editor.finish()
