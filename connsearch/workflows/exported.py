"""What is to be known about an exported network: the content of ``export.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from connsearch import __version__
from connsearch.graph.files import to_json
from connsearch.graph.spec import Modality, Structure
from connsearch.models.document import ModelDocument
from connsearch.models.export import BATCH_AXIS, FRAME_AXIS, Program
from connsearch.pruning.published import Published
from connsearch.runs.recorded import recorded_facts, recorded_settings
from connsearch.workflows.listening import Listener
from connsearch.workflows.targets import recorded_loss

SCHEMA = 1

_COLOURS = "frames, channels in the order red, green, blue; a pixel of 0 to 255 is p / 127.5 - 1"
_MEANING: Mapping[str, tuple[str, tuple[float, float] | None]] = {
    Modality.RGB: (_COLOURS, (-1.0, 1.0)),
    "focus": (f"other frames of the same clip, which are looked at; {_COLOURS}", (-1.0, 1.0)),
    Modality.FLOW: (
        "motion from each frame to the next in pixels, first x, then y; the last one twice",
        None,
    ),
    Modality.OBJECT: ("one-hot object maps: 1 in the channel of a pixel's class, else 0", (0, 1)),
}

_PROBABILITIES = {
    "cross_entropy": "softmax over the classes",
    "binary_cross_entropy": "sigmoid of every class",
    "auto": "softmax over the classes; where a clip can have several, sigmoid of every class",
}

_SHOWN = ("frames", "stride", "fps", "size", "short_side", "crop", "keep_aspect", "short")
"""Settings of the data that decide how a video becomes a clip in evaluation."""

_OF_EVALUATIONS = {"size": "eval_size", "short_side": "eval_short_side", "crop": "eval_crop"}
"""Those that evaluations may have of their own."""


def describe_program(
    target: str, document: ModelDocument, program: Program, flow: Structure | None
) -> dict[str, Any]:
    """Returns what somebody must know who runs the program without connsearch.

    Args:
        target: the run.
        document: of its network.
        program: what was made of it.
        flow: the structure by which it computes flow; None: it computes none.
    """
    classes = list(recorded_facts(target).get("classes", ()))
    data = evaluated_clips(target)
    opened = [BATCH_AXIS] + ([FRAME_AXIS] if program.least_frames is not None else [])
    sizes = ("channels", FRAME_AXIS, "height", "width")
    return {
        "schema": SCHEMA,
        "inputs": [_input(name, shape, opened) for name, shape in program.inputs.items()],
        "outputs": [
            {
                "name": "logits",
                "shape": [BATCH_AXIS, len(classes) or "classes"],
                "dtype": "float32",
                "probabilities": _PROBABILITIES[recorded_loss(target)],
            }
        ],
        "axes": {
            "open": opened,
            "settled": [name for name in sizes if name not in opened],
            "least_frames": program.least_frames,
        },
        "classes": classes,
        "clips": {
            **{name: data[name] for name in _SHOWN if name in data},
            "window": "the centre in time, height and width",
        },
        "flow": _flow(flow, program),
        **document.entry(),
        "versions": _versions(),
    }


def evaluated_clips(target: str) -> dict[str, Any]:
    """Returns how a run cuts the clips of its evaluations, as far as it is recorded.

    Those that evaluations have of their own are in place of those of training; ``crop`` is there
    where a crop of that side is resized to ``size``.
    """
    recorded = recorded_settings(target).get("data", {}).get("clips", {})
    own = {name: recorded.get(of_evaluations) for name, of_evaluations in _OF_EVALUATIONS.items()}
    return {**recorded, **{name: value for name, value in own.items() if value is not None}}


def describe_published(structure: Structure, published: Published) -> dict[str, Any]:
    """Returns what somebody must know who reads the published lists."""
    return {
        "schema": SCHEMA,
        "same_network": published.same_network,
        "settings_to_tell": {
            name: {"here": here, "a reader starts from": usual}
            for name, (here, usual) in published.settings.items()
        },
        "changes": [
            {"node": c.node, "what": c.what, "here": c.before, "comes_back": c.after}
            for c in published.changes
        ],
        "not_held": [*published.lost, "name, family, settings and provenance"],
        "structure": to_json(structure),
        "versions": {"connsearch": __version__},
    }


def warn_of_flow(structure: Structure | None, program: Program, listener: Listener) -> None:
    """Says where what a clip gives depends on the clips beside it."""
    flow = _flow(structure, program)
    if flow is not None and flow["normalisation"] == "batch":
        listener.warn(
            "flow is normalised over the batch, as published: what a clip gives depends on the "
            "clips beside it"
        )


def _flow(structure: Structure | None, program: Program) -> dict[str, Any] | None:
    """How flow is computed inside; None where it is not."""
    if structure is None or Modality.FLOW not in structure.modalities():
        return None
    if Modality.FLOW in program.inputs:
        return None
    return {
        "computed": "inside, from rgb",
        "iterations": structure.network.flow_iterations,
        "normalisation": structure.network.flow_normalisation,
    }


def _input(name: str, shape: tuple[int, int, int, int], opened: Sequence[str]) -> dict[str, Any]:
    what, values = _MEANING[name]
    channels, frames, height, width = shape
    length = FRAME_AXIS if FRAME_AXIS in opened else frames
    return {
        "name": name,
        "shape": [BATCH_AXIS, channels, length, height, width],
        "axes": ["clips", "channels", "frames", "height", "width"],
        "dtype": "float32",
        "range": values,
        "what": what,
    }


def _versions() -> dict[str, str]:
    found = {"connsearch": __version__}
    for name in ("torch", "onnx", "onnxscript", "onnxruntime"):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
