"""The structures an evolution begins with: random, but of the published shape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from connsearch.evolution.limits import Limits
from connsearch.evolution.mutations import find
from connsearch.evolution.structure_editor import StructureEditor
from connsearch.evolution.swaps import swaps
from connsearch.graph.families import family
from connsearch.graph.kinds import BLOCK_KINDS, FilterForm
from connsearch.graph.rules import faults
from connsearch.graph.space import over_connect, random_wiring
from connsearch.graph.spec import Block, Filters, Modality, Post, Stem, Structure
from connsearch.graph.temporal import has_dilation

CONNECTED = 0.5
"""Probability of every legal connection."""

MOST_SPLITS = 5

_BLOCKS = 2
_TOP_BLOCKS = 1
"""Blocks of a level before anything is split."""

_DRAWS = 100
"""Wirings that are drawn before one that leaves out a level will do."""


def initial_structure(start: Structure, limits: Limits, rng: Random) -> Structure:
    """Returns a random structure with the settings, family and name of the start.

    As published (AssembleNet, section 3.2): as many flow as RGB stems, two blocks at every level
    and one at the top, one to five splits, random dilations, every legal connection with
    probability one half; wirings whose longest path skips a level are drawn again. Fewer
    stems, blocks and splits if the limits or the channels do not allow as many.

    Not published: stems have the kind of the start's first stem of their stream, blocks that of the
    start's at their level; where these are of several kinds, that level's blocks stay. Where the
    limits let kinds or what follows a block change, every block draws its own among those allowed.
    What follows a block is that of the start's blocks at its level otherwise, a random one of them
    where they differ. No connection has a temporal gate. Blocks without an input and nodes that
    reach no final block get one connection more; what has no temporal convolution keeps dilation
    1; object stems are as many as they are.
    """
    nodes = (*_stems(start, limits, rng), *_blocks(start, limits, rng))
    bare = replace(start, nodes=nodes, finals=None)
    split, full = find("split"), over_connect(bare)
    for _ in range(rng.randint(1, MOST_SPLITS)):
        offspring = split(full, rng, limits)
        if offspring is None:
            break
        full = offspring.structure
    full = _with_posts(_with_kinds(full, limits, rng), limits, rng)
    full = _with_dilations(full, limits, rng)
    used = len({block.level for _, block in full.blocks()})
    found = _wired(full, rng)
    for _ in range(_DRAWS):
        if depth(found) == used:
            break
        found = max(found, _wired(full, rng), key=depth)
    return found


def depth(structure: Structure) -> int:
    """Returns how many blocks the longest path goes through.

    >>> from connsearch.graph.files import load_structure
    >>> depth(load_structure("assemblenet-50"))
    4
    """
    longest = [0] * len(structure)
    for index, block in structure.blocks():
        longest[index] = 1 + max((longest[source] for source in block.inputs), default=0)
    return max(longest, default=0)


def _stems(start: Structure, limits: Limits, rng: Random) -> list[Stem]:
    """As many of every modality, as far as each modality's limits and the channels allow."""
    moving = [limits.stems[m] for m in limits.stems if m is not Modality.OBJECT]
    kinds = {stem.modality: stem.kind for _, stem in reversed(list(start.stems()))}
    choices: list[list[Stem]] = []
    for number in range(
        min((least for least, _ in moving), default=0),
        max((most for _, most in moving), default=0) + 1,
    ):
        counts = {m: min(max(number, least), most) for m, (least, most) in limits.stems.items()}
        choices.append(
            [Stem(m, kind=kinds.get(m)) for m in Modality for _ in range(counts.get(m, 0))]
        )
    settings = start.network
    if settings.stem_width is None:
        choices = [stems for stems in choices if len(stems) <= settings.stem_total] or choices[:1]
    return rng.choice(choices)


def _blocks(start: Structure, limits: Limits, rng: Random) -> Iterator[Block]:
    top, usual = len(limits.channels) - 1, family(start.family).block
    for level, channels in enumerate(limits.channels):  # none at a level the start does not use
        known = [block for _, block in start.blocks() if block.level == level]
        if len(channels) > 1:
            yield from map(_bare, known)
            continue
        posts = sorted({block.post for block in known}, key=list(Post).index)
        for name, filters in channels.items():
            form = BLOCK_KINDS[name].filters
            number = min(_TOP_BLOCKS if level == top else _BLOCKS, limits.blocks[level])
            room = min(form.numbers(filters)) // max(limits.narrowest, form.unit)
            number = max(1, min(number, room))
            kind = None if name == usual else name
            for part in range(number):
                yield Block(
                    level,
                    (),
                    _share(form, filters, number, part),
                    spatial_stride=limits.strides[level],
                    kind=kind,
                    post=posts[0] if len(posts) == 1 else rng.choice(posts),
                    temporal_stride=limits.temporal_strides[level],
                )


def _bare(block: Block) -> Block:
    return replace(block, connections=(), temporal_dilation=1, pinned=None)


def _share(form: FilterForm, filters: Filters, number: int, part: int) -> Filters:
    """One of several parts that add up to the filters; the last ones may have one more."""
    return form.zipped(lambda n: (n + part) // number, filters)


def _with_kinds(structure: Structure, limits: Limits, rng: Random) -> Structure:
    """Every block in a random one of the allowed kinds it can be of; its own is one of them."""
    if not limits.kinds:
        return structure
    editor = StructureEditor(structure)
    for name in editor.blocks():
        before = editor.block(name)
        editor.nodes[name] = rng.choice([before, *swaps(editor, name, limits)])
        if faults(editor.finish().structure):
            editor.nodes[name] = before
    return editor.finish().structure


def _with_posts(structure: Structure, limits: Limits, rng: Random) -> Structure:
    """Every block with a random one of what may follow it."""
    if not limits.posts:
        return structure
    nodes = tuple(
        node if isinstance(node, Stem) else replace(node, post=rng.choice(limits.posts))
        for node in structure.nodes
    )
    return replace(structure, nodes=nodes)


def _with_dilations(structure: Structure, limits: Limits, rng: Random) -> Structure:
    nodes = tuple(
        replace(node, temporal_dilation=rng.choice(limits.dilations))
        if has_dilation(structure, node)
        else node
        for node in structure.nodes
    )
    return replace(structure, nodes=nodes)


def _wired(structure: Structure, rng: Random) -> Structure:
    """The nodes of a structure with random connections, repaired where they are too few."""
    editor = StructureEditor(structure)
    editor.weights.clear()
    legal = editor.legal()
    chosen = random_wiring(legal, rng, share=CONNECTED)
    for edge in legal:
        if edge in chosen:
            editor.connect(edge)
    editor.repair(rng)
    return editor.finish().structure
