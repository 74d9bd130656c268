"""One more stem."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from connsearch.evolution.draft import Draft, Mutant
from connsearch.evolution.limits import Limits
from connsearch.evolution.mutations import mutation
from connsearch.graph.spec import Edge, Modality, Stem, Structure


@mutation("add_stem", "stem")
def add_stem(parent: Structure, rng: Random, limits: Limits) -> Mutant | None:
    """Returns the parent with one more RGB or flow stem of random dilation.

    It has the kind of the parent's first stem of that stream, if there is one. It feeds every block
    with probability one half, and at least one that reaches a final block. All stems share the
    channels of ``stem_total`` anew, where the network sets no ``stem_width``.

    None where each modality has as many stems as it may have, or no channel is left for another.
    """
    draft = Draft(parent)
    settings = parent.network
    if settings.stem_width is None and settings.stem_total <= len(draft.stems()):
        return None
    room = [
        modality
        for modality in (Modality.RGB, Modality.FLOW)
        if modality in limits.stems and len(draft.stems(modality)) < limits.stems[modality][1]
    ]
    if not room:
        return None
    new = Stem(rng.choice(room), rng.choice(limits.dilations))
    like = next((draft.stem(name) for name in draft.stems(new.modality)), new)
    stem = draft.add(replace(new, kind=like.kind))
    live = draft.live()
    readers = [block for block in sorted(draft.blocks()) if rng.random() < 0.5]
    if not any(block in live for block in readers):
        readers.append(rng.choice([block for block in sorted(draft.blocks()) if block in live]))
    for block in readers:
        draft.connect(Edge(stem, block))
    return draft.finish()
