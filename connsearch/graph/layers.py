"""What a block or stem kind is made of: a list of layers, as plain values.

A layer reads the one before it, or those it names; the first reads the module's input, which is
called ``input``. ``graph.tracing`` checks whether they fit and computes the size of every
result; ``nn.layered`` builds modules from such lists and ``graph.cost`` counts them.

Sizes are those of clips ``(B, C, T, H, W)``. Time is never strided, and space ends at
``ceil(size / stride)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

INPUT = "input"
"""The name of what a module reads."""


@dataclass(frozen=True, slots=True)
class Convolution:
    """A convolution of ``(temporal, spatial, spatial)`` taps, padded to keep T.

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
    reads: str | None = None


@dataclass(frozen=True, slots=True)
class Norm:
    """Batch normalisation with scale and shift.

    Attributes:
        name: of its tensors in checkpoints.
        zero: whether its scale starts at 0, so that a residual module starts as its shortcut.
        created_after: a later layer after which its parameters are numbered; checkpoints and
            gradient norms of earlier versions know them in that order.
        reads: the result it reads; None: that of the layer before.
    """

    name: str
    zero: bool = False
    created_after: str | None = None
    reads: str | None = None


@dataclass(frozen=True, slots=True)
class Activation:
    """An elementwise function."""

    function: Literal["relu", "sigmoid", "tanh", "silu", "gelu"] = "relu"
    name: str | None = None
    reads: str | None = None


@dataclass(frozen=True, slots=True)
class Pool:
    """The largest number or the mean of windows in height and width, frame by frame.

    Attributes:
        how: ``max`` or ``average``; averages are of the whole frame only.
        window: its side; None: the whole frame, which leaves one pixel.
        stride: in space; the border never wins.
        frames: ``each`` on its own, or ``all`` as one: then one frame is left.
        name: for layers that read it.
        reads: the result it reads; None: that of the layer before.
    """

    how: Literal["max", "average"] = "max"
    window: int | None = None
    stride: int = 1
    frames: Literal["each", "all"] = "each"
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


Layer = Convolution | Norm | Activation | Pool | Recurrent | Sum | Product


def creation_order(layers: Sequence[Layer]) -> list[Layer]:
    """Returns the layers with tensors of their own, in the order they are created."""
    late = {n.name: n for n in layers if isinstance(n, Norm) and n.created_after is not None}
    order: list[Layer] = []
    for layer in layers:
        if isinstance(layer, Convolution | Norm | Recurrent) and layer.name not in late:
            order.append(layer)
            order += [norm for norm in late.values() if norm.created_after == layer.name]
    return order


def weights(layer: Layer, width: int) -> tuple[int, int]:
    """Returns the parameters of a layer, and its multiply-accumulates at one place of its result.

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
        case _:
            return 0, 0
