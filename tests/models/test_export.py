"""Exported programs compute what the network computes, for any number of clips."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.export import Dim

from connsearch.errors import Failure, SettingsError
from connsearch.graph.files import load_structure
from connsearch.graph.plan import pin
from connsearch.graph.space import over_connect
from connsearch.graph.spec import Attention, Modality, Structure
from connsearch.graph.streams import keep_streams
from connsearch.models.catalogue import create_model
from connsearch.models.export import Program, input_shapes, pt2_runner, quiet, to_pt2, write_down
from connsearch.models.export_onnx import onnx_runner, require_onnx, to_onnx
from connsearch.models.inherit import inherit
from connsearch.models.parity import compare
from connsearch.models.structure import Network
from connsearch.nn.flow import representation_flow
from connsearch.pruning.options import PruneOptions
from connsearch.pruning.pruner import prune_by
from tests.nn.helpers import CLASSES, lively, network_of, starter
from tests.training.tiny import tiny_structure

pytestmark = pytest.mark.timeout(900)  # torch.export is slow, and slower beside other work

CLIP = (3, 16, 16)
TOLERANCE = 1e-5
NOTE = {"inputs": ["rgb"], "what": "a test"}


def small(attention: Attention = Attention.PEER) -> Structure:
    """Two stems and three blocks: an export takes a few seconds."""
    return tiny_structure(attention=attention, dropout=0.0)


def shrunk(name: str, attention: Attention) -> Structure:
    """A published wiring, its widths as they are, with one module a block."""
    structure = load_structure(name).with_settings(attention=attention, flow_iterations=2)
    levels = structure.network.levels
    return structure.with_settings(blocks=(1,) * levels, inner_widths=(4,) * levels)


def pruned(peers: int, mode: str = "pinned") -> Network:
    """The starter, over-connected, pruned and trained a little: peers are fixed."""
    parent = network_of(over_connect(starter()), learn_connections=True)
    with torch.no_grad():
        for logits in (*parent.connection_parameters(), *parent.peer_parameters()):
            logits.copy_(torch.randn(logits.shape, generator=torch.Generator().manual_seed(1)) * 2)
    options = PruneOptions.model_validate({"criterion": "top_k:2", "peers": peers, "mode": mode})
    cut = prune_by(parent.learned_structure(), options)
    child = Network(cut.structure, CLASSES, seed=0)
    inherit(child, parent, cut)
    return lively(child) if mode == "published" else child


def agrees(network: Network, clip: tuple[int, int, int], *, flow_input: bool = False) -> Program:
    """Exports both ways; the difference is that of rounding, and the clips make one."""
    program = write_down(network, clip, flow_input=flow_input)
    for run in (pt2_runner(to_pt2(program, NOTE)), onnx_runner(to_onnx(program, NOTE))):
        parity = compare(run, network, program.inputs, tolerance=TOLERANCE)
        assert parity.max_abs_difference <= TOLERANCE * parity.largest_logit
        assert parity.apart > 1e-3 * parity.largest_logit, "the clips make no difference"
    return program


@pytest.fixture(scope="module")
def network() -> Network:
    return network_of(small())


@pytest.fixture(scope="module")
def program(network: Network) -> Program:
    return write_down(network, CLIP, open_frames=True)


@pytest.fixture(scope="module")
def pt2(program: Program) -> bytes:
    return to_pt2(program, NOTE)


@pytest.fixture(scope="module")
def model(program: Program) -> bytes:
    return to_onnx(program, NOTE)


def test_both_programs_give_the_logits_of_the_network(
    network: Network, program: Program, model: bytes
) -> None:
    for run in (program.run, onnx_runner(model)):
        parity = compare(run, network, program.inputs, tolerance=TOLERANCE)
        assert parity.ok
        assert parity.apart > 1e-3


@pytest.mark.parametrize("count", [1, 3, 8])
def test_the_number_of_clips_is_open(
    network: Network, program: Program, model: bytes, count: int
) -> None:
    rgb = torch.rand(count, 3, *CLIP, generator=torch.Generator().manual_seed(count)) * 2 - 1
    with torch.no_grad():
        wanted = network({"rgb": rgb})
    for run in (program.run, onnx_runner(model)):
        torch.testing.assert_close(run({"rgb": rgb}), wanted, rtol=1e-4, atol=1e-5)


def test_the_number_of_frames_is_open(
    network: Network, program: Program, pt2: bytes, model: bytes
) -> None:
    """Flow, temporal convolutions and the mean over time take any; torch asks for three."""
    assert (program.least_frames, program.lengths) == (3, (3, 7))
    for run in (pt2_runner(pt2), onnx_runner(model)):
        for clips, frames in ((1, 3), (3, 8), (8, 5)):
            rgb = torch.rand(clips, 3, frames, *CLIP[1:]) * 2 - 1
            with torch.no_grad():
                wanted = network({"rgb": rgb})
            torch.testing.assert_close(run({"rgb": rgb}), wanted, rtol=1e-4, atol=1e-5)
        parity = compare(run, network, program.inputs, tolerance=1e-4, lengths=program.lengths)
        assert parity.clips == 6


def test_frames_that_are_not_open_are_noticed(
    network: Network, program: Program, pt2: bytes
) -> None:
    """Clips that the program refuses, and logits that do not follow from all frames."""
    with pytest.raises(Failure, match="the program cannot be run"):
        compare(pt2_runner(pt2), network, program.inputs, tolerance=1e-4, lengths=(2,))

    def first_frames_only(streams: Mapping[str, Tensor]) -> Tensor:
        return program.run({name: x[:, :, : CLIP[0]] for name, x in streams.items()})

    assert compare(first_frames_only, network, program.inputs, tolerance=1e-4).ok
    with pytest.raises(Failure, match="differs from the network"):
        compare(first_frames_only, network, program.inputs, tolerance=1e-4, lengths=(7,))


class Mean(torch.nn.Module):
    def forward(self, rgb: Tensor) -> Tensor:
        return rgb.mean((2, 3, 4))


def test_an_axis_that_an_exporter_settled_is_an_error(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a file that takes two clips only."""
    settled = torch.export.export(Mean(), (), {"rgb": torch.rand(2, 3, *CLIP)})
    with pytest.raises(Failure, match=r"ONNX exporter settled the number of clips of rgb at 2"):
        to_onnx(Program(settled, {"rgb": (3, *CLIP)}), NOTE)
    monkeypatch.setattr(torch.export, "export", lambda *_, **__: settled)
    with pytest.raises(Failure, match="settled the number of clips at 2"):
        write_down(network, CLIP)


class Unrolled(torch.nn.Module):
    """torch.export takes its cell apart into the frames of the example."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = torch.nn.LSTM(3, 4)

    def forward(self, rgb: Tensor) -> Tensor:
        return self.cell(rgb.mean((3, 4)).permute(2, 0, 1))[0].mean(0)


def test_an_onnx_model_refuses_frames_that_were_settled() -> None:
    """The exporter calls three frames '3', a name that refuses nothing: six would run, wrongly."""
    axes = {"rgb": {0: Dim("clips", min=1, max=9), 2: Dim.AUTO}}
    module = Unrolled().requires_grad_(False)
    example = {"rgb": torch.rand(2, 3, *CLIP)}
    with quiet():
        found = torch.export.export(module, (), example, dynamic_shapes=axes)
    run = onnx_runner(to_onnx(Program(found, {"rgb": (3, *CLIP)}), NOTE))
    rgb = torch.rand(5, 3, *CLIP)
    torch.testing.assert_close(run({"rgb": rgb}), module(rgb))
    with pytest.raises(Failure, match=r"cannot be run: .*dimensions"):
        run({"rgb": torch.cat([rgb, rgb], 2)})


@pytest.mark.slow
@pytest.mark.parametrize(("guarded", "frames"), [(True, 16), (False, 16), (True, 17)])
def test_a_network_with_temporal_gates_goes_through(guarded: bool, frames: int) -> None:
    """Its last gates see one frame of 16: .pt2 ties the frames to a range, ONNX takes any."""
    settings = {"gated": True, "gate_test": {"min_fraction": 0.5}, "widths": (8, 8, 8, 8)}
    network = create_model("srtg_r3d_18", CLASSES, seed=0, **settings).eval()
    program = write_down(network, (frames, 32, 32), open_frames=True, guarded=guarded)
    if guarded:
        tied = Failure if frames == 16 else None
        run = pt2_runner(to_pt2(program, NOTE))
        assert program.least_frames == (9 if tied else 17)
    else:
        tied, run = None, onnx_runner(to_onnx(program, NOTE))
    lengths = program.lengths
    with pytest.raises(tied, match="cannot be run") if tied else nullcontext():
        assert compare(run, network, program.inputs, tolerance=1e-4, lengths=lengths).clips == 6


def test_a_pt2_file_has_no_gradients_and_runs_in_a_process_of_its_own(
    network: Network, pt2: bytes, tmp_path: Path
) -> None:
    rgb = torch.rand(3, 3, *CLIP) * 2 - 1
    (tmp_path / "network.pt2").write_bytes(pt2)
    torch.save(rgb, tmp_path / "rgb.pt")
    script = (
        "import sys, torch\n"
        "program = torch.export.load('network.pt2')\n"
        "held = [*program.parameters(), *program.buffers(), *program.state_dict.values()]\n"
        "assert held and not any(x.requires_grad for x in held)\n"
        "module = program.module()\n"
        "logits = module(rgb=torch.load('rgb.pt', weights_only=True))\n"
        "assert not logits.requires_grad\n"
        "torch.save(logits, 'logits.pt')\n"
        "assert 'connsearch' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-W", "ignore", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    with torch.no_grad():
        wanted = network({"rgb": rgb})
    found = torch.load(tmp_path / "logits.pt", weights_only=True)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["r3d_18", "r2plus1d_18", "r3d_50", "r2plus1d_50", "mc3_18", "resnet50", "mobilenet_v2"]
)
def test_networks_of_the_zoo_go_through(name: str) -> None:
    narrow: dict[str, Any] = {"widths": (8, 8, 8, 8)}
    narrow = {"width": 0.25} if name == "mobilenet_v2" else narrow
    network = create_model(name, CLASSES, seed=0, **narrow).eval()
    program = write_down(network, (4, 32, 32), open_frames=True)
    run = onnx_runner(to_onnx(program, NOTE))
    assert compare(run, network, program.inputs, tolerance=1e-4, lengths=(2, 9)).clips == 6
    with pytest.raises(SettingsError, match="no stem reads flow"):
        write_down(network, (4, 32, 32), flow_input=True)


@pytest.mark.slow
def test_one_graph_of_a_network_serves_every_number_of_clips(network: Network) -> None:
    from torch._dynamo.testing import CompileCounter

    torch._dynamo.reset()
    counter = CompileCounter()
    compiled = torch.compile(network, backend=counter, dynamic=True, fullgraph=True)
    with torch.no_grad():
        for clips in (2, 3, 5, 8):
            streams = {"rgb": torch.rand(clips, 3, *CLIP)}
            torch.testing.assert_close(compiled(streams), network(streams), rtol=1e-4, atol=1e-5)
    assert counter.frame_count == 1


def test_inputs_and_outputs_have_names_and_open_axes(model: bytes) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    assert [(i.name, i.shape) for i in session.get_inputs()] == [
        ("rgb", ["clips", 3, "frames", *CLIP[1:]])
    ]
    assert [(o.name, o.shape) for o in session.get_outputs()] == [("logits", ["clips", CLASSES])]
    note = session.get_modelmeta().custom_metadata_map["connsearch"]
    assert json.loads(note) == NOTE


def test_nothing_in_the_files_says_where_they_were_made(pt2: bytes, model: bytes) -> None:
    here = str(sys.modules[Network.__module__].__file__).encode()
    assert here not in model
    archive = zipfile.ZipFile(io.BytesIO(pt2))
    assert not any(here in archive.read(name) for name in archive.namelist())


def test_a_pt2_file_is_a_zip_of_json_and_raw_weights(
    network: Network, program: Program, pt2: bytes
) -> None:
    """Nothing in it is a pickle, and torch reads it back."""
    archive = zipfile.ZipFile(io.BytesIO(pt2))
    names = [name.partition("/")[2] for name in archive.namelist()]
    root = archive.namelist()[0].partition("/")[0]
    config = json.loads(archive.read(f"{root}/data/weights/model_weights_config.json"))
    assert config["config"]
    assert not any(entry["use_pickle"] for entry in config["config"].values())
    constants = json.loads(archive.read(f"{root}/data/constants/model_constants_config.json"))
    assert not any(entry["use_pickle"] for entry in constants["config"].values())
    assert archive.read(f"{root}/data/sample_inputs/model.pt") == b""
    assert json.loads(archive.read(f"{root}/extra/connsearch.json")) == NOTE
    assert "models/model.json" in names
    assert compare(pt2_runner(pt2), network, program.inputs, tolerance=TOLERANCE).ok


@pytest.mark.slow
def test_exporting_leaves_the_network_as_it_was() -> None:
    network = network_of(small(), learn_connections=True)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    layout = network.memory_format
    network.train()
    write_down(network, CLIP)
    assert network.training
    assert network.memory_format == layout
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


def test_a_program_that_is_not_the_network_is_noticed(network: Network, program: Program) -> None:
    def rounded(streams: Mapping[str, Tensor]) -> Tensor:
        return (program.run(streams) * 100).round() / 100

    def broken(streams: Mapping[str, Tensor]) -> Tensor:
        return program.run(streams) * torch.nan

    def first_clip_only(streams: Mapping[str, Tensor]) -> Tensor:
        return program.run(streams)[:1]

    def mixed_up(streams: Mapping[str, Tensor]) -> Tensor:
        return program.run(streams).flip(0)  # right for one clip

    for fault in (rounded, broken, first_clip_only, mixed_up):
        with pytest.raises(Failure, match="nothing was kept"):
            compare(fault, network, program.inputs, tolerance=1e-4)
    assert compare(rounded, network, program.inputs, tolerance=0.1).ok


def test_a_weight_that_changed_on_the_way_is_noticed(program: Program) -> None:
    other = network_of(small())
    assert compare(program.run, other, program.inputs, tolerance=TOLERANCE).ok
    with torch.no_grad():
        other.head.dense.weight[0, 0] += 0.01
    with pytest.raises(Failure, match="differs from the network"):
        compare(program.run, other, program.inputs, tolerance=1e-4)


def test_inputs_of_every_kind_of_structure() -> None:
    whole = starter()
    assert input_shapes(whole, CLIP) == {"rgb": (3, *CLIP), "object": (5, *CLIP)}
    assert list(input_shapes(whole, CLIP, flow_input=True)) == ["rgb", "flow", "object"]
    flow = keep_streams(whole, [Modality.FLOW])
    assert list(input_shapes(flow, CLIP)) == ["rgb"]
    assert list(input_shapes(flow, CLIP, flow_input=True)) == ["flow"]
    with pytest.raises(SettingsError, match="no stem reads flow"):
        input_shapes(keep_streams(whole, [Modality.RGB]), CLIP, flow_input=True)


@pytest.mark.slow
def test_flow_that_is_given_takes_the_place_of_flow_that_is_computed(network: Network) -> None:
    given = write_down(network, CLIP, flow_input=True)
    rgb = torch.rand(2, 3, *CLIP)
    flow = representation_flow(rgb, iterations=network.structure.network.flow_iterations)
    with torch.no_grad():
        wanted = network({"rgb": rgb})
    torch.testing.assert_close(given.run({"rgb": rgb, "flow": flow}), wanted, rtol=1e-4, atol=1e-5)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    require_onnx()
    searched = "connsearch.models.export_onnx.find_spec"
    monkeypatch.setattr(searched, lambda name: None if "script" in name else object())
    with pytest.raises(SettingsError, match=r"needs onnxscript.*\n.*connsearch\[export\]"):
        require_onnx()


@pytest.mark.slow
@pytest.mark.parametrize("attention", [a for a in Attention if a is not Attention.FIXED])
def test_every_attention_mode_goes_through(attention: Attention) -> None:
    agrees(network_of(starter(attention)), (3, 32, 32))


@pytest.mark.slow
@pytest.mark.parametrize(("peers", "mode"), [(1, "pinned"), (2, "pinned"), (2, "published")])
def test_pruned_networks_go_through(peers: int, mode: str) -> None:
    network = pruned(peers, mode)
    assert network.structure.network.attention is Attention.FIXED
    agrees(network, (3, 32, 32))


@pytest.mark.slow
def test_a_pinned_structure_goes_through() -> None:
    agrees(network_of(pin(starter(Attention.SELF))), (3, 32, 32))


@pytest.mark.slow
def test_a_searched_network_of_rgb_and_flow_goes_through() -> None:
    structure = load_structure("starter_rgb_flow").with_settings(flow_iterations=3)
    network = network_of(structure, learn_connections=True)
    assert list(agrees(network, (3, 32, 32)).inputs) == ["rgb"]
    assert list(agrees(network, (3, 32, 32), flow_input=True).inputs) == ["rgb", "flow"]


@pytest.mark.slow
@pytest.mark.parametrize("size", [(37, 29), (33, 20)])
def test_adaptive_pooling_goes_through(size: tuple[int, int]) -> None:
    """Over-connected, at sizes the published pooling rule does not fit."""
    agrees(network_of(over_connect(starter(Attention.NONE))), (2, *size))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "attention"),
    [
        ("assemblenet-50", Attention.NONE),
        ("assemblenet_plus-50", Attention.PEER),
        ("assemblenet_plus_lite", Attention.SELF),
    ],
)
def test_published_families_go_through(name: str, attention: Attention) -> None:
    structure = shrunk(name, attention)
    if structure.family == "assemblenet_plus_lite":
        structure = structure.with_settings(head="softmax")
    agrees(network_of(structure), (2, 32, 32))


@pytest.mark.slow
def test_the_whole_number_of_flow_iterations_goes_through() -> None:
    agrees(network_of(replace(small(), name="deep").with_settings(flow_iterations=40)), CLIP)
