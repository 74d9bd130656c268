"""The cupboard of block and stem kinds: one file each, which defines such a node completely.

A kind is a value: how filters are written, what width comes out, and the layers of a module as a
list (``graph.layers``). Plan, cost, rules, dilations, evolution and ``nn`` read that value; a new
kind is a new file here and nothing else. A structure's nodes have the kinds of its family, unless
they name another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import cast

from connsearch.errors import KindError
from connsearch.graph.checks import are_whole, is_whole
from connsearch.graph.layers import Layer
from connsearch.graph.spec import Filters, Modality
from connsearch.graph.tracing import Extent, Traced, traced
from connsearch.registry import Registry

_REMEMBERED = 1 << 14
"""Size of the cache of layer lists: children of an evolution need almost the same ones."""


@dataclass(frozen=True, slots=True)
class FilterForm:
    """How the filters of a block are written: one whole number, or a list of several.

    Attributes:
        entries: the meaning of the numbers, in order; a single one is written as a plain number.
        unit: every number is a multiple of it (where groups share the channels, for instance).
        usual: the proportion of the numbers where nobody says it; empty: all are equal.
    """

    entries: tuple[str, ...] = ("filters",)
    unit: int = 1
    usual: tuple[float, ...] = ()

    def numbers(self, filters: Filters) -> tuple[int, ...]:
        """Returns the numbers in some filters of this form.

        >>> FilterForm().numbers(32), FilterForm(("expand", "output")).numbers((27, 12))
        ((32,), (27, 12))
        """
        return filters if isinstance(filters, tuple) else (filters,)

    def written(self, numbers: Iterable[int]) -> Filters:
        """Returns numbers as filters of this form.

        >>> FilterForm().written([32])
        32
        """
        found = tuple(numbers)
        return found[0] if len(self.entries) == 1 else found

    def filled(self, number: int) -> Filters:
        """Returns filters of this form that are all equal to a number of units.

        >>> FilterForm(("expand", "output"), unit=4).filled(2)
        (8, 8)
        """
        return self.written([number * self.unit] * len(self.entries))

    def proportioned(self, number: int) -> Filters:
        """Returns filters in their usual proportion, the least of them a number of units.

        >>> FilterForm(("expand", "output"), usual=(2.25, 1)).proportioned(8)
        (18, 8)
        """
        parts = self.usual or (1,) * len(self.entries)
        least = min(parts)
        return self.written(max(1, round(number * p / least)) * self.unit for p in parts)

    def fits(self, filters: object) -> bool:
        """Returns whether a value is written in this form.

        >>> FilterForm(unit=4).fits(8), FilterForm(unit=4).fits(6), FilterForm().fits((8, 8))
        (True, False, False)
        """
        whole = is_whole(filters) if len(self.entries) == 1 else are_whole(filters)
        if not whole:
            return False
        numbers = self.numbers(cast(Filters, filters))
        return len(numbers) == len(self.entries) and not any(n % self.unit for n in numbers)

    def zipped(self, work: Callable[..., int], *filters: Filters) -> Filters:
        """Returns what some work makes of filters of this form, entry by entry, in units.

        >>> FilterForm().zipped(max, 32, 64)
        64
        >>> FilterForm(unit=4).zipped(lambda n: n // 2, 12)
        4
        """
        rows = zip(*map(self.numbers, filters), strict=True)
        return self.written(
            work(*(number // self.unit for number in row)) * self.unit for row in rows
        )

    def __str__(self) -> str:
        if len(self.entries) == 1:
            said = "one number"
        else:
            count = {2: "a pair", 3: "a triple"}.get(len(self.entries), "a list")
            said = f"{count} [{', '.join(self.entries)}]"
        return said if self.unit == 1 else f"{said}, of multiples of {self.unit}"


@dataclass(frozen=True, slots=True)
class BlockModule:
    """One module of a block, as a kind is asked for its layers.

    Attributes:
        in_width: channels of its input: fused ones of step 0, the block's own width after it.
        filters: the block's filters as a tuple, also where they are one number.
        inner_width: what the settings give the block's level (``network.inner_widths``).
        dilation: frames between temporal taps.
        stride: it carries in space; 1 after step 0.
        step: 0, then 1 to the kind's ``period``, repeatedly.
        temporal_stride: it carries in time; 1 after step 0.
    """

    in_width: int
    filters: tuple[int, ...]
    inner_width: int
    dilation: int = 1
    stride: int = 1
    step: int = 0
    temporal_stride: int = 1


@dataclass(frozen=True, slots=True)
class StemModule:
    """A stem, as a kind is asked for its layers.

    Attributes:
        modality: the stream it reads.
        in_width: channels of the stream.
        width: channels of its output.
        dilation: frames between temporal taps.
    """

    modality: Modality
    in_width: int
    width: int
    dilation: int = 1


@dataclass(frozen=True, eq=False)
class BlockKind:
    """What a block is: a chain of modules, the first of which carries its strides.

    Attributes:
        name: the name that structures and families use.
        filters: how its filters are written.
        out_width: from its filters, as a tuple, to its output channels.
        layers: from a module to its layers, in the order they are computed.
        period: number of modules after which they repeat, from step 1 on.
    """

    name: str
    filters: FilterForm
    out_width: Callable[[tuple[int, ...]], int]
    layers: Callable[[BlockModule], Iterable[Layer]]
    period: int = 1

    def width(self, filters: Filters) -> int:
        """Returns the channels a block of such filters puts out."""
        return self.out_width(self.filters.numbers(filters))

    def filters_of(self, width: int) -> Filters | None:
        """Returns filters in their usual proportion that make a block put out so many channels.

        None where there are none. A kind's width grows with its filters.
        """
        return _filters_of(self, width)

    def step(self, number: int) -> int:
        """Returns the step whose layers the ``number``-th module of a block has."""
        return 0 if number == 0 else 1 + (number - 1) % self.period

    def steps(self, modules: int) -> Iterator[tuple[int, int]]:
        """Yields every step that occurs in a block of ``modules`` modules, and its count."""
        for step in range(min(modules, 1 + self.period)):
            yield step, 1 if step == 0 else 1 + (modules - 1 - step) // self.period

    def traced(self, module: BlockModule) -> Traced:
        """Returns a module's layers, which fit together and end as planned.

        Raises:
            KindError: they do not.
        """
        return _traced_block(self, module)

    def has_dilation(self, filters: Filters, *, inner_width: int, modules: int) -> bool:
        """Returns whether a temporal dilation has an effect in a block of ``modules`` modules."""
        return _is_dilated(self, self.filters.numbers(filters), inner_width, modules)

    @property
    def strides_time(self) -> bool:
        """Whether a block of this kind can have a stride in time."""
        return _strides_time(self)


@dataclass(frozen=True, eq=False)
class StemKind:
    """What a stem is.

    Attributes:
        name: the name that structures and families use.
        layers: from a stem to its layers, in the order they are computed.
        modalities: the streams it can read.
        passes: streams it passes on with as many channels as they have; what is left of
            ``modalities`` gets the width that the structure gives its stems.
    """

    name: str
    layers: Callable[[StemModule], Iterable[Layer]]
    modalities: tuple[Modality, ...] = tuple(Modality)
    passes: tuple[Modality, ...] = (Modality.OBJECT,)

    def traced(self, stem: StemModule) -> Traced:
        """Returns a stem's layers, which fit together and end as planned.

        Raises:
            KindError: they do not.
        """
        return _traced_stem(self, stem)

    def has_dilation(self, modality: Modality) -> bool:
        """Returns whether a temporal dilation changes anything in a stem of that stream."""
        return _is_dilated_stem(self, modality)


BLOCK_KINDS: Registry[BlockKind] = Registry("block kind", __name__)
STEM_KINDS: Registry[StemKind] = Registry("stem kind", __name__)


def block_kind(
    name: str,
    *,
    out_width: Callable[[tuple[int, ...]], int],
    filters: FilterForm = FilterForm(),
    period: int = 1,
) -> Callable[[Callable[[BlockModule], Iterable[Layer]]], BlockKind]:
    """Returns a decorator that files a function from modules to layers as a block kind."""
    if period < 1 or filters.unit < 1 or not filters.entries:
        raise KindError(f"block kind {name!r}: period, unit and entries must be at least 1")

    def file(layers: Callable[[BlockModule], Iterable[Layer]]) -> BlockKind:
        kind = BlockKind(name, filters, out_width, layers, period)
        return BLOCK_KINDS.register(name)(kind)

    return file


def stem_kind(
    name: str,
    *,
    modalities: tuple[Modality, ...] = tuple(Modality),
    passes: tuple[Modality, ...] = (Modality.OBJECT,),
) -> Callable[[Callable[[StemModule], Iterable[Layer]]], StemKind]:
    """Returns a decorator that files a function from stems to layers as a stem kind."""
    if not modalities:
        raise KindError(f"stem kind {name!r}: it must read at least one stream")

    def file(layers: Callable[[StemModule], Iterable[Layer]]) -> StemKind:
        return STEM_KINDS.register(name)(StemKind(name, layers, modalities, passes))

    return file


@lru_cache(maxsize=_REMEMBERED)
def _traced_block(kind: BlockKind, module: BlockModule) -> Traced:
    asked = f"block kind {kind.name!r}, step {module.step}, "
    asked += f"{module.in_width} channels in, filters {kind.filters.written(module.filters)}, "
    asked += f"inner width {module.inner_width}, stride {module.stride}"
    if module.temporal_stride > 1:
        asked += f", temporal stride {module.temporal_stride}"
    found = _traced(asked, lambda: kind.layers(module), module.in_width)
    width, time = kind.out_width(module.filters), module.temporal_stride
    wanted = Extent(width, module.stride, temporal_stride=time)
    if found.out != wanted:
        raise KindError(_other_end(asked, found.out, wanted))
    return found


@lru_cache(maxsize=_REMEMBERED)
def _filters_of(kind: BlockKind, width: int) -> Filters | None:
    for number in range(1, width + 1):
        filters = kind.filters.proportioned(number)
        if (found := kind.width(filters)) >= width:
            return filters if found == width else None
    return None


@lru_cache(maxsize=_REMEMBERED)
def _traced_stem(kind: StemKind, stem: StemModule) -> Traced:
    asked = f"stem kind {kind.name!r}, {stem.modality} of {stem.in_width} channels, "
    asked += f"width {stem.width}"
    found = _traced(asked, lambda: kind.layers(stem), stem.in_width)
    wanted = Extent(stem.width, found.out.stride, temporal_stride=found.out.temporal_stride)
    if found.out != wanted:
        raise KindError(_other_end(asked, found.out, wanted))
    return found


def _traced(asked: str, layers: Callable[[], Iterable[Layer]], in_width: int) -> Traced:
    try:
        return traced(layers(), in_width)
    except KindError as error:
        raise KindError(f"{asked}: {error}") from None
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise KindError(f"{asked}: its file fails: {type(error).__name__}: {error}") from error


def _other_end(asked: str, found: Extent, wanted: Extent) -> str:
    return (
        f"{asked}: its layers end in {found}\n"
        f"  planned: {wanted}\n"
        "  cure: correct the last layers, or the width the kind promises"
    )


@lru_cache(maxsize=_REMEMBERED)
def _is_dilated_stem(kind: StemKind, modality: Modality) -> bool:
    near, far = (kind.layers(StemModule(modality, 4, 4, dilation)) for dilation in (1, 2))
    return tuple(near) != tuple(far)


@lru_cache(maxsize=_REMEMBERED)
def _strides_time(kind: BlockKind) -> bool:
    filters = kind.filters.numbers(kind.filters.filled(4))
    module = BlockModule(kind.out_width(filters), filters, 4)
    return tuple(kind.layers(module)) != tuple(kind.layers(replace(module, temporal_stride=2)))


@lru_cache(maxsize=_REMEMBERED)
def _is_dilated(kind: BlockKind, filters: tuple[int, ...], inner_width: int, modules: int) -> bool:
    width = kind.out_width(filters)
    for step, _ in kind.steps(modules):
        module = BlockModule(width, filters, inner_width, step=step)
        far = replace(module, dilation=2)
        if tuple(kind.layers(module)) != tuple(kind.layers(far)):
            return True
    return False
