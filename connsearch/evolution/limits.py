"""What an evolution may not change, and how far it may go with the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from connsearch.graph.families import family
from connsearch.graph.plan import unpin
from connsearch.graph.rules import validate
from connsearch.graph.spec import Filters, Modality, Structure

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
        channels: sum of the filters of every level; no mutation changes one. A triple is summed
            entry by entry.
        strides: spatial stride of every level's blocks.
        stems: least and most stems of each modality that is read.
        blocks: most blocks of each level.
        dilations: allowed temporal dilations, ascending.
        narrowest: fewest filters of a block, for triples of each entry.
    """

    channels: tuple[Filters, ...]
    strides: tuple[int, ...]
    stems: Mapping[Modality, tuple[int, int]]
    blocks: tuple[int, ...]
    dilations: tuple[int, ...] = DILATIONS
    narrowest: int = 2

    @classmethod
    def of(
        cls,
        structure: Structure,
        *,
        most_blocks: int = MOST_BLOCKS,
        most_stems: int = MOST_STEMS,
        dilations: tuple[int, ...] = DILATIONS,
        narrowest: int = 2,
    ) -> Limits:
        """Returns the walls around one structure.

        Streams it does not read are not added, object stems stay as many as they are, and where the
        head reads a single final node (lite), the top level stays one block.

        Raises:
            StructureError: without its pins, which no mutant keeps, the structure breaks a rule.

        >>> from connsearch.graph.files import load_structure
        >>> Limits.of(load_structure("assemblenet-50")).channels
        (128, 256, 512, 512)
        """
        bare = unpin(structure)
        if bare != structure:
            validate(replace(bare, name=f"{structure.name} without its pins"))
        levels = range(structure.network.levels)
        at = {level: [b for _, b in structure.blocks() if b.level == level] for level in levels}
        have = {m: sum(s.modality is m for _, s in structure.stems()) for m in Modality}
        one_final = family(structure.family).one_final
        return cls(
            channels=tuple(summed([b.filters for b in at[level]]) for level in levels),
            strides=tuple(at[level][0].spatial_stride if at[level] else 1 for level in levels),
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
        )


def summed(filters: list[Filters]) -> Filters:
    """Returns the sum of the filters of some blocks; 0 of none.

    >>> summed([32, 64]), summed([(27, 27, 12), (27, 27, 12)])
    (96, (54, 54, 24))
    """
    triples = [f for f in filters if isinstance(f, tuple)]
    if triples:
        first, middle, last = (sum(entries) for entries in zip(*triples, strict=True))
        return first, middle, last
    return sum(f for f in filters if isinstance(f, int))
