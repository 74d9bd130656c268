"""A trained network as a program that runs without connsearch.

The number of clips stays open, and the number of frames where the network lets it; height and width
are settled: pooling windows follow from them.
"""

from __future__ import annotations

import copy
import io
import json
import logging
import warnings
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from connsearch.errors import Failure, SettingsError
from connsearch.graph.spec import Modality, Structure
from connsearch.models.clip_needs import structures_in
from connsearch.models.depth_exits import DepthExits
from connsearch.models.focus.focus import FocusModel
from connsearch.models.model import Model, as_predictions
from connsearch.models.parity import Runner, Shape
from connsearch.models.structure import Network
from connsearch.nn.layout import lay_out

BATCH_AXIS = "clips"
"""The name of the axis whose length is always open."""

FRAME_AXIS = "frames"
"""The name of the axis whose length is open where the network lets it."""

MOST_CLIPS = 65536
NOTE = "connsearch.json"
"""Where a ``.pt2`` file keeps what is to be known about it."""

_CHANNELS = {"rgb": 3, "flow": 2}


@dataclass(frozen=True, slots=True)
class Program:
    """A network written down for one clip size.

    Attributes:
        program: what torch.export made of it.
        inputs: the shape ``(C, T, H, W)`` of every input stream, by name, in order.
        least_frames: where the number of frames is open, the fewest; None: it is settled.
    """

    program: ExportedProgram
    inputs: Mapping[str, Shape]
    least_frames: int | None = None

    @property
    def lengths(self) -> tuple[int, ...]:
        """Other numbers of frames to try it with: the fewest, and more than twice as many."""
        if self.least_frames is None:
            return ()
        own = next(iter(self.inputs.values()))[1]
        return (self.least_frames, 2 * own + 1)

    def run(self, streams: Mapping[str, Tensor]) -> Tensor:
        """Returns the program's logits ``(B, K)`` for streams ``(B, C, T, H, W)``."""
        with torch.no_grad():
            return self.program.module()(**streams)


class _Named(nn.Module):
    """A network whose streams are named inputs."""

    def __init__(self, network: Model) -> None:
        super().__init__()
        self.network = network

    def forward(
        self,
        rgb: Tensor | None = None,
        flow: Tensor | None = None,
        object: Tensor | None = None,
        focus: Tensor | None = None,
    ) -> Tensor:
        """Maps streams ``(B, C, T, H, W)`` to logits ``(B, K)``."""
        given = {"rgb": rgb, "flow": flow, "object": object, "focus": focus}
        found = self.network({name: x for name, x in given.items() if x is not None})
        return as_predictions(found).logits


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


def flow_structure(network: Model) -> Structure | None:
    """Returns the structure, of the network or of one it is made of, by which flow is computed."""
    read = structures_in(network)
    return next((one for one in read if Modality.FLOW in one.modalities()), None)


def write_down(
    network: Model,
    clip: tuple[int, int, int],
    *,
    flow_input: bool = False,
    open_frames: bool = False,
    guarded: bool = True,
) -> Program:
    """Returns a network as a program for clips of that size, in float32 and evaluation mode.

    It has no gradient: nothing in it learns.

    Args:
        network: of a structure or of the zoo, with its weights; it is not changed.
        clip: frames, height and width.
        flow_input: take flow as an input; otherwise it is computed inside, from RGB.
        open_frames: leave the number of frames open if the network lets it. Whether what comes out
            is right with other numbers is to be tried: ``Program.lengths``.
        guarded: whether the program is to be run by torch, which refuses numbers of frames outside
            of the range that it found. ONNX has no such range: there a network with recurrent cells
            is written down for more frames, if one of its cells would see a single frame.

    Raises:
        SettingsError: ``flow_input`` for a network without flow stems; or a network that reads
            streams whose channels are not known here.
        Failure: torch cannot write it down, or settled the number of clips.
    """
    inputs = _inputs(network, clip, flow_input=flow_input)
    plain = copy.deepcopy(network).cpu().eval().requires_grad_(False)
    plain.memory_format = torch.contiguous_format
    lay_out(plain, torch.contiguous_format)
    axes: dict[int, Any] = {0: Dim(BATCH_AXIS, min=1, max=MOST_CLIPS)}
    if open_frames:
        axes[2] = Dim.AUTO
    program = _exported(plain, inputs, axes)
    least, most = _frame_range(program, inputs)
    recurrent = any(isinstance(module, nn.RNNBase) for module in plain.modules())
    if most is not None and recurrent and not guarded:
        longer = {name: (c, most + 1, h, w) for name, (c, _, h, w) in inputs.items()}
        program = _exported(plain, longer, axes)
        if _frame_range(program, inputs)[1] is not None:
            raise Failure("torch.export ties the number of frames to a range")
    return Program(program, inputs, least)


def _exported(
    plain: Model, inputs: Mapping[str, Shape], axes: Mapping[int, Any]
) -> ExportedProgram:
    given = {name: torch.zeros(2, *shape) for name, shape in inputs.items()}
    shapes = {name: axes for name in inputs}
    try:
        with torch.no_grad(), quiet():
            program = torch.export.export(_Named(plain), (), given, dynamic_shapes=shapes)
    except (RuntimeError, ValueError) as error:
        raise Failure(f"torch.export cannot write this network down: {error}") from error
    graphs: Any = program.graph_module
    for part in graphs.modules():
        if isinstance(part, torch.fx.GraphModule):
            for node in part.graph.nodes:  # where on this machine each line of the source lies
                node.meta.pop("stack_trace", None)
    return program


def _inputs(network: Model, clip: tuple[int, int, int], *, flow_input: bool) -> dict[str, Shape]:
    if isinstance(network, DepthExits):
        network = network.network
    if isinstance(network, Network):
        return input_shapes(network.structure, clip, flow_input=flow_input)
    name = network.describe().name
    if isinstance(network, FocusModel):
        if flow_input:
            raise SettingsError(
                f"{name}: flow cannot be an input: that of the frames that are glanced at and that "
                "of the windows are not the same"
            )
        shapes: dict[str, Shape] = {}
        for stream, empty in network.empty_clip(clip).items():
            _, *sizes = empty.shape
            shapes[stream] = (sizes[0], sizes[1], sizes[2], sizes[3])
        return shapes
    if flow_input:
        raise SettingsError(f"{name}: no stem reads flow, so flow cannot be an input")
    named: Any = getattr(network, "modalities", ())
    read: tuple[str, ...] = tuple(named)
    if not read or set(read) - set(_CHANNELS):
        raise SettingsError(
            f"{name}: cannot be exported, as it does not say what it reads; its modalities: "
            f"{', '.join(read) or 'none'}\n  allowed: {', '.join(_CHANNELS)}"
        )
    return {stream: (_CHANNELS[stream], *clip) for stream in read}


def _frame_range(
    program: ExportedProgram, inputs: Mapping[str, Shape]
) -> tuple[int | None, int | None]:
    """The fewest frames where their number is open, and the most where there is a most.

    None and None: it is settled.

    Raises:
        Failure: the number of clips is settled.
    """
    graphs: Any = program.graph_module
    shapes: list[Any] = [
        node.meta["val"].shape
        for node in graphs.graph.nodes
        if node.op == "placeholder" and node.name in inputs
    ]
    fixed = [shape[0] for shape in shapes if not isinstance(shape[0], torch.SymInt)]
    if fixed or len(shapes) != len(inputs):
        raise Failure(
            f"torch.export settled the number of clips at {fixed[0] if fixed else 'a number'}, "
            "though it was asked to leave it open; nothing was kept"
        )
    frames = shapes[0][2]
    # Where windows of frames depend on their number, torch settles a symbol at a number.
    if not isinstance(frames, torch.SymInt) or frames.node.expr.is_Integer:
        return None, None
    allowed: Any = program.range_constraints[frames.node.expr]
    most = int(allowed.upper) if allowed.upper.is_Integer else None  # it may be infinite
    return max(1, int(allowed.lower)), most


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
    """Returns a function that runs a ``.pt2`` file of :func:`to_pt2`, to test what is kept.

    It raises a ``Failure`` where the program refuses streams of these sizes.
    """
    with quiet():
        program = torch.export.load(io.BytesIO(content)).module()

    def run(streams: Mapping[str, Tensor]) -> Tensor:
        try:
            with torch.no_grad():
                return program(**streams)
        except (AssertionError, RuntimeError) as error:  # its guards, and torch itself
            raise Failure(f"the program cannot be run: {str(error).splitlines()[0]}") from None

    return run


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
