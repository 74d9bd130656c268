"""A written program as an ONNX model, and running one in onnxruntime."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from connsearch.errors import Failure, SettingsError
from connsearch.models.export import BATCH_AXIS, FRAME_AXIS, NOTE, Program, quiet
from connsearch.models.parity import Runner

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
        Failure: the exporter cannot write an operation of this network, or it settled a size that
            the program leaves open.
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
    _name_axes(model, program)
    for part in (*_nodes(model.graph), *model.graph.input, *model.graph.initializer):
        del part.metadata_props[:]  # how the exporter got there
    model.metadata_props.add(key=NOTE.removesuffix(".json"), value=json.dumps(note))
    return model.SerializeToString()


def onnx_runner(model: bytes) -> Runner:
    """Returns what runs an ONNX model in onnxruntime on the CPU.

    It raises a ``Failure`` where the model cannot be run with streams of these sizes.
    """
    import onnxruntime

    faults: Any = import_module("onnxruntime.capi.onnxruntime_pybind11_state")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4  # what fails is raised: it need not be printed as well
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def run(streams: Mapping[str, Tensor]) -> Tensor:
        try:
            (logits,) = session.run([OUTPUT], {name: x.numpy() for name, x in streams.items()})
        except (faults.Fail, faults.InvalidArgument, faults.RuntimeException) as error:
            raise Failure(f"the program cannot be run: {str(error).splitlines()[0]}") from None
        return torch.from_numpy(logits)

    return run


def _name_axes(model: Any, program: Program) -> None:
    """Replaces the exporter's own symbols for the open axes by their names.

    Settled axes of inputs get their numbers, whatever the exporter called them: it may call five
    frames '5', which is a name to a runtime, and no name refuses six.

    Raises:
        Failure: an axis that the program leaves open is settled in the model.
    """
    names: dict[str, str] = {}
    wanted = {0: BATCH_AXIS} | ({2: FRAME_AXIS} if program.least_frames is not None else {})
    for tensor in model.graph.input:
        shape = (None, *program.inputs[tensor.name])
        for axis, size in enumerate(tensor.type.tensor_type.shape.dim):
            if axis in wanted:
                _require_open(size, wanted[axis], tensor.name)
                names[size.dim_param] = wanted[axis]
            else:
                size.dim_value = shape[axis]
    for tensor in model.graph.output:
        _require_open(tensor.type.tensor_type.shape.dim[0], BATCH_AXIS, tensor.name)
    for dim in _dimensions(model):
        if dim.dim_param in names:
            dim.dim_param = names[dim.dim_param]
        elif dim.dim_param:  # an expression in it, such as 2*s0; shapes inside need no names
            dim.ClearField("dim_param")


def _require_open(size: Any, name: str, tensor: str) -> None:
    if not size.dim_param:
        raise Failure(
            f"the ONNX exporter settled the number of {name} of {tensor} at {size.dim_value}, "
            "though the program leaves it open; nothing was kept\n  cure: --format torch"
        )


def _nodes(graph: Any) -> Iterator[Any]:
    """All nodes of a graph, and of the bodies of its loops."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            yield from _nodes(attribute.g)


def _dimensions(model: Any) -> Iterator[Any]:
    graph = model.graph
    for value in (*graph.input, *graph.output, *graph.value_info):
        yield from value.type.tensor_type.shape.dim
