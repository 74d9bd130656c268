"""What an evolution may not change, and how far it may go with the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from connsearch.graph.families import block_kind, family
from connsearch.graph.plan import unpin
from connsearch.graph.rules import validate
from connsearch.graph.spec import Block, Filters, Modality, Post, Structure

DILATIONS = (1, 2, 4, 8)
"""Published choices of a temporal dilation (AssembleNet, section 3.2)."""

MOST_STEMS = 2
"""RGB stems, and flow stems, where the start has no more: four streams in all, as published."""

MOST_BLOCKS = 6
"""Blocks of a level where the start has no more: two and one to five splits, as published."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The walls of a search space.

    Attributes:
        channels: at every level, for each kind of block there, the sum of the filters; no mutation
            but that of kinds changes one. Several numbers are summed entry by entry.
        widths: at every level, the sum of the channels its blocks put out; no mutation changes one.
        strides: spatial stride of every level's blocks.
        temporal_strides: their stride in time.
        stems: least and most stems of each modality that is read.
        blocks: most blocks of each level.
        dilations: allowed temporal dilations, ascending.
        narrowest: fewest filters of a block, of several numbers each.
        posts: what may follow a block; empty: what follows it stays.
        kinds: the kinds a block may change to, in the order of their names; empty: kinds stay.
    """

    channels: tuple[Mapping[str, Filters], ...]
    widths: tuple[int, ...]
    strides: tuple[int, ...]
    temporal_strides: tuple[int, ...]
    stems: Mapping[Modality, tuple[int, int]]
    blocks: tuple[int, ...]
    dilations: tuple[int, ...] = DILATIONS
    narrowest: int = 2
    posts: tuple[Post, ...] = ()
    kinds: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        structure: Structure,
        *,
        most_blocks: int = MOST_BLOCKS,
        most_stems: int = MOST_STEMS,
        dilations: tuple[int, ...] = DILATIONS,
        narrowest: int = 2,
        posts: Iterable[Post] = (),
        kinds: Iterable[str] = (),
    ) -> Limits:
        """Returns the walls around one structure.

        Streams it does not read are not added, object stems stay as many as they are, and where the
        head reads a single final node (lite), the top level stays one block.

        Args:
            structure: whose sums and strides stay.
            most_blocks: of a level that has no more.
            most_stems: of a stream that has no more.
            dilations: see :class:`Limits`.
            narrowest: the same.
            posts: the same.
            kinds: the same.

        Raises:
            StructureError: without its pins, which no offspring keeps, the structure breaks a rule.

        >>> from connsearch.graph.files import load_structure
        >>> Limits.of(load_structure("assemblenet-50")).channels
        ({'bottleneck': 128}, {'bottleneck': 256}, {'bottleneck': 512}, {'bottleneck': 512})
        """
        bare = unpin(structure)
        if bare != structure:
            validate(replace(bare, name=f"{structure.name} without its pins"))
        levels = range(structure.network.levels)
        at = {level: [b for _, b in structure.blocks() if b.level == level] for level in levels}
        have = {m: sum(s.modality is m for _, s in structure.stems()) for m in Modality}
        one_final = family(structure.family).one_final
        return cls(
            channels=tuple(filter_sums(structure, at[level]) for level in levels),
            widths=tuple(width_sum(structure, at[level]) for level in levels),
            strides=tuple(at[level][0].spatial_stride if at[level] else 1 for level in levels),
            temporal_strides=tuple(
                at[level][0].temporal_stride if at[level] else 1 for level in levels
            ),
            stems={
                m: (n, n) if m is Modality.OBJECT else (1, max(n, most_stems))
                for m, n in have.items()
                if n
            },
            blocks=tuple(
                1 if one_final and level == levels[-1] else max(len(at[level]), most_blocks)
                for level in levels
            ),
            dilations=dilations,
            narrowest=narrowest,
            posts=tuple(post for post in Post if post in set(posts)),
            kinds=tuple(sorted(set(kinds))),
        )


def filter_sums(structure: Structure, blocks: Iterable[Block]) -> dict[str, Filters]:
    """Returns the sum of the filters of some blocks of a structure, for each of their kinds."""
    found: dict[str, Filters] = {}
    for block in blocks:
        kind, before = block_kind(structure, block), block.filters
        if kind.name in found:
            before = kind.filters.zipped(int.__add__, found[kind.name], before)
        found[kind.name] = before
    return found


def width_sum(structure: Structure, blocks: Iterable[Block]) -> int:
    """Returns the sum of the channels that some blocks of a structure put out."""
    return sum(block_kind(structure, block).width(block.filters) for block in blocks)


def kinds_of(structure: Structure) -> tuple[str, ...]:
    """Returns the names of the kinds of a structure's blocks, sorted.

    >>> from connsearch.graph.files import load_structure
    >>> kinds_of(load_structure("assemblenet-50"))
    ('bottleneck',)
    """
    return tuple(sorted({block_kind(structure, block).name for _, block in structure.blocks()}))
