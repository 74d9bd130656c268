"""A trained network as a program that runs without connsearch, compared with it before it is kept.

The number of clips stays open, everything else about a clip is settled: pooling windows follow from
its height and width, and flow is unrolled frame by frame.
"""

from __future__ import annotations

import copy
import io
import json
import logging
import warnings
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from connsearch.errors import Failure, SettingsError
from connsearch.graph.spec import Modality, Structure
from connsearch.models.structure import Network

BATCH_AXIS = "clips"
"""The name of the one axis whose length is open."""

MOST_CLIPS = 65536
NOTE = "connsearch.json"
"""Where a ``.pt2`` file keeps what is to be known about it."""

Shape = tuple[int, int, int, int]
Runner = Callable[[Mapping[str, Tensor]], Tensor]


@dataclass(frozen=True, slots=True)
class Program:
    """A network written down for one clip size.

    Attributes:
        program: what torch.export made of it.
        inputs: the shape ``(C, T, H, W)`` of every input stream, by name, in order.
    """

    program: ExportedProgram
    inputs: Mapping[str, Shape]

    def run(self, streams: Mapping[str, Tensor]) -> Tensor:
        """Returns the program's logits ``(B, K)`` for streams ``(B, C, T, H, W)``."""
        with torch.no_grad():
            return self.program.module()(**streams)


@dataclass(frozen=True, slots=True)
class Parity:
    """An exported program compared with its network, on the same clips.

    Attributes:
        max_abs_difference: the largest difference between their logits; NaN if one is not finite.
        largest_logit: the largest absolute logit of the network.
        apart: how far the network's logits are apart between clips, the largest over the classes:
            the scale for a difference.
        clips: number of clips.
        tolerance: the largest difference allowed, as a share of the largest logit.
    """

    max_abs_difference: float
    largest_logit: float
    apart: float
    clips: int
    tolerance: float

    @property
    def ok(self) -> bool:
        """Whether the difference is within the tolerance; one that is not a number is not."""
        return self.max_abs_difference <= self.tolerance * self.largest_logit

    def __str__(self) -> str:
        return (
            f"largest difference of a logit: {self.max_abs_difference:.3g} (logits up to "
            f"{self.largest_logit:.3g}, up to {self.apart:.3g} apart between {self.clips} clips; "
            f"allowed: {self.tolerance:g} of the largest logit)"
        )


class _Named(nn.Module):
    """A network whose streams are named inputs."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, rgb: Tensor | None = None, flow: Tensor | None = None, object: Tensor | None = None
    ) -> Tensor:
        """Maps streams ``(B, C, T, H, W)`` to logits ``(B, K)``."""
        given = {"rgb": rgb, "flow": flow, "object": object}
        return self.network({name: x for name, x in given.items() if x is not None})


def input_shapes(
    structure: Structure, clip: tuple[int, int, int], *, flow_input: bool = False
) -> dict[str, Shape]:
    """Returns the shape ``(C, T, H, W)`` of every stream the program of a structure takes.

    Args:
        structure: the network's.
        clip: frames, height and width.
        flow_input: take flow as an input; otherwise it is computed inside, from RGB.

    Raises:
        SettingsError: ``flow_input`` for a structure without flow stems.
    """
    wanted = structure.modalities()
    if flow_input and Modality.FLOW not in wanted:
        raise SettingsError(f"{structure.name}: no stem reads flow, so flow cannot be an input")
    if Modality.FLOW in wanted and not flow_input:
        wanted = tuple(m for m in Modality if m in {*wanted, Modality.RGB} - {Modality.FLOW})
    channels = structure.network.stream_width
    return {modality.value: (channels(modality), *clip) for modality in wanted}


def write_down(
    network: Network, clip: tuple[int, int, int], *, flow_input: bool = False
) -> Program:
    """Returns a network as a program for clips of that size, in float32 and evaluation mode.

    Args:
        network: with its weights; it is not changed.
        clip: frames, height and width.
        flow_input: take flow as an input; otherwise it is computed inside, from RGB.

    Raises:
        SettingsError: ``flow_input`` for a structure without flow stems.
    """
    inputs = input_shapes(network.structure, clip, flow_input=flow_input)
    plain = copy.deepcopy(network).cpu().eval()
    plain.memory_format = torch.contiguous_format
    plain.to(memory_format=torch.contiguous_format)  # pyright: ignore[reportCallIssue]
    clips = Dim(BATCH_AXIS, min=1, max=MOST_CLIPS)
    with torch.no_grad(), quiet():
        program = torch.export.export(
            _Named(plain),
            (),
            {name: torch.zeros(2, *shape) for name, shape in inputs.items()},
            dynamic_shapes={name: {0: clips} for name in inputs},
        )
    for part in program.graph_module.modules():
        if isinstance(part, torch.fx.GraphModule):
            for node in part.graph.nodes:  # where on this machine each line of the source lies
                node.meta.pop("stack_trace", None)
    return Program(program, inputs)


def to_pt2(program: Program, note: Mapping[str, Any]) -> bytes:
    """Returns a ``.pt2`` file: a zip of JSON and raw weights.

    The example inputs, which torch would pickle, are left out.
    """
    program.program.example_inputs = None
    file = io.BytesIO()
    with quiet():
        torch.export.save(program.program, file, extra_files={NOTE: json.dumps(note)})
    return file.getvalue()


def pt2_runner(content: bytes) -> Runner:
    """Returns a function that runs a ``.pt2`` file of :func:`to_pt2`, to test what is kept."""
    with quiet():
        program = torch.export.load(io.BytesIO(content)).module()

    def run(streams: Mapping[str, Tensor]) -> Tensor:
        with torch.no_grad():
            return program(**streams)

    return run


def compare(
    run: Runner, network: Network, inputs: Mapping[str, Shape], *, tolerance: float, seed: int = 0
) -> Parity:
    """Returns how far a program's logits are from its network's.

    It is tested with one clip and with several: noise, a moving pattern, and a constant.

    Args:
        run: the program.
        network: in float32 on the CPU; evaluated in evaluation mode, as it stands.
        inputs: the shape ``(C, T, H, W)`` of every input.
        tolerance: the largest difference allowed, as a share of the largest logit.
        seed: of the clips.

    Raises:
        Failure: the difference is larger.
    """
    wanted: list[Tensor] = []
    found: list[Tensor] = []
    training = network.training
    network.eval()
    for number, streams in enumerate(_clips(inputs, seed)):
        with torch.no_grad():
            wanted.append(network(streams))
        found.append(run(streams))
        if found[-1].shape != wanted[-1].shape:
            raise Failure(
                f"the exported program returns {tuple(found[-1].shape)} for batch {number}, the "
                f"network {tuple(wanted[-1].shape)}; nothing was kept"
            )
    network.train(training)
    wanted_BK, found_BK = torch.cat(wanted), torch.cat(found)
    parity = Parity(
        max_abs_difference=float((wanted_BK - found_BK).abs().max()),
        largest_logit=float(wanted_BK.abs().max()),
        apart=float((wanted_BK.amax(0) - wanted_BK.amin(0)).max()),
        clips=len(wanted_BK),
        tolerance=tolerance,
    )
    if not parity.ok:
        raise Failure(
            f"the exported program differs from the network: {parity}; nothing was kept\n"
            "  cure: a larger --tolerance, if this difference is acceptable; otherwise report it"
        )
    return parity


@contextmanager
def quiet() -> Generator[None]:
    """Suppresses torch's warnings about its own internals during an export."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=FutureWarning)
            warnings.filterwarnings("ignore", category=DeprecationWarning)
            # torch's recurrent layers keep a list of their weights, which it swaps meanwhile.
            warnings.filterwarnings("ignore", message="The tensor attributes? .*_flat_weights")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _clips(inputs: Mapping[str, Shape], seed: int) -> list[dict[str, Tensor]]:
    """Two batches: one clip of noise; noise, a square that moves, and a constant."""
    generator = torch.Generator().manual_seed(seed)
    return [
        {
            name: torch.stack([_stream(name, shape, kind, generator) for kind in kinds])
            for name, shape in inputs.items()
        }
        for kinds in (("noise",), ("noise", "moving", "constant"))
    ]


def _stream(name: str, shape: Shape, kind: str, generator: torch.Generator) -> Tensor:
    """One stream ``(C, T, H, W)``: pixels and flow in [-1, 1], object maps one-hot."""
    channels, frames, height, width = shape
    numbers = torch.rand(shape, generator=generator)
    if kind == "constant":
        numbers = torch.full(shape, 0.25)
    if kind == "moving":
        numbers = 0.1 * numbers
        side = max(1, min(height, width) // 3)
        for frame in range(frames):
            left = (2 * frame) % max(1, width - side)
            numbers[0, frame, side : 2 * side, left : left + side] += 0.8
    if name == Modality.OBJECT:
        return nn.functional.one_hot(numbers.argmax(0), channels).permute(3, 0, 1, 2).float()
    return numbers * 2 - 1
