"""Rules about the kinds of nodes: a kind there is, a stream it reads, filters in its form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from connsearch.errors import Fault
from connsearch.graph.checks import LIMIT, are_whole, is_a, is_whole, show, unknown
from connsearch.graph.families import Family
from connsearch.graph.kinds import BLOCK_KINDS, STEM_KINDS
from connsearch.graph.spec import Block, Modality, Stem
from connsearch.registry import Registry

T = TypeVar("T")


def stem_kind_faults(index: int, stem: Stem, family: Family | None) -> Iterator[Fault]:
    """Yields the faults of a stem's kind; ``family`` is None where it is at fault itself."""
    name = family.stem if stem.kind is None and family is not None else stem.kind
    kind = _known(name, STEM_KINDS)
    if kind is None and name is not None:
        yield _unknown(index, name, STEM_KINDS)
    elif (
        kind is not None and is_a(stem.modality, Modality) and stem.modality not in kind.modalities
    ):
        message = f"a stem of kind {kind.name} cannot read {stem.modality}"
        cure = f"it reads {', '.join(kind.modalities)}; name another kind, or omit it"
        yield Fault("kind-modality", message, index, cure=cure)


def block_kind_faults(index: int, block: Block, family: Family | None) -> Iterator[Fault]:
    """Yields the faults of a block's kind and of how its filters are written."""
    name = family.block if block.kind is None and family is not None else block.kind
    kind = _known(name, BLOCK_KINDS)
    if kind is None and name is not None:
        yield _unknown(index, name, BLOCK_KINDS)
    filters = block.filters
    if not (is_whole(filters) or (filters and are_whole(filters))):
        message = f"filters {show(filters)}: a whole number from 1 to {LIMIT:,}, or a list of them"
        yield Fault("filters", message, index)
    elif kind is not None and not kind.filters.fits(filters):
        message = f"filters {show(filters)}, but {kind.name} blocks take {kind.filters}"
        cure = "write the filters in that form, or name the family or kind they belong to"
        yield Fault("filters-kind", message, index, cure=cure)
    stride = block.temporal_stride
    if kind is not None and is_whole(stride) and stride > 1 and not kind.strides_time:
        able = ", ".join(name for name in BLOCK_KINDS if BLOCK_KINDS[name].strides_time)
        message = f"temporal stride {stride}, but {kind.name} blocks have no stride in time"
        cure = f"omit it, or name a kind that has one: {able}"
        yield Fault("temporal-stride-kind", message, index, cure=cure)


def _known(name: object, kinds: Registry[T]) -> T | None:
    return kinds[name] if isinstance(name, str) and name in kinds else None


def _unknown(index: int, name: object, kinds: Registry[Any]) -> Fault:
    cure = "omit it to use the family's, or add the kind as a file in graph/kinds"
    return Fault("kind-unknown", unknown(kinds.kind, name, kinds), index, cure=cure)
