"""What a network asks of its clips: pixels enough for its strides, frames enough for motion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from connsearch.graph.plan import StemPlan, plan
from connsearch.graph.spec import Modality, Structure
from connsearch.models.count import without_numbers
from connsearch.models.model import Model

_WINDOWS = (nn.Conv2d, nn.Conv3d, nn.MaxPool2d, nn.MaxPool3d, nn.AvgPool2d, nn.AvgPool3d)
"""Layers that look at several pixels at once."""


def fewest_pixels(model: Model, streams: Mapping[str, Tensor]) -> int | None:
    """Returns the shorter side in pixels of the smallest feature map that is looked at in windows.

    The mean of a whole frame, and what is computed from it, is no such map. That of a structure
    follows from its strides; any other network computes once, without numbers.

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
        for module in without.modules():
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
    structure = model.describe().structure
    return structure is not None and Modality.FLOW in structure.modalities()


def largest_stride(structure: Structure) -> int:
    """Returns how many times smaller than the clip the smallest feature map is, in each direction.

    >>> from connsearch.graph.files import load_structure
    >>> largest_stride(load_structure("assemblenet-50"))
    32
    """
    strides: list[int] = []
    for shape in plan(structure).nodes:
        first, layers = (
            (1, [shape.layers])
            if isinstance(shape, StemPlan)
            else (shape.input_stride, [shape.module(0)])
        )
        inner = [e.stride for traced in layers for e in traced.extents if e.pixels]
        strides += [shape.stride, first * max(inner)]
    return max(strides)


def _is_wide(module: nn.Module) -> bool:
    """Whether a layer looks at more than one pixel of a frame."""
    kernel: int | tuple[int, ...] = getattr(module, "kernel_size", 1)
    return kernel > 1 if isinstance(kernel, int) else max(kernel[-2:]) > 1
