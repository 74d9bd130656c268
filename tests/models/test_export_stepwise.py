"""Networks that answer several times, written down: their last answer is what comes out."""

from __future__ import annotations

from typing import Any

import pytest

from connsearch.errors import SettingsError
from connsearch.graph.files import load_structure
from connsearch.graph.spec import Structure
from connsearch.models.catalogue import create_model
from connsearch.models.depth_exits import DepthExits
from connsearch.models.document import ModelDocument
from connsearch.models.export import flow_structure, pt2_runner, to_pt2, write_down
from connsearch.models.export_onnx import onnx_runner, to_onnx
from connsearch.models.model import Model
from connsearch.models.parity import compare
from tests.nn.helpers import network_of
from tests.training.tiny import tiny_structure

pytestmark = pytest.mark.timeout(900)
CLASSES, TOLERANCE = 5, 1e-4


def agrees(model: Model, clip: tuple[int, int, int]) -> list[str]:
    """Exports both ways, and returns the names of the inputs."""
    model.eval()
    program = write_down(model, clip)
    for run in (pt2_runner(to_pt2(program, {})), onnx_runner(to_onnx(program, {}))):
        assert compare(run, model, program.inputs, tolerance=TOLERANCE).apart > 0
    return list(program.inputs)


def with_exits(structure: Structure) -> DepthExits:
    return DepthExits.around(network_of(structure), levels=None, neurons=4, seed=0)


def focus(**settings: Any) -> Model:
    size = {"size": 48, "patch": 32, "policy_hidden": 4, "neurons": 4}
    return create_model("adafocus", CLASSES, seed=0, **{"glance": "resnet18", **size, **settings})


def starter_rgb_flow() -> dict[str, Any]:
    structure = load_structure("starter_rgb_flow").with_settings(flow_iterations=2)
    return ModelDocument.of(structure).to_json()


def test_a_structure_with_exits_gives_its_last_answer() -> None:
    assert agrees(with_exits(tiny_structure(dropout=0.0)), (3, 16, 16)) == ["rgb"]


@pytest.mark.slow
def test_a_structure_with_exits_computes_its_flow() -> None:
    structure = load_structure("starter_rgb_flow").with_settings(flow_iterations=2)
    model = with_exits(structure)
    assert agrees(model, (4, 32, 32)) == ["rgb"]
    assert flow_structure(model) == structure


@pytest.mark.slow
def test_a_window_that_glides_over_flow_is_written_down() -> None:
    local = starter_rgb_flow()
    assert agrees(focus(window="track", frames=4, local=local), (4, 48, 48)) == ["rgb"]


@pytest.mark.slow
def test_frames_that_only_the_local_network_sees_are_an_input() -> None:
    settings: dict[str, Any] = {"frames": 4, "local_frames": 6, "size": 64, "patch": 32}
    model = create_model("adafocus-tsm", CLASSES, seed=0, policy_hidden=4, **settings)
    assert agrees(model, (4, 64, 64)) == ["rgb", "focus"]


def test_flow_is_no_input_of_a_focus_model() -> None:
    with pytest.raises(SettingsError, match="flow cannot be an input"):
        write_down(focus(frames=4, window="clip", local="resnet18"), (4, 48, 48), flow_input=True)
