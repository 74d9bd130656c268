"""A temporal gate in a program of yours: any number of clips and frames, and gates that decide."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.export import Dim, ExportedProgram

from connsearch.models.export import quiet
from connsearch.nn.layers import Recurrence
from connsearch.nn.modules import GateTest, TemporalGate
from tests.nn.gates import WIDTH, clips, copying

CLIPS, FRAMES = Dim("clips", min=1, max=64), Dim("frames", min=1, max=512)
SIZES = [("oso", 4), ("s", 4), ("soosos", 7), ("os", 2), ("o", 1)]
"""Clips by whether their gate opens, and frames; the example has two clips and four frames."""


def exported(module: torch.nn.Module, x: Tensor, **settings: Any) -> ExportedProgram:
    module.eval().requires_grad_(False)
    with quiet():
        axes = ({0: CLIPS, 2: FRAMES},)
        return torch.export.export(module, (x,), dynamic_shapes=axes, **settings)


def onnx_of(program: ExportedProgram) -> Callable[[Tensor], Tensor]:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    with quiet():
        found = torch.onnx.export(program, dynamo=True, verbose=False)
    assert found is not None
    content = found.model_proto.SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: torch.from_numpy(session.run(None, {name: x.numpy()})[0])


def saved_and_loaded(program: ExportedProgram) -> Callable[[Tensor], Tensor]:
    file = io.BytesIO()
    with quiet():
        torch.export.save(program, file)
        file.seek(0)
        return torch.export.load(file).module()


def decides(run: Callable[[Tensor], Tensor], gate: TemporalGate) -> None:
    """Open clips are fused and shut ones are what went in, for every size."""
    for opens, frames in SIZES:
        x = clips(opens, frames=frames)
        found, wanted = run(x), gate(x)
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
        shut = [letter == "s" and frames > 1 for letter in opens]
        assert [torch.equal(a, b) for a, b in zip(found, x, strict=True)] == shut


def test_clips_and_frames_are_open_and_every_clip_decides() -> None:
    gate = copying(gated=True)
    gate.watched = True
    program = exported(gate, clips("os"))
    assert gate.take_count().clips == 0, "an export is no forward that counts"
    gate.watched = False
    decides(program.module(), gate)
    decides(saved_and_loaded(program), gate)
    decides(onnx_of(program), gate)


@pytest.mark.slow
@pytest.mark.parametrize("gated", [True, False])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_other_tests_and_cells_are_exported(cell: Any, gated: bool) -> None:
    test = GateTest(
        test="align",
        both="or",
        distance="per_channel",
        temperature="auto",
        normalise="l2",
        min_fraction=0.4,
        ties="tolerant",
    )
    gate = TemporalGate(WIDTH, cell=cell, test=test, gated=gated)
    program = exported(gate, clips("os"))
    for run in (program.module(), onnx_of(program)):
        for opens, frames in SIZES:
            x = clips(opens, frames=frames)
            torch.testing.assert_close(run(x), gate(x), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_strict_tracing_finds_the_same() -> None:
    gate = copying(gated=True)
    decides(exported(gate, clips("os"), strict=True).module(), gate)


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_the_recurrent_layer_of_a_block_is_exported_with_open_frames(cell: Any) -> None:
    layer = Recurrence(WIDTH, 6, cell)
    program = exported(layer, clips("os"))
    for run in (program.module(), onnx_of(program)):
        for opens, frames in SIZES:
            x = clips(opens, frames=frames)
            torch.testing.assert_close(run(x), layer(x), rtol=1e-4, atol=1e-5)


def test_a_compiled_gate_decides_and_counts() -> None:
    torch._dynamo.reset()
    gate = copying(gated=True)
    compiled: Any = torch.compile(gate, backend="aot_eager")
    gate.watched = True
    with torch.no_grad():
        for opens, frames in SIZES[:2]:
            x = clips(opens, frames=frames)
            torch.testing.assert_close(compiled(x), gate(x))
    assert gate.take_count() == (2 * 2, 2 * 4)
