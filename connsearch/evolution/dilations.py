"""The step that the mutations of blocks' and stems' temporal dilations share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from random import Random

from connsearch.evolution.limits import Limits
from connsearch.evolution.structure_editor import Offspring, StructureEditor
from connsearch.graph.spec import Structure
from connsearch.graph.temporal import has_dilation


def redilated(
    parent: Structure, nodes: Iterable[int], rng: Random, limits: Limits
) -> Offspring | None:
    """Returns the parent with another temporal dilation in a random one of some nodes.

    Those without a temporal convolution do not take part: another dilation would make a structure
    of another name and the same network. None where no other dilation is allowed in any.
    """
    changes = {
        index: [d for d in limits.dilations if d != parent.nodes[index].temporal_dilation]
        for index in nodes
        if has_dilation(parent, parent.nodes[index])
    }
    able = [index for index, others in changes.items() if others]
    if not able:
        return None
    editor, index = StructureEditor(parent), rng.choice(able)
    editor.nodes[index] = replace(editor.nodes[index], temporal_dilation=rng.choice(changes[index]))
    return editor.finish()
