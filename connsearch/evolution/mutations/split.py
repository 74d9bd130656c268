"""One block becomes two narrower ones."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from connsearch.evolution.limits import Limits
from connsearch.evolution.mutations import mutation
from connsearch.evolution.structure_editor import Offspring, StructureEditor
from connsearch.graph.kinds import FilterForm
from connsearch.graph.spec import Edge, Filters, Structure


@mutation("split", "block")
def split(parent: Structure, rng: Random, limits: Limits) -> Offspring | None:
    """Returns the parent with a random block as two of half its filters, connected alike.

    Both halves have its connections with their weights and gates, its kind, dilation and strides,
    and what follows it; of an odd number the second half has one filter more. A final block is
    split into equal halves only, as the head averages them, and not at all where the head reads a
    single one.

    As published, this keeps the parameters of bottlenecks roughly. Exactly kept is the number in
    the shortcut and the first convolution of the first module, and in the 3x3 and the last
    convolution of every module. The first convolution of a later module reads its own block,
    which is half as wide, so both halves together have half; the normalisation after a 3x3, and
    projections of inputs and gates before the first module, are there twice. Inverted bottlenecks
    have about half as many afterwards. Blocks that read the halves may become narrower.

    None where a level is full or its blocks are too narrow.
    """
    editor = StructureEditor(parent)
    able = [name for name in editor.blocks() if _can_split(editor, name, limits)]
    if not able:
        return None
    one = rng.choice(able)
    block = editor.block(one)
    first, second = _halves(editor.kind(one).filters, block.filters)
    editor.nodes[one] = replace(block, filters=first)
    other = editor.add(replace(block, filters=second), editor.origins[one])
    for edge, weight in list(editor.weights.items()):
        if edge.target == one:
            editor.connect(Edge(edge.source, other), weight, gated=edge in editor.gated)
        elif edge.source == one:
            editor.connect(Edge(other, edge.target), weight, gated=edge in editor.gated)
    return editor.finish()


def _can_split(editor: StructureEditor, name: int, limits: Limits) -> bool:
    level, kind = editor.level(name), editor.kind(name)
    halves = _halves(kind.filters, editor.block(name).filters)
    if len(editor.blocks(level)) >= limits.blocks[level]:
        return False
    if min(kind.filters.numbers(halves[0])) < limits.narrowest:
        return False
    if level != editor.top:
        return True
    widths = {editor.width(n) for n in editor.blocks(level) if n != name}
    return not editor.one_final and len(widths | set(map(kind.width, halves))) == 1


def _halves(form: FilterForm, filters: Filters) -> tuple[Filters, Filters]:
    half = form.zipped(lambda n: n // 2, filters)
    return half, form.zipped(int.__sub__, filters, half)
