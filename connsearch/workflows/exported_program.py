"""The file of a trained network and what is known about it, once it was run beside the network."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from connsearch.errors import Failure, RunError, SettingsError
from connsearch.graph.spec import Structure
from connsearch.models.document import ModelDocument
from connsearch.models.export import Program, flow_structure, pt2_runner, to_pt2, write_down
from connsearch.models.export_onnx import onnx_runner, require_onnx, to_onnx
from connsearch.models.model import Model
from connsearch.models.parity import compare
from connsearch.runs.recorded import is_trained
from connsearch.workflows.exported import describe_program, evaluated_clips, warn_of_flow
from connsearch.workflows.listening import Listener
from connsearch.workflows.settings.export import ExportSettings
from connsearch.workflows.targets import open_structure, open_trained


def written_program(asked: ExportSettings, listener: Listener) -> tuple[bytes, dict[str, Any]]:
    """Returns the bytes of the file of a network, and what is to be known about it.

    The number of frames is open in it if the network lets it.

    Raises:
        Failure: it differs too much from the network.
        RunError: there are no weights.
        UnknownNameError: it is not even a structure.
        SettingsError: a package is missing, or the clip size is not known.
    """
    if not is_trained(asked.target) and not Path(asked.target).is_file():
        raise without_weights(asked.target, open_structure(asked.target))
    if asked.format == "onnx":
        require_onnx()
    trained, clip = open_trained(asked.target, listener), _clip(asked)
    document, network = trained.outcome, trained.load_model().eval()
    assert document is not None  # open_trained has read it
    listener.say(f"writing {document.name} down for clips of {_size(clip)} ...")
    try:
        return _written(asked, document, network, clip, listener, open_frames=True)
    except _FramesSettled as reason:
        listener.say(f"the number of frames is settled at {clip[0]}: {reason}")
    return _written(asked, document, network, clip, listener, open_frames=False)


class _FramesSettled(Exception):
    """A program that leaves the number of frames open does not fit the network."""


def _written(
    asked: ExportSettings,
    document: ModelDocument,
    network: Model,
    clip: tuple[int, int, int],
    listener: Listener,
    *,
    open_frames: bool,
) -> tuple[bytes, dict[str, Any]]:
    """The file of a network and what is to be known about it, once it was tried.

    Raises:
        Failure: it differs too much from the network.
        _FramesSettled: likewise, with the number of frames open.
    """
    try:
        program = write_down(
            network,
            clip,
            flow_input=asked.flow_input,
            open_frames=open_frames,
            guarded=asked.format != "onnx",
        )
        found = describe_program(asked.target, document, program, flow_structure(network))
        if asked.format == "onnx":
            content = to_onnx(program, found)
            run = onnx_runner(content)
        else:
            content = to_pt2(program, found)
            run = pt2_runner(content)
        shapes, lengths = program.inputs, program.lengths
        parity = compare(run, network, shapes, tolerance=asked.tolerance, lengths=lengths)
    except Failure as failure:
        if open_frames:
            raise _FramesSettled(str(failure).splitlines()[0]) from failure
        raise
    listener.say(f"the {asked.format} program against the network: {parity}")
    listener.say(_opened(program))
    warn_of_flow(flow_structure(network), program, listener)
    return content, {**found, "parity": asdict(parity)}


def _opened(program: Program) -> str:
    """Which sizes were seen to be open."""
    frames = next(iter(program.inputs.values()))[1]
    if program.least_frames is None:
        return f"open: the number of clips (tried with 1 and 3); {frames} frames, no other number"
    lengths = sorted({frames, *program.lengths})
    return (
        f"open: the number of clips (tried with 1 and 3) and of frames, {program.least_frames} or "
        f"more (tried with {', '.join(map(str, lengths))})"
    )


def _clip(asked: ExportSettings) -> tuple[int, int, int]:
    """The clip size asked for, or that of the run's evaluations.

    Raises:
        SettingsError: neither is known.
    """
    if asked.clip is not None:
        return asked.clip
    data = evaluated_clips(asked.target)
    if not {"frames", "size"} <= set(data):
        raise SettingsError(
            f"{asked.target}: does not say how large its clips are\n  cure: --clip T H W"
        )
    return data["frames"], data["size"], data["size"]


def without_weights(target: str, structure: Structure) -> RunError:
    """Returns what is said of a target that is a structure, where weights are needed."""
    return RunError(
        f"{target}: {structure.name} is a structure, which has no weights\n"
        "  cure: give the directory of a search, a training or a pruning; or --format published"
    )


def _size(clip: tuple[int, int, int]) -> str:
    return "x".join(map(str, clip))
