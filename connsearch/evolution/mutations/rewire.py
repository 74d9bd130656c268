"""One end of a connection moves."""

from __future__ import annotations

from random import Random

from connsearch.evolution.limits import Limits
from connsearch.evolution.mutations import mutation
from connsearch.evolution.structure_editor import Needs, Offspring, StructureEditor
from connsearch.graph.spec import Edge, Structure


@mutation("rewire", "connection")
def rewire(parent: Structure, rng: Random, limits: Limits) -> Offspring | None:
    """Returns the parent with one end of a random connection moved; its weight starts unlearned.

    None where no connection can move without leaving a block unfed or a node dangling. Between
    nodes that are alike the child may be the parent under other numbers.
    """
    editor = StructureEditor(parent)
    unused, needs = editor.unused(), editor.needs()
    edges = sorted(editor.weights)
    for edge in rng.sample(edges, len(edges)):
        moved = [other for other in unused if _replaces(other, edge, needs)]
        if moved:
            editor.disconnect(edge)
            editor.connect(rng.choice(moved))
            return editor.finish()
    return None


def _replaces(other: Edge, edge: Edge, needs: Needs) -> bool:
    """Whether it shares one end with a connection and nobody misses the other end."""
    if other.target == edge.target:
        return not needs.of_source(edge)
    if other.source == edge.source:
        return not needs.of_target(edge) and (
            other.target in needs.live or not needs.only_way(edge)
        )
    return False
