"""A module built from a kind's list of layers: what ``graph.kinds`` says, as tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from connsearch.graph.layers import (
    Activation,
    Convolution,
    Gate,
    Layer,
    Norm,
    Pool,
    Product,
    Recurrent,
    Sum,
    creation_order,
)
from connsearch.graph.tracing import Traced
from connsearch.nn.layers import Recurrence, conv, max_pool_same, norm, pad_same
from connsearch.nn.temporal_gate import TemporalGate

_FUNCTIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "silu": F.silu,
    "gelu": F.gelu,
}


class Layered(nn.Module):
    """The layers of a kind, in order; tensors have the names of their layers.

    Args:
        found: layers that fit together (``graph.kinds``).

    Attributes:
        kernels: for every normalisation, by name, the tensor that weights what it reads.
    """

    def __init__(self, found: Traced) -> None:
        super().__init__()
        for layer in creation_order(found.layers):
            assert layer.name is not None
            self.add_module(layer.name, _made(layer, found))
        self._layers, self._sources = found.layers, found.sources
        last = {place: n for n, read in enumerate(found.sources) for place in read}
        self._done = [[p for p, at in last.items() if at == n] for n in range(len(found.layers))]
        self.kernels = _kernels(found)

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """Maps ``(B, C, T, H, W)`` to ``(B, width, T', H', W')``, each ceil(size / stride)."""
        results = {0: x_BCTHW}
        for place, layer in enumerate(self._layers):
            read = [results[source] for source in self._sources[place]]
            for done in self._done[place]:  # results that are not read again are freed here
                del results[done]
            results[place + 1] = self._computed(layer, *read)
        return results[len(self._layers)]

    def _computed(self, layer: Layer, x_BCTHW: Tensor, *others: Tensor) -> Tensor:
        match layer:
            case Convolution(same=True):
                padded = pad_same(x_BCTHW, layer.spatial, layer.stride)
                return self.get_submodule(layer.name)(padded)
            case Convolution() | Norm() | Recurrent() | Gate():
                return self.get_submodule(layer.name)(x_BCTHW)
            case Activation():
                return _FUNCTIONS[layer.function](x_BCTHW)
            case Pool():
                return _pooled(layer, x_BCTHW)
            case Sum():
                return x_BCTHW + others[0]
            case Product():
                return x_BCTHW * others[0]


def _made(layer: Layer, found: Traced) -> nn.Module:
    """The module of a layer that has tensors."""
    if isinstance(layer, Convolution):
        return conv(
            layer.in_width,
            layer.out_width,
            temporal=layer.temporal,
            spatial=layer.spatial,
            stride=layer.stride,
            temporal_stride=layer.temporal_stride,
            dilation=layer.dilation,
            groups=layer.groups,
            bias=layer.bias,
            pad=not layer.same,
        )
    if isinstance(layer, Recurrent):
        return Recurrence(layer.in_width, layer.out_width, layer.cell)
    width = found.extents[found.layers.index(layer) + 1].width
    if isinstance(layer, Gate):
        return TemporalGate(width, fusion=layer.fusion)
    assert isinstance(layer, Norm)
    return norm(width, zero=layer.zero, momentum=layer.momentum)


def _pooled(layer: Pool, x_BCTHW: Tensor) -> Tensor:
    if layer.window is not None:
        return _windowed(layer, layer.window, x_BCTHW)
    axes = (2, 3, 4) if layer.frames == "all" else (3, 4)
    return x_BCTHW.amax(axes, True) if layer.how == "max" else x_BCTHW.mean(axes, True)


def _windowed(layer: Pool, window: int, x_BCTHW: Tensor) -> Tensor:
    """The largest of each window."""
    frames, every = layer.temporal, layer.temporal_stride
    if layer.centred:
        size, strides = (frames, window, window), (every, layer.stride, layer.stride)
        return F.max_pool3d(x_BCTHW, size, strides, (frames // 2, window // 2, window // 2))
    x_BCTHW = max_pool_same(x_BCTHW, window, layer.stride)
    if frames == every == 1:
        return x_BCTHW
    return F.max_pool3d(x_BCTHW, (frames, 1, 1), (every, 1, 1), (frames // 2, 0, 0))


def _kernels(found: Traced) -> dict[str, str]:
    """For every normalisation the nearest kernel before it."""
    before: list[str | None] = [None]
    kernels: dict[str, str] = {}
    for layer, read in zip(found.layers, found.sources, strict=True):
        kernel = before[read[0]]
        if isinstance(layer, Norm) and kernel is not None:
            kernels[layer.name] = kernel
        if isinstance(layer, Convolution):
            kernel = f"{layer.name}.weight"
        elif isinstance(layer, Recurrent):
            kernel = f"{layer.name}.cell.weight_ih_l0"
        before.append(kernel)
    return kernels
