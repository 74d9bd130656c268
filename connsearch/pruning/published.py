"""A structure in the published list format, and exactly what that format cannot express."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from connsearch.graph.families import own_kind
from connsearch.graph.parse import (
    default_settings,
    parse_structure,
    published_rows,
    published_weights,
)
from connsearch.graph.plan import final_nodes
from connsearch.graph.spec import Attention, Post, Structure
from connsearch.pruning.changes import ShapeChange, changes
from connsearch.pruning.scores import name_edges


@dataclass(frozen=True, slots=True)
class Published:
    """A structure as published lists.

    Attributes:
        rows: ``[stem type, dilation]`` or ``[level, [inputs], filters, dilation, stride, 0]``.
        weights: parallel to ``rows``: ``[]`` or ``[[...]]``.
        back: the structure that is read from the two, if the reader knows the settings.
        settings: what a reader must know in addition, where it differs from the family's default:
            name -> (value here, value a reader starts from).
        changes: numbers that come back as others.
        lost: everything else that does not come back, one sentence each.
    """

    rows: list[list[Any]]
    weights: list[list[list[float]]]
    back: Structure
    settings: Mapping[str, tuple[Any, Any]]
    changes: tuple[ShapeChange, ...]
    lost: tuple[str, ...]

    @property
    def same_network(self) -> bool:
        """Whether a reader who knows the settings builds the same network."""
        return not self.changes and not self.lost


def publish(structure: Structure) -> Published:
    """Returns a valid structure in the published list format, read back and compared.

    Raises:
        StructureError: by the published rules it is not valid: widths or sizes that were
            pinned do not fit when they are derived again, or filters are in the form of a kind that
            the lists cannot name.
    """
    rows, weights = published_rows(structure), published_weights(structure)
    mode = structure.network.attention
    told = replace(structure.network, attention=Attention.PEER if mode is Attention.FIXED else mode)
    back = parse_structure(
        rows,
        name=f"{structure.name} in the published format",
        family=structure.family,
        network=told,
        connection_weights=weights,
    )
    return Published(
        rows=rows,
        weights=weights,
        back=back,
        settings=_settings(structure),
        changes=(*changes(structure, back), *_finals(structure, back)),
        lost=tuple(_lost(structure)),
    )


def _settings(structure: Structure) -> dict[str, tuple[Any, Any]]:
    here, usual = asdict(structure.network), asdict(default_settings(structure.family))
    return {name: (here[name], usual[name]) for name in here if here[name] != usual[name]}


def _finals(structure: Structure, back: Structure) -> Iterator[ShapeChange]:
    before, after = final_nodes(structure), final_nodes(back)
    if before != after:
        yield ShapeChange(None, "final nodes", before, after)


def _lost(structure: Structure) -> Iterator[str]:
    """Yields what the lists cannot express, apart from name, family, settings, provenance."""
    weights = structure.weights()
    own = {i: k for i, n in enumerate(structure.nodes) if (k := own_kind(structure, n)) is not None}
    if own:
        named = ", ".join(f"{index}: {kind}" for index, kind in own.items())
        yield (f"kinds of {len(own)} nodes ({named}): a reader assumes the family's kinds")
    yield from _lost_of_blocks(structure)
    if structure.network.attention is Attention.FIXED:
        gated = [edge for edge, c in structure.connections() if c.peers]
        yield (
            f"fixed peers of {len(gated)} connections ({name_edges(gated)}): published networks "
            "only learn peers, so all of them would be learned again"
        )
    elif learned := [edge for edge, c in structure.connections() if c.peers]:
        yield (
            f"learned peers of {len(learned)} connections ({name_edges(learned)}): they would be "
            "learned again"
        )
    several = {i for i, block in structure.blocks() if len(block.inputs) > 1}
    extreme = [e for e, w in weights.items() if e.target in several and w in (0.0, 1.0, None)]
    if extreme:
        yield (
            f"coefficients of exactly 0 or 1 ({name_edges(extreme)}): published code stores "
            "logits, which are infinite there"
        )


def _lost_of_blocks(structure: Structure) -> Iterator[str]:
    """Yields what schema 2 has added: strides in time, what follows blocks, temporal gates."""
    blocks = dict(structure.blocks())
    if strides := {i: b.temporal_stride for i, b in blocks.items() if b.temporal_stride != 1}:
        yield f"strides in time of {len(strides)} blocks ({_named(strides)}): a reader assumes 1"
    if posts := {i: b.post.value for i, b in blocks.items() if b.post is not Post.NONE}:
        yield f"what follows {len(posts)} blocks ({_named(posts)}): a reader assumes nothing"
    if gated := [edge for edge, c in structure.connections() if c.gated]:
        yield f"temporal gates of {len(gated)} connections ({name_edges(gated)})"


def _named(found: Mapping[int, object]) -> str:
    return ", ".join(f"{index}: {value}" for index, value in found.items())
