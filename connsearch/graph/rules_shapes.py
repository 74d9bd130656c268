"""Rules about widths and strides: what is pinned must fit the inputs it is pinned for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import cast

from connsearch.errors import Fault, KindError
from connsearch.graph.checks import LIMIT, is_a, is_whole, show
from connsearch.graph.families import Family, block_kind
from connsearch.graph.kinds import STEM_KINDS, BlockModule
from connsearch.graph.plan import (
    final_nodes,
    fused_width,
    is_object,
    kind_fault,
    output_width,
    stem_layers,
)
from connsearch.graph.spec import Block, Modality, PinnedBlock, Stem, Structure

_LISTED = 16
"""So many final nodes does a fault name."""


def shape_faults(
    structure: Structure, kind: Family | None, broken: Collection[int]
) -> Iterator[Fault]:
    """Yields every fault of pinned data and of shapes.

    ``kind`` is None where family or settings are at fault, ``broken`` holds the nodes that are:
    no width or stride is derived from either.
    """
    found = [*_stem_width_faults(structure, kind), *_finals_faults(structure, broken)]
    yield from found
    pinned_broken: set[int] = {f.node for f in found if f.node is not None}
    for index, block in structure.blocks():
        if block.pinned is None:
            continue
        for fault in _pinned_faults(index, block.pinned):
            pinned_broken.add(index)
            yield fault
        if index not in broken and not _is_partition(block.pinned.buckets, sorted(block.inputs)):
            message = f"pinned buckets {show(block.pinned.buckets)} do not contain the inputs "
            message += f"{show(sorted(block.inputs))}, each once"
            cure = "one list of inputs for each width, none of them empty"
            pinned_broken.add(index)
            yield Fault("pinned-buckets", message, index, cure=cure)
    if kind is not None and not any(f.rule in ("stem-share", "finals") for f in found):
        yield from _Shapes(structure, {*broken, *pinned_broken}).faults()


def _stem_width_faults(structure: Structure, kind: Family | None) -> Iterator[Fault]:
    settings = structure.network
    for index, stem in structure.stems():
        if stem.width is None:
            continue
        if not is_whole(stem.width):
            message = f"pinned width {show(stem.width)} is not a whole number from 1 to {LIMIT:,}"
            yield Fault("pinned-width", message, index)
        elif _passes(stem, kind) and stem.width != (has := settings.stream_width(stem.modality)):
            message = (
                f"pinned width {stem.width} of a stem that passes through the {show(has)} channels"
            )
            message += f" of its {stem.modality} stream"
            cure = "the width of an object stem is network.object_classes"
            yield Fault("pinned-width", message, index, cure=cure)
    stems = [stem for _, stem in structure.stems()]
    shared = any(s.width is None and not _passes(s, kind) for s in stems)
    total: object = settings.stem_total
    if (
        shared
        and settings.stem_width is None
        and is_whole(total)
        and settings.stem_total < len(stems)
    ):
        message = f"network.stem_total {total} leaves no channel for each of {len(stems)} stems"
        yield Fault(
            "stem-share", message, cure="raise network.stem_total or set network.stem_width"
        )


def _passes(stem: Stem, family: Family | None) -> bool:
    """Whether a stem passes its stream on; an unknown kind counts as a published one."""
    name: object = family.stem if stem.kind is None and family is not None else stem.kind
    if isinstance(name, str) and name in STEM_KINDS:
        return stem.modality in STEM_KINDS[name].passes
    return stem.modality is Modality.OBJECT


def _finals_faults(structure: Structure, broken: Collection[int]) -> Iterator[Fault]:
    finals = structure.finals
    if finals is None:
        return
    cure = "name blocks of the top level, each once; or omit it to derive them"
    if not is_a(finals, tuple) or not finals:
        yield Fault("finals", f"pinned finals {show(finals)}: a list of nodes", cure=cure)
        return
    seen: set[int] = set()
    for final in finals:
        if not is_whole(final, 0) or final >= len(structure.nodes):
            yield Fault("finals", f"pinned final {show(final)} is not a node", cure=cure)
        elif final in seen:
            yield Fault("finals", f"pinned final {final} is named twice", cure=cure)
        elif final not in broken and not _is_top(structure, final):
            yield Fault(
                "finals", f"pinned final {final} is not a block of the top level", cure=cure
            )
        else:
            seen.add(final)


def _is_top(structure: Structure, index: int) -> bool:
    node = structure.nodes[index]
    if not is_a(structure.network.blocks, tuple):
        return True  # the settings have a fault of their own
    return isinstance(node, Block) and node.level == structure.network.levels - 1


def _pinned_faults(index: int, pinned: PinnedBlock) -> Iterator[Fault]:
    """Faults of one block's pinned numbers."""
    for what, value, optional in (
        ("fused_width", pinned.fused_width, False),
        ("input_stride", pinned.input_stride, False),
        ("attention_width", pinned.attention_width, True),
        ("input_temporal_stride", pinned.input_temporal_stride, False),
    ):
        if not is_whole(value) and not (optional and value is None):
            message = f"pinned {what} {show(value)} is not a whole number from 1 to {LIMIT:,}"
            yield Fault(f"pinned-{what.replace('_', '-')}", message, index)


def _is_partition(buckets: object, wanted: list[int]) -> bool:
    if not isinstance(buckets, tuple):
        return False
    flat: list[int] = []
    for bucket in cast(tuple[object, ...], buckets):
        if not isinstance(bucket, tuple) or not bucket:
            return False
        members = cast(tuple[object, ...], bucket)
        if not all(is_whole(member, 0) for member in members):
            return False
        flat += cast(tuple[int, ...], members)
    return sorted(flat) == wanted


def _pooling_faults(index: int, what: str, pinned: int, largest: int | None) -> Iterator[Fault]:
    """The fault of a pinned stride of the fused input that is smaller than an input's."""
    if largest is not None and largest > pinned:
        message = f"pinned input_{what} {pinned}, but an input has {largest}"
        where = "in time " if what == "temporal_stride" else ""
        cure = f"fusion can only pool: pin at least the largest stride {where}of the inputs"
        yield Fault(f"pinned-input-{what.replace('_', '-')}", message, index, cure=cure)


class _Shapes:
    """Widths and strides as far as they can be known; None where a fault stands in the way."""

    def __init__(self, structure: Structure, broken: Collection[int]) -> None:
        self._structure = structure
        self._broken = broken
        stems = sum(1 for _ in structure.stems())
        self._widths = [
            None if i in broken else output_width(structure, n, stems)
            for i, n in enumerate(structure.nodes)
        ]
        self._strides: list[int | None] = []
        self._rates: list[int | None] = []

    def faults(self) -> Iterator[Fault]:
        for index, node in enumerate(self._structure.nodes):
            if index in self._broken:
                self._add(None, None)
            elif isinstance(node, Stem):
                yield from self._stem_faults(index, node)
            else:
                yield from self._block_faults(index, node)
        yield from self._head_faults()

    def _stem_faults(self, index: int, stem: Stem) -> Iterator[Fault]:
        width = self._widths[index]
        assert width is not None, "a stem without a fault has a width"
        try:
            out = stem_layers(self._structure, stem, width).out
            self._add(out.stride, out.temporal_stride)
        except KindError as error:
            self._add(None, None)
            yield kind_fault(index, error)

    def _add(self, stride: int | None, rate: int | None) -> None:
        self._strides.append(stride)
        self._rates.append(rate)

    def _block_faults(self, index: int, block: Block) -> Iterator[Fault]:
        space, time = self._largest(self._strides, block), self._largest(self._rates, block)
        pinned = block.pinned
        if pinned is not None:
            yield from _pooling_faults(index, "stride", pinned.input_stride, space)
            yield from _pooling_faults(index, "temporal_stride", pinned.input_temporal_stride, time)
            space, time = pinned.input_stride, pinned.input_temporal_stride
            yield from self._bucket_faults(index, pinned)
        stride = None if space is None else space * block.spatial_stride
        if stride is not None and stride > LIMIT:
            message = f"strides multiply to {stride:,} up to here, more than {LIMIT:,}"
            yield Fault("stride-total", message, index, cure="use stride 1 in more blocks")
            stride = None
        rate = None if time is None else time * block.temporal_stride
        if rate is not None and rate > LIMIT:
            message = f"temporal strides multiply to {rate:,} up to here, more than {LIMIT:,}"
            cure = "use temporal stride 1 in more blocks"
            yield Fault("temporal-stride-total", message, index, cure=cure)
            rate = None
        self._add(stride, rate)
        yield from self._kind_faults(index, block)

    def _largest(self, strides: Sequence[int | None], block: Block) -> int | None:
        """The largest stride of a block's inputs, if all are known."""
        found = [strides[source] for source in block.inputs]
        return None if None in found else max(s for s in found if s is not None)

    def _kind_faults(self, index: int, block: Block) -> Iterator[Fault]:
        """The layers of a block's kind, as far as the width of its inputs is known."""
        nodes, settings = self._structure.nodes, self._structure.network
        width = None if block.pinned is None else block.pinned.fused_width
        if width is None:
            inputs = [(self._widths[source], is_object(nodes[source])) for source in block.inputs]
            known = [(width, passes) for width, passes in inputs if width is not None]
            width = fused_width(known) if len(known) == len(inputs) else None
        if width is None:
            return
        kind = block_kind(self._structure, block)
        filters, inner = kind.filters.numbers(block.filters), settings.inner_widths[block.level]
        try:
            for step, _ in kind.steps(settings.blocks[block.level]):
                stride, time = block.spatial_stride, block.temporal_stride
                stride, time = (stride, time) if step == 0 else (1, 1)
                dilation = block.temporal_dilation
                kind.traced(BlockModule(width, filters, inner, dilation, stride, step, time))
                width = kind.width(block.filters)
        except KindError as error:
            yield kind_fault(index, error)

    def _bucket_faults(self, index: int, pinned: PinnedBlock) -> Iterator[Fault]:
        cure = "inputs of equal width, and only those, share a bucket and its 1x1 convolution"
        seen: set[int] = set()
        for bucket in pinned.buckets:
            widths = {w for source in bucket if (w := self._widths[source]) is not None}
            message = ""
            if len(widths) > 1:
                message = f"pinned bucket {show([*bucket])} mixes the widths {show(sorted(widths))}"
            elif widths & seen:
                message = f"two pinned buckets of width {next(iter(widths))}"
            if message:
                yield Fault("pinned-bucket-width", message, index, cure=cure)
            seen |= widths

    def _head_faults(self) -> Iterator[Fault]:
        finals = final_nodes(self._structure)
        widths = {self._widths[f] for f in finals} - {None}
        if len(widths) > 1:
            found = ", ".join(f"{f}: {self._widths[f]}" for f in finals[:_LISTED])
            more = f" and {len(finals) - _LISTED:,} more" if len(finals) > _LISTED else ""
            message = f"the head averages its final nodes, whose widths differ ({found}{more})"
            cure = "give all blocks of the top level the same filters"
            yield Fault("finals-width", message, cure=cure)
