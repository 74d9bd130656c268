"""What a network asks of its clips: pixels enough for its strides, frames enough for motion."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from connsearch.graph.layers import Norm
from connsearch.graph.plan import Plan, StemPlan, plan
from connsearch.graph.spec import Modality, Structure
from connsearch.graph.tracing import Traced
from connsearch.models.count import without_numbers
from connsearch.models.model import Model
from connsearch.models.pixels import one_number

_WINDOWS = (nn.Conv2d, nn.Conv3d, nn.MaxPool2d, nn.MaxPool3d, nn.AvgPool2d, nn.AvgPool3d)
"""Layers that look at several pixels at once."""


def fewest_pixels(model: Model, streams: Mapping[str, Tensor]) -> int | None:
    """Returns the shorter side in pixels of the smallest feature map that is looked at in windows.

    The mean of a whole frame, and what is computed from it, is no such map, nor are those of parts
    that see windows of the frames (``Model.windowed``). That of a structure follows from its
    strides; any other network computes once, without numbers.

    Args:
        model: any; it stays as it is.
        streams: one clip as the network takes it; only shape and type are read.

    Returns:
        At least 1; None where it cannot be told: the network has no such layer, or asks for numbers
        on its way.
    """
    structure = model.describe().structure
    if structure is not None:
        side = min(min(stream.shape[-2:]) for stream in streams.values())
        return -(-side // largest_stride(structure))
    found: list[int] = []

    def note(_: nn.Module, __: Any, output: Any) -> None:
        if isinstance(output, Tensor):
            found.append(min(output.shape[-2:]))

    try:
        without = without_numbers(model).eval()
        inside = tuple(f"{part}." for part in model.windowed)
        for name, module in without.named_modules():
            if name.startswith(inside):
                continue
            if isinstance(module, _WINDOWS) and _is_wide(module):
                module.register_forward_hook(note)
        empty = {name: torch.empty_like(s, device="meta") for name, s in streams.items()}
        with torch.no_grad():
            without(empty)
    except Exception:  # a module of one's own may ask for anything, and nothing follows from it
        return None
    return min(found, default=None)


def computes_flow(model: Model) -> bool:
    """Returns whether a network computes motion from each frame and the next."""
    return any(Modality.FLOW in structure.modalities() for structure in structures_in(model))


def structures_in(model: nn.Module) -> Iterator[Structure]:
    """Yields the structures whose networks a model is, or is made of."""
    for module in model.modules():
        structure = getattr(module, "structure", None)
        if isinstance(module, Model) and isinstance(structure, Structure):
            yield structure


def largest_stride(structure: Structure) -> int:
    """Returns how many times smaller than the clip the smallest feature map is, in each direction.

    >>> from connsearch.graph.files import load_structure
    >>> largest_stride(load_structure("assemblenet-50"))
    32
    """
    strides: list[int] = []
    for _, first, traced in _modules(plan(structure)):
        inner = [e.stride for e in traced.extents if e.pixels]
        strides += [first * traced.out.stride, first * max(inner)]
    return max(strides)


class Strides(NamedTuple):
    """How many times smaller than the clip a feature map is, in time and in each direction."""

    temporal: float
    stride: float


def norm_strides(shapes: Plan) -> frozenset[Strides]:
    """Returns the strides of all maps that are batch-normalised; infinite where one place is left.

    >>> from connsearch.graph.files import load_structure
    >>> max(norm_strides(plan(load_structure("r3d-18"))))
    Strides(temporal=16, stride=32)
    """
    found: set[Strides] = set()
    for first_time, first, traced in _modules(shapes):
        for layer, extent in zip(traced.layers, traced.extents[1:], strict=True):
            if isinstance(layer, Norm):
                time = first_time * extent.temporal_stride if extent.frames else math.inf
                space = first * extent.stride if extent.pixels else math.inf
                found.add(Strides(time, space))
    return frozenset(found)


def refuse_one_number(strides: frozenset[Strides], shape: Sequence[int]) -> None:
    """Refuses a single clip of which a channel would end as one number, in training.

    Args:
        strides: of the maps that are normalised (:func:`norm_strides`).
        shape: of the clips ``(B, C, T, H, W)``.

    Raises:
        DataError: it would; the message says what to do.
    """
    clips, _, frames, height, width = shape
    if clips > 1:
        return
    smallest = [s for s in strides if frames <= s.temporal and max(height, width) <= s.stride]
    if smallest:
        time, space = (max(largest) for largest in zip(*smallest, strict=True))
        larger = [f"more --frames than {time}"] if time < math.inf else []
        larger += [f"a --size of more than {space} pixels"] if space < math.inf else []
        more = "; or ".join(larger) or "longer or larger clips do not help"
        raise one_number(f"{frames} frames and {height}x{width} pixels", "", more)


def _modules(shapes: Plan) -> Iterator[tuple[int, int, Traced]]:
    """Every list of layers of a network, with the strides of its input, in time and in space."""
    for shape in shapes.nodes:
        if isinstance(shape, StemPlan):
            yield 1, 1, shape.layers
            continue
        yield shape.input_temporal_stride, shape.input_stride, shape.module(0)
        for step, _ in shape.kind.steps(shape.modules):
            if step:
                yield shape.temporal_stride, shape.stride, shape.module(step)


def _is_wide(module: nn.Module) -> bool:
    """Whether a layer looks at more than one pixel of a frame."""
    kernel: int | tuple[int, ...] = getattr(module, "kernel_size", 1)
    return kernel > 1 if isinstance(kernel, int) else max(kernel[-2:]) > 1
