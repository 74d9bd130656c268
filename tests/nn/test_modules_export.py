"""The modules in a program of yours: exported and compiled once, for any number of clips."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim

from connsearch.nn.modules import PeerGate, StreamFusion

MODES = ("none", "static", "self", "peer")
AXES = {2: (), 3: (6,), 4: (8, 8), 5: (6, 8, 8)}
CLIPS = Dim("clips", min=1, max=64)


def fusion(mode: str) -> StreamFusion:
    module = StreamFusion({"rgb": 4, "depth": 8}, 8, attention=mode).eval()
    for parameter in module.parameters():
        parameter.data.normal_(std=0.5)
    return module


def streams(clips: int, axes: tuple[int, ...], frames: int | None = None) -> dict[str, Tensor]:
    """Depth has half the height and width of rgb."""
    timed = axes if frames is None else (frames, *axes[1:])
    small = tuple(n if len(axes) in (1, 3) and i == 0 else n // 2 for i, n in enumerate(timed))
    return {"rgb": torch.rand(clips, 4, *timed), "depth": torch.rand(clips, 8, *small)}


def gate() -> PeerGate:
    module = PeerGate(8, {"sound": 4}).eval()
    for parameter in module.parameters():
        parameter.data.normal_(std=0.5)
    return module


def gated(clips: int, frames: int = 6, heard: int = 15) -> dict[str, Any]:
    return {
        "x": torch.rand(clips, 8, frames, 4, 4),
        "peers": {"sound": torch.rand(clips, 4, heard)},
    }


def onnx_of(module: nn.Module, given: dict[str, Any], axes: dict[str, Any]) -> Callable[..., Any]:
    """Returns what runs the module in onnxruntime, on arguments like those it was exported with."""
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module, (), kwargs=given, dynamo=True, dynamic_shapes=axes, verbose=False
        )
    assert program is not None
    content = program.model_proto.SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])

    def run(given: dict[str, Any]) -> Tensor:
        leaves, _ = torch.utils._pytree.tree_flatten(given)
        names = [entry.name for entry in session.get_inputs()]
        tensors = {name: x.numpy() for name, x in zip(names, leaves, strict=True)}
        return torch.from_numpy(session.run(None, tensors)[0])

    return run


@pytest.mark.parametrize(
    "mode", [pytest.param(m, marks=[] if m == "peer" else [pytest.mark.slow]) for m in MODES]
)
@pytest.mark.parametrize("rank", AXES)
def test_a_fusion_is_exported_with_an_open_batch_and_open_frames(mode: str, rank: int) -> None:
    module, axes = fusion(mode), AXES[rank]
    open_axes: dict[int, Any] = {0: CLIPS}
    if rank in (3, 5):
        open_axes[2] = Dim("frames", min=2, max=512)
    shapes = {"streams": dict.fromkeys(("rgb", "depth"), open_axes)}
    program = torch.export.export(module, (streams(2, axes),), dynamic_shapes=shapes).module()
    for clips in (1, 3, 8):
        for frames in (None,) if rank in (2, 4) else (None, 2, 11):
            given = streams(clips, axes, frames)
            torch.testing.assert_close(program(given), module(given))


def test_a_gate_is_exported_with_an_open_batch() -> None:
    module = gate()
    shapes = {"x": {0: CLIPS}, "peers": {"sound": {0: CLIPS}}}
    program = torch.export.export(module, (), gated(2), dynamic_shapes=shapes).module()
    for clips in (1, 3, 8):
        given = gated(clips)
        torch.testing.assert_close(program(**given), module(**given))


@pytest.mark.parametrize(
    "mode", [pytest.param(m, marks=[] if m == "peer" else [pytest.mark.slow]) for m in MODES]
)
def test_a_fusion_runs_in_onnxruntime_with_other_clips_and_frames(mode: str) -> None:
    module, open_axes = fusion(mode), {0: CLIPS, 2: Dim("frames", min=2, max=512)}
    shapes = {"streams": dict.fromkeys(("rgb", "depth"), open_axes)}
    run = onnx_of(module, {"streams": streams(2, AXES[5])}, shapes)
    for clips, frames in ((1, 6), (3, 11), (8, 2)):
        given = {"streams": streams(clips, AXES[5], frames)}
        torch.testing.assert_close(run(given), module(**given), rtol=1e-4, atol=1e-5)


def test_a_gate_that_hears_more_frames_runs_in_onnxruntime() -> None:
    module, shapes = gate(), {"x": {0: CLIPS}, "peers": {"sound": {0: CLIPS}}}
    run = onnx_of(module, gated(2), shapes)
    for clips in (1, 3, 8):
        given = gated(clips)
        torch.testing.assert_close(run(given), module(**given), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_streams_of_different_frames_run_in_onnxruntime() -> None:
    module, shapes = fusion("peer"), {"streams": {name: {0: CLIPS} for name in ("rgb", "depth")}}

    def given(clips: int) -> dict[str, Any]:
        return {"streams": {**streams(clips, AXES[5]), "rgb": torch.rand(clips, 4, 9, 8, 8)}}

    run = onnx_of(module, given(2), shapes)
    for clips in (1, 3, 8):
        found = given(clips)
        torch.testing.assert_close(run(found), module(**found), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("strict", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_open_frames_that_must_be_pooled_are_refused(strict: bool) -> None:
    """Where the windows lie depends on both numbers: an export would settle it in silence."""
    open_axes = {0: CLIPS, 2: Dim.AUTO}
    shapes = {"x": open_axes, "peers": {"sound": open_axes}}
    with pytest.raises(Exception, match="settle the frames") as caught:
        torch.export.export(gate(), (), gated(2), dynamic_shapes=shapes, strict=strict)
    assert "leave only the batch dynamic" in str(caught.value)


@pytest.mark.parametrize(("dynamic", "graphs"), [(True, 1), (None, 2)])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("mode", ["peer", pytest.param("self", marks=pytest.mark.slow)])
def test_one_graph_serves_every_number_of_clips(
    mode: str, training: bool, dynamic: bool | None, graphs: int
) -> None:
    """By default torch makes a graph for the first size and one for all others."""
    from torch._dynamo.testing import CompileCounter

    torch._dynamo.reset()
    counter, module = CompileCounter(), fusion(mode).train(training)
    compiled = torch.compile(module, backend=counter, dynamic=dynamic, fullgraph=True)
    for clips in (2, 3, 5, 8):
        given = streams(clips, AXES[5])
        torch.testing.assert_close(compiled(given), module(given))
    assert counter.frame_count == graphs


def test_one_graph_of_a_gate_serves_every_number_of_clips() -> None:
    from torch._dynamo.testing import CompileCounter

    torch._dynamo.reset()
    counter, module = CompileCounter(), gate()
    compiled = torch.compile(module, backend=counter, dynamic=True, fullgraph=True)
    for clips in (2, 3, 5, 8):
        given = gated(clips)
        torch.testing.assert_close(compiled(**given), module(**given))
    assert counter.frame_count == 1
