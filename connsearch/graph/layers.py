"""What a block or stem kind is made of: a list of layers, as plain values.

A layer reads the one before it, or those it names; the first reads the module's input, which is
called ``input``. ``graph.tracing`` checks whether they fit and computes the size of every
result; ``nn.layered`` builds modules from such lists and ``graph.cost`` counts them.

Sizes are those of clips ``(B, C, T, H, W)``. Time and space end at ``ceil(size / stride)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from connsearch.graph.spec import GateFusion

INPUT = "input"
"""The name of what a module reads."""


@dataclass(frozen=True, slots=True)
class Convolution:
    """A convolution of ``(temporal, spatial, spatial)`` taps, padded to end at ceil(size / stride).

    Attributes:
        name: of its tensors in checkpoints.
        in_width: channels it reads.
        out_width: channels of its output.
        temporal: taps in time, odd.
        spatial: taps in height and in width; odd, unless ``same``.
        stride: in space.
        dilation: frames between temporal taps.
        groups: parts of the channels that do not see each other; ``in_width`` separates all.
        bias: whether a number is added to each channel.
        same: an odd pixel of padding goes to the end (TensorFlow's SAME); else sides are equal.
        temporal_stride: in time, where sides are always equal.
        reads: the result it reads; None: that of the layer before.
    """

    name: str
    in_width: int
    out_width: int
    temporal: int = 1
    spatial: int = 1
    stride: int = 1
    dilation: int = 1
    groups: int = 1
    bias: bool = False
    same: bool = False
    temporal_stride: int = 1
    reads: str | None = None


@dataclass(frozen=True, slots=True)
class Norm:
    """Batch normalisation with scale and shift.

    Attributes:
        name: of its tensors in checkpoints.
        zero: whether its scale starts at 0, so that a residual module starts as its shortcut.
        created_after: a later layer after which its parameters are numbered; checkpoints and
            gradient norms of earlier versions know them in that order.
        momentum: share of a batch in the running statistics, in (0, 1]; None: the published .01.
        reads: the result it reads; None: that of the layer before.
    """

    name: str
    zero: bool = False
    created_after: str | None = None
    momentum: float | None = None
    reads: str | None = None


@dataclass(frozen=True, slots=True)
class Activation:
    """An elementwise function."""

    function: Literal["relu", "sigmoid", "tanh", "silu", "gelu"] = "relu"
    name: str | None = None
    reads: str | None = None


@dataclass(frozen=True, slots=True)
class Pool:
    """The largest number or the mean of windows in height and width, by default frame by frame.

    Attributes:
        how: ``max`` or ``average``; averages are of the whole frame only.
        window: its side; None: the whole frame, which leaves one pixel.
        stride: in space; the border never wins.
        frames: ``each`` on its own, or ``all`` as one: then one frame is left.
        temporal: frames of a window, odd: as many before its place as after.
        temporal_stride: in time.
        centred: the same in space, for an odd window (PyTorch's padding); else an odd pixel of
            padding goes to the end (TensorFlow's SAME).
        name: for layers that read it.
        reads: the result it reads; None: that of the layer before.
    """

    how: Literal["max", "average"] = "max"
    window: int | None = None
    stride: int = 1
    frames: Literal["each", "all"] = "each"
    temporal: int = 1
    temporal_stride: int = 1
    centred: bool = False
    name: str | None = None
    reads: str | None = None


@dataclass(frozen=True, slots=True)
class Recurrent:
    """A recurrent cell over the frames, separately at every pixel; it starts from zeros.

    Attributes:
        name: of its tensors in checkpoints.
        in_width: channels it reads.
        out_width: channels of its state, which is its output at every frame.
        cell: ``lstm`` or ``gru``.
        reads: the result it reads; None: that of the layer before.
    """

    name: str
    in_width: int
    out_width: int
    cell: Literal["lstm", "gru"] = "lstm"
    reads: str | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """A temporal gate with squeeze and recursion (Stergiou & Poppe 2021, arXiv 2006.08247).

    A recurrent cell over the spatial means says how every channel and frame is scaled. It is as
    wide as what it reads.

    Attributes:
        name: of its tensors in checkpoints.
        fusion: what it makes of features and states where it is open.
        reads: the result it reads; None: that of the layer before.
    """

    name: str
    fusion: GateFusion = "product"
    reads: str | None = None


@dataclass(frozen=True, slots=True)
class Sum:
    """The sum of two results of equal shape: a shortcut, for instance."""

    of: tuple[str, str]
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """The product of two results, number by number: the second gates the first.

    The gate may have one channel, one frame or one pixel for all of the first.
    """

    of: tuple[str, str]
    name: str | None = None


Layer = Convolution | Norm | Activation | Pool | Recurrent | Gate | Sum | Product

GATE_CELLS = 2
"""LSTM cells of a temporal gate, one above the other."""


def creation_order(layers: Sequence[Layer]) -> list[Layer]:
    """Returns the layers with tensors of their own, in the order they are created."""
    late = {n.name: n for n in layers if isinstance(n, Norm) and n.created_after is not None}
    order: list[Layer] = []
    for layer in layers:
        if isinstance(layer, Convolution | Norm | Recurrent | Gate) and layer.name not in late:
            order.append(layer)
            order += [norm for norm in late.values() if norm.created_after == layer.name]
    return order


def weights(layer: Layer, width: int) -> tuple[int, int]:
    """Returns the parameters of a layer, and its multiply-accumulates at one place of its result.

    A place is a pixel of a frame; of a temporal gate it is a frame.

    Args:
        layer: any.
        width: channels of its result.

    >>> weights(Convolution("conv", 8, 4, spatial=3, groups=2), 4), weights(Norm("bn"), 4)
    ((144, 144), (8, 0))
    """
    match layer:
        case Convolution():
            kernel = layer.temporal * layer.spatial**2 * (layer.in_width // layer.groups)
            return (kernel + layer.bias) * width, kernel * width
        case Norm():
            return 2 * width, 0
        case Recurrent():
            gates = {"lstm": 4, "gru": 3}[layer.cell]
            kernel = gates * width * (layer.in_width + width)
            return kernel + 2 * gates * width, kernel
        case Gate():
            kernel = GATE_CELLS * 4 * width * 2 * width
            return kernel + GATE_CELLS * 2 * 4 * width, kernel
        case _:
            return 0, 0
