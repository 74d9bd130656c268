"""A written program as an ONNX model, and running one: the only file that knows onnxruntime."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from connsearch.errors import Failure, SettingsError
from connsearch.models.export import BATCH_AXIS, NOTE, Program, Runner, quiet

NEEDED = ("onnx", "onnxscript", "onnxruntime")
"""What the extra ``export`` installs."""

OUTPUT = "logits"


def require_onnx() -> None:
    """Refuses to start without the packages ONNX needs.

    Raises:
        SettingsError: one of them is not installed; the message says how to install them.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise SettingsError(
            f"--format onnx needs {', '.join(missing)}, which is not installed\n"
            "  cure: pip install 'connsearch[export]', or --format torch"
        )


def to_onnx(program: Program, note: Mapping[str, Any]) -> bytes:
    """Returns the bytes of an ONNX model with named inputs, ``logits``, and the note.

    Raises:
        Failure: the exporter cannot write an operation of this network.
    """
    with quiet():
        try:
            found = torch.onnx.export(
                program.program, output_names=[OUTPUT], dynamo=True, verbose=False
            )
        except torch.onnx.errors.OnnxExporterError as error:
            last = str(error).strip().splitlines()[-1]
            raise Failure(f"this network cannot be written as ONNX: {last}") from error
    assert found is not None
    model: Any = found.model_proto
    _name_batch_axis(model)
    for part in (*model.graph.node, *model.graph.input, *model.graph.initializer):
        del part.metadata_props[:]  # how the exporter got there
    model.metadata_props.add(key=NOTE.removesuffix(".json"), value=json.dumps(note))
    return model.SerializeToString()


def onnx_runner(model: bytes) -> Runner:
    """Returns what runs an ONNX model in onnxruntime on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def run(streams: Mapping[str, Tensor]) -> Tensor:
        (logits,) = session.run([OUTPUT], {name: x.numpy() for name, x in streams.items()})
        return torch.from_numpy(logits)

    return run


def _name_batch_axis(model: Any) -> None:
    """Replaces the exporter's own symbol for the open axis by its name."""
    symbol = model.graph.input[0].type.tensor_type.shape.dim[0].dim_param
    for dim in _dimensions(model):
        if dim.dim_param == symbol:
            dim.dim_param = BATCH_AXIS
        elif dim.dim_param:  # an expression in it, such as 2*s0; shapes inside need no names
            dim.ClearField("dim_param")


def _dimensions(model: Any) -> Iterator[Any]:
    graph = model.graph
    for value in (*graph.input, *graph.output, *graph.value_info):
        yield from value.type.tensor_type.shape.dim
