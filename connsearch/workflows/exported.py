"""What is to be known about an exported network: the content of ``export.json``."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from connsearch import __version__
from connsearch.graph.files import to_json
from connsearch.graph.spec import Modality, Structure
from connsearch.models.export import BATCH_AXIS
from connsearch.pruning.published import Published
from connsearch.runs.recorded import recorded_facts, recorded_settings
from connsearch.workflows.listening import Listener
from connsearch.workflows.targets import recorded_loss

SCHEMA = 1

_MEANING = {
    Modality.RGB: (
        "frames, channels in the order red, green, blue; a pixel of 0 to 255 is p / 127.5 - 1",
        (-1.0, 1.0),
    ),
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

_SHOWN = ("frames", "stride", "fps", "size", "short_side", "keep_aspect", "short")
"""Settings of the data that decide how a video becomes a clip in evaluation."""


def describe_program(
    target: str,
    structure: Structure,
    inputs: Mapping[str, tuple[int, int, int, int]],
    listener: Listener,
) -> dict[str, Any]:
    """Returns what somebody must know who runs the program without connsearch."""
    classes = list(recorded_facts(target).get("classes", ()))
    data = recorded_settings(target).get("data", {}).get("clips", {})
    settings = structure.network
    computed = Modality.FLOW in structure.modalities() and Modality.FLOW not in inputs
    if computed and settings.flow_normalisation == "batch":
        listener.warn(
            "flow is normalised over the batch, as published: what a clip gives depends on the "
            "clips beside it"
        )
    return {
        "schema": SCHEMA,
        "inputs": [_input(name, shape) for name, shape in inputs.items()],
        "outputs": [
            {
                "name": "logits",
                "shape": [BATCH_AXIS, len(classes) or "classes"],
                "dtype": "float32",
                "probabilities": _PROBABILITIES[recorded_loss(target)],
            }
        ],
        "axes": {
            "open": [BATCH_AXIS],
            "settled": ["channels", "frames", "height", "width"],
        },
        "classes": classes,
        "clips": {
            **{name: data[name] for name in _SHOWN if name in data},
            "window": "the centre in time, height and width",
        },
        "flow": None
        if not computed
        else {
            "computed": "inside, from rgb",
            "iterations": settings.flow_iterations,
            "normalisation": settings.flow_normalisation,
        },
        "structure": to_json(structure),
        "versions": _versions(),
    }


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


def _input(name: str, shape: tuple[int, int, int, int]) -> dict[str, Any]:
    what, values = _MEANING[Modality(name)]
    return {
        "name": name,
        "shape": [BATCH_AXIS, *shape],
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
