"""Clips on their way into a network: flow where it is missing, checks, memory format."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from connsearch.errors import DataError
from connsearch.graph.spec import Modality, NetworkSettings, Structure
from connsearch.nn.flow import representation_flow
from connsearch.nn.given import COLOURS, require_streams, require_tensor
from connsearch.nn.precision import own_precision


def ready_streams(
    streams: Mapping[str, Tensor], structure: Structure, memory_format: torch.memory_format
) -> dict[Modality, Tensor]:
    """Returns the streams ``(B, C, T, H, W)`` a structure's stems read.

    Flow is computed from ``rgb`` where it is not given.

    Raises:
        DataError: it is no mapping of tensors, or a stream is missing or has another shape than
            the structure or the other streams need.
    """
    wanted = structure.modalities()
    settings = structure.network
    require_streams(streams, _wanted(structure))
    given = dict(streams)
    computed = Modality.FLOW in wanted and "flow" not in given and "rgb" in given
    read = [Modality.RGB if computed and m is Modality.FLOW else m for m in wanted]
    for modality in read:
        _check(modality, given, settings)
    _check_alike({m: given[m] for m in read})
    if computed:
        with own_precision(given["rgb"].device.type):
            given["flow"] = representation_flow(
                given["rgb"],
                iterations=settings.flow_iterations,
                normalisation=settings.flow_normalisation,
            )
    return {m: given[m].contiguous(memory_format=memory_format) for m in wanted}


def _wanted(structure: Structure) -> dict[str, str]:
    """Name of every stream that has to be given -> what it holds."""
    found: dict[str, str] = {}
    for modality in structure.modalities():
        if modality is Modality.OBJECT:
            width = structure.network.stream_width(modality)
            found["object"] = f"float (clips, {width} classes, frames, height, width), one-hot"
        else:  # flow is computed
            found["rgb"] = COLOURS
    return dict(sorted(found.items(), reverse=True))


def _check(modality: Modality, given: Mapping[str, Tensor], settings: NetworkSettings) -> None:
    channels = settings.stream_width(modality)
    if modality not in given:
        raise DataError(
            f"the structure reads the {modality} stream, but the clips only have: "
            f"{', '.join(sorted(given)) or 'nothing'}"
        )
    stream = given[modality]
    require_tensor(stream, modality)
    shape = tuple(stream.shape)
    if len(shape) != 5 or shape[1] != channels or not stream.numel():
        raise DataError(
            f"the {modality} stream must be (clips, {channels} channels, frames, height, width), "
            f"none of them 0, got {shape}"
        )
    if not stream.is_floating_point():
        raise DataError(
            f"the {modality} stream must hold floating point numbers, got {stream.dtype}; "
            "scale pixels to -1..1 first"
        )


def _check_alike(streams: Mapping[Modality, Tensor]) -> None:
    """Clips, frames, height and width agree: broadcasting would hide that they do not."""
    shapes = {m: (s.shape[0], *s.shape[2:]) for m, s in streams.items()}
    first, *others = shapes.values()
    if any(shape != first for shape in others):
        listed = "; ".join(f"{m} {shape}" for m, shape in shapes.items())
        raise DataError(
            f"all streams must have the same (clips, frames, height, width), got {listed}"
        )
