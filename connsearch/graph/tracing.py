"""Whether the layers of a list fit together, and how wide and large every result is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from connsearch.errors import KindError
from connsearch.graph.layers import (
    INPUT,
    Convolution,
    Gate,
    Layer,
    Norm,
    Pool,
    Product,
    Recurrent,
    Sum,
    weights,
)


@dataclass(frozen=True, slots=True)
class Extent:
    """The size of a result, independent of the clip.

    Attributes:
        width: channels.
        stride: of its height and width relative to the module's input.
        frames: False: one frame stands for all.
        pixels: False: one pixel stands for the frame.
        temporal_stride: of its frames relative to the module's input; 1 where one stands for all.
    """

    width: int
    stride: int = 1
    frames: bool = True
    pixels: bool = True
    temporal_stride: int = 1

    def places(self, frames: int, height: int, width: int) -> int:
        """Returns how many pixels of all frames a result has; the sizes are of the input.

        >>> Extent(8, stride=2, temporal_stride=2).places(5, 4, 4)
        12
        """
        times = -(-frames // self.temporal_stride) if self.frames else 1
        area = -(-height // self.stride) * -(-width // self.stride) if self.pixels else 1
        return times * area


@dataclass(frozen=True, slots=True)
class Traced:
    """A list of layers that fit together.

    Attributes:
        layers: in the order they are computed.
        sources: for each layer the results it reads: 0 is the module's input, n the n-th layer's.
        extents: of the input, then of every layer's result.
    """

    layers: tuple[Layer, ...]
    sources: tuple[tuple[int, ...], ...]
    extents: tuple[Extent, ...]

    @property
    def out(self) -> Extent:
        """How large the module's output is."""
        return self.extents[-1]

    def counted(self, frames: int, height: int, width: int) -> tuple[int, int]:
        """Returns the parameters and the multiply-accumulates of a clip of that size.

        >>> traced([Convolution("conv", 3, 8, temporal=3, temporal_stride=2)], 3).counted(4, 2, 2)
        (72, 576)
        """
        parameters = macs = 0
        for layer, extent in zip(self.layers, self.extents[1:], strict=True):
            own, each = weights(layer, extent.width)
            once = replace(extent, pixels=False) if isinstance(layer, Gate) else extent
            parameters += own
            macs += each * once.places(frames, height, width)
        return parameters, macs


def traced(layers: Iterable[Layer], in_width: int) -> Traced:
    """Returns the layers with what each reads and how large its result is.

    Args:
        layers: in the order they are computed.
        in_width: channels of the module's input.

    Raises:
        KindError: two layers do not fit, or one has numbers that no layer can have.

    >>> found = traced([Convolution("conv", 3, 8, spatial=3, stride=2), Norm("bn")], in_width=3)
    >>> found.out
    Extent(width=8, stride=2, frames=True, pixels=True, temporal_stride=1)
    """
    known: dict[str, int] = {INPUT: 0}
    extents = [Extent(in_width)]
    sources: list[tuple[int, ...]] = []
    listed = tuple(layers)
    for place, layer in enumerate(listed):
        where = f"layer {place}, {_title(layer)}"
        read = tuple(_place(name, known, where) for name in _reads(layer)) or (place,)
        extents.append(_extent(layer, [extents[n] for n in read], where))
        sources.append(read)
        if layer.name is not None:
            if layer.name in known:
                raise KindError(f"{where}: another layer has this name, or it is {INPUT!r}")
            known[layer.name] = place + 1
    _check_created(listed)
    if not listed:
        raise KindError("no layers; a module needs at least one")
    return Traced(listed, tuple(sources), tuple(extents))


def _title(layer: Layer) -> str:
    name = "" if layer.name is None else f" {layer.name!r}"
    return f"{type(layer).__name__.lower()}{name}"


def _reads(layer: Layer) -> tuple[str, ...]:
    if isinstance(layer, Sum | Product):
        return layer.of
    return () if layer.reads is None else (layer.reads,)


def _place(name: str, known: Mapping[str, int], where: str) -> int:
    if name not in known:
        raise KindError(f"{where} reads {name!r}, but only {', '.join(known)} come before it")
    return known[name]


def _extent(layer: Layer, read: Sequence[Extent], where: str) -> Extent:
    """How large the result of a layer is."""
    first = read[0]
    match layer:
        case Convolution():
            _check_convolution(layer, where)
            _check_width(layer.in_width, first, where)
            if not first.pixels and layer.spatial * layer.stride > 1:
                raise KindError(f"{where}: {layer.spatial} taps, stride {layer.stride}, on 1 pixel")
            if not first.frames and layer.temporal_stride > 1:
                raise KindError(f"{where}: temporal stride {layer.temporal_stride} on 1 frame")
            return Extent(
                layer.out_width,
                first.stride * layer.stride,
                first.frames,
                first.pixels,
                first.temporal_stride * layer.temporal_stride,
            )
        case Norm() if layer.momentum is not None and not 0 < layer.momentum <= 1:
            raise KindError(f"{where}: momentum is {layer.momentum}, allowed are numbers in (0, 1]")
        case Recurrent():
            _check_whole({"in_width": layer.in_width, "out_width": layer.out_width}, where)
            _check_width(layer.in_width, first, where)
            if not first.frames:
                raise KindError(f"{where} runs over the frames, but its input has only one")
            return replace(first, width=layer.out_width)
        case Gate() if not first.frames:
            raise KindError(f"{where} runs over the frames, but its input has only one")
        case Pool():
            return _pooled(layer, first, where)
        case Sum() if read[0] != read[1]:
            raise KindError(f"{where} adds {_told(read[0])} and {_told(read[1])}")
        case Product() if not _gates(*read):
            raise KindError(f"{where}: {_told(read[1])} cannot gate {_told(read[0])}")
        case _:
            return first


def _pooled(layer: Pool, read: Extent, where: str) -> Extent:
    frames = read.frames and layer.frames == "each"
    if layer.window is None:
        if layer.stride != 1:
            raise KindError(f"{where}: stride {layer.stride} over the whole frame")
        if layer.temporal != 1 or layer.temporal_stride != 1:
            numbers = f"{layer.temporal} frames, temporal stride {layer.temporal_stride}"
            raise KindError(f"{where}: {numbers}, but no window in space")
        time = read.temporal_stride if frames else 1
        return replace(read, frames=frames, pixels=False, temporal_stride=time)
    if layer.how != "max" or layer.frames != "each":
        raise KindError(f"{where}: only the whole frame is averaged, or pooled over time")
    names = ("window", "stride", "temporal", "temporal_stride")
    _check_whole({name: getattr(layer, name) for name in names}, where)
    if not layer.temporal % 2 or (layer.centred and not layer.window % 2):
        shape = f"{layer.temporal} x {layer.window} x {layer.window}"
        raise KindError(
            f"{where}: a window of {shape}; allowed are odd numbers (in space also even ones, "
            "unless centred)"
        )
    if not read.pixels:
        raise KindError(f"{where}: a window of {layer.window} on 1 pixel")
    if not read.frames and layer.temporal * layer.temporal_stride > 1:
        raise KindError(
            f"{where}: {layer.temporal} frames, temporal stride {layer.temporal_stride}, on 1 frame"
        )
    return replace(
        read,
        stride=read.stride * layer.stride,
        temporal_stride=read.temporal_stride * layer.temporal_stride,
    )


def _gates(value: Extent, gate: Extent) -> bool:
    """Whether a gate has each axis of a value, or 1 for all of it."""
    if gate.pixels and (not value.pixels or gate.stride != value.stride):
        return False
    if gate.frames and (not value.frames or gate.temporal_stride != value.temporal_stride):
        return False
    return gate.width in (1, value.width)


def _check_convolution(layer: Convolution, where: str) -> None:
    names = "in_width out_width temporal spatial stride temporal_stride dilation groups".split()
    _check_whole({name: getattr(layer, name) for name in names}, where)
    if layer.in_width % layer.groups or layer.out_width % layer.groups:
        raise KindError(
            f"{where}: {layer.groups} groups do not divide its {layer.in_width} input and "
            f"{layer.out_width} output channels"
        )
    if not layer.temporal % 2 or not (layer.spatial % 2 or layer.same):
        raise KindError(
            f"{where}: {layer.temporal} x {layer.spatial} x {layer.spatial} taps; allowed are odd "
            "numbers (with same=True in space also even ones)"
        )


def _check_whole(numbers: Mapping[str, int], where: str) -> None:
    for name, number in numbers.items():
        if number < 1:
            raise KindError(f"{where}: {name} is {number}, allowed are whole numbers from 1")


def _check_width(wanted: int, read: Extent, where: str) -> None:
    if wanted != read.width:
        raise KindError(f"{where} takes {wanted} channels, but reads {read.width}")


def _check_created(layers: Sequence[Layer]) -> None:
    after: set[str] = set()
    for layer in reversed(layers):
        if isinstance(layer, Norm) and layer.created_after not in (None, *after):
            raise KindError(
                f"{_title(layer)} is created after {layer.created_after!r}, "
                "which is not a later layer"
            )
        if isinstance(layer, Convolution | Recurrent | Gate) or (
            isinstance(layer, Norm) and layer.created_after is None
        ):
            after.add(layer.name)


def _told(extent: Extent) -> str:
    frames = "" if extent.frames else ", 1 frame"
    if extent.temporal_stride > 1:
        frames = f", temporal stride {extent.temporal_stride}"
    place = f"stride {extent.stride}" if extent.pixels else "1 pixel"
    return f"{extent.width} channels ({place}{frames})"
