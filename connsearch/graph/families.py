"""Families: the kinds their nodes have and the settings they start from.

Three are those of AssembleNet and AssembleNet++; ``resnet3d`` is made of the blocks of 3D residual
networks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connsearch.errors import UnknownNameError
from connsearch.graph.kinds import BLOCK_KINDS, STEM_KINDS, BlockKind, StemKind
from connsearch.graph.spec import Attention, Block, NetworkSettings, Stem, Structure
from connsearch.registry import suggest


@dataclass(frozen=True, slots=True)
class Family:
    """What a family fixes, and the settings a structure file of it may leave out.

    Attributes:
        block: kind of the blocks that name none (``graph.kinds``).
        stem: kind of the stems that name none.
        one_final: whether the head reads only the first node of the top level.
        defaults: network settings that a file may omit.
    """

    block: str
    stem: str
    one_final: bool
    defaults: NetworkSettings


FAMILIES: Mapping[str, Family] = {
    "assemblenet": Family("bottleneck", "full", False, NetworkSettings()),
    "assemblenet_plus": Family(
        "bottleneck", "full", False, NetworkSettings(attention=Attention.PEER)
    ),
    "assemblenet_plus_lite": Family(
        "inverted_bottleneck",
        "lite",
        True,
        NetworkSettings(
            blocks=(3, 5, 11, 7),
            stem_width=24,
            attention=Attention.PEER,
            flow_iterations=20,
            head_widths=(432, 2048),
        ),
    ),
    "resnet3d": Family(
        "r3d_basic", "r3d", False, NetworkSettings(blocks=(2, 2, 2, 2), stem_width=64)
    ),
}


def family(name: str) -> Family:
    """Returns the family of that exact name.

    Raises:
        UnknownNameError: no such family; the message names the nearest and the known.
    """
    if name not in FAMILIES:
        raise UnknownNameError(suggest("family", name, sorted(FAMILIES)))
    return FAMILIES[name]


def block_kind(structure: Structure, block: Block) -> BlockKind:
    """Returns what a block of a valid structure is: the kind it names, or the family's.

    Raises:
        UnknownNameError: no such family, or no such kind.
    """
    return BLOCK_KINDS[block.kind or family(structure.family).block]


def stem_kind(structure: Structure, stem: Stem) -> StemKind:
    """Returns what a stem of a valid structure is: the kind it names, or the family's.

    Raises:
        UnknownNameError: no such family, or no such kind.
    """
    return STEM_KINDS[stem.kind or family(structure.family).stem]


def kind_name(structure: Structure, node: Stem | Block) -> str:
    """Returns the name of a node's kind, its own or the family's."""
    kind = stem_kind(structure, node) if isinstance(node, Stem) else block_kind(structure, node)
    return kind.name


def own_kind(structure: Structure, node: Stem | Block) -> str | None:
    """Returns the kind of a node that is not its family's, or None: it is."""
    own = family(structure.family)
    usual = own.stem if isinstance(node, Stem) else own.block
    return None if node.kind in (None, usual) else node.kind
