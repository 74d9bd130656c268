"""Our modules give the numbers of the public AssembleNet code, case by case.

``pytest -k golden --golden-dir DIR`` takes other files of the same format; ``python -m
tests.golden.report`` prints the worst error of every case.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from connsearch.graph import plan
from connsearch.graph.files import load_structure
from connsearch.graph.spec import Attention
from connsearch.models.structure import Network
from connsearch.nn import attention, flow, head, layered, layers, streams
from connsearch.nn.connection import ConnectionFusion
from tests.golden.compare import load, measure
from tests.golden.layout import HERE, Case, case_names, folder, read_case, read_index
from tests.golden.names import flow_constants, inputs_of
from tests.golden.subjects import build

DTYPES = {"float64": torch.float64, "float32": torch.float32}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" not in metafunc.fixturenames:
        return
    path = folder(metafunc.config.getoption("golden_dir"))
    if not (path / "index.json").is_file():
        raise pytest.UsageError(f"--golden-dir {path}: no index.json there")
    names = case_names(path)
    if "fixed" in metafunc.function.__name__:
        names = [n for n in names if has_fixed_weights(read_index(path)[n])]
    metafunc.parametrize("case", names, indirect=True)


def has_fixed_weights(info: dict[str, object]) -> bool:
    """Whether a case has published connection weights."""
    return bool(info.get("edge_weights")) or "[[" in str(info["what"])


@pytest.fixture
def golden_dir(request: pytest.FixtureRequest) -> Path:
    return folder(request.config.getoption("golden_dir"))


@pytest.fixture
def case(request: pytest.FixtureRequest, golden_dir: Path) -> Case:
    return read_case(golden_dir, request.param, read_index(golden_dir)[request.param])


@pytest.mark.parametrize("dtype", DTYPES)
def test_golden_case(case: Case, dtype: str) -> None:
    measures = list(measure(case, DTYPES[dtype]))
    assert measures, "the file holds nothing to compare"
    wrong = [m for m in measures if not m.error <= m.tolerance]
    lines = (f"{m.where}: {m.error:.2g}, allowed {m.tolerance:.0e}" for m in wrong)
    assert not wrong, "\n".join(lines)


def test_golden_flow_constants(case: Case) -> None:
    weights = case.group("weight")
    given = {k.removeprefix("rep_flow/"): a for k, a in weights.items() if "rep_flow/" in k}
    ours = {"theta": flow.THETA, "lambda": flow.LAMBDA, "tau": flow.TAU}
    taps = flow_constants()
    for name, array in given.items():
        if name in ours:
            assert array == np.float32(ours[name])
        elif name in taps:  # one diagonal kernel: channels do not mix
            width = array.shape[-1]
            np.testing.assert_array_equal(array, taps[name][..., None, None] * np.eye(width))


def test_golden_fixed_weights_are_coefficients(case: Case) -> None:
    """Published weights start a search at their logits; fixed, they give the same output."""
    subject = build(case)
    start = {k: v.clone() for k, v in subject.module.state_dict().items() if k.endswith("logits")}
    load(subject, case)
    output = subject.run(inputs_of(case, torch.float32))
    fusions = [m for m in subject.module.modules() if isinstance(m, ConnectionFusion)]
    for name, logits in subject.module.state_dict().items():
        if name.endswith("fusion.logits") or name == "logits":
            torch.testing.assert_close(start[name], logits, rtol=1e-5, atol=1e-5)
    for fusion in fusions:
        fix(fusion)
    again = subject.run(inputs_of(case, torch.float32))
    torch.testing.assert_close(again, output, rtol=1e-6, atol=1e-6)


def fix(fusion: ConnectionFusion) -> None:
    """Turns a fusion's learned weights into coefficients, as a network built to be trained has."""
    if fusion.logits is not None:
        fusion.coefficients = fusion.logits.detach().sigmoid()
        fusion.fixed, fusion.learned, fusion.logits = fusion.learned, [], None


def parameters_of(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


COUNTED = {
    "assemblenet-50, attention none": ("assemblenet-50", Attention.NONE),
    "assemblenet-50, attention peer": ("assemblenet-50", Attention.PEER),
    "assemblenet-101, attention none": ("assemblenet-101", Attention.NONE),
    "assemblenet_plus-50 (151 object classes), attention none": (
        "assemblenet_plus-50",
        Attention.NONE,
    ),
    "assemblenet_plus-50 (151 object classes), attention self": (
        "assemblenet_plus-50",
        Attention.SELF,
    ),
    "assemblenet_plus-50 (151 object classes), attention peer": (
        "assemblenet_plus-50",
        Attention.PEER,
    ),
    "assemblenet_plus_lite, attention none": ("assemblenet_plus_lite", Attention.NONE),
    "assemblenet_plus_lite, attention peer": ("assemblenet_plus_lite", Attention.PEER),
}


@pytest.mark.parametrize("name", COUNTED)
def test_golden_parameter_counts(name: str, golden_dir: Path) -> None:
    counts = read_index(golden_dir).get("_parameter_counts", {})
    if name not in counts:
        pytest.skip("these golden files do not count it")
    file, mode = COUNTED[name]
    structure = load_structure(file).with_settings(attention=mode)
    with torch.device("meta"):
        network = Network(structure, 157)
    assert parameters_of(network) == counts[name]


def test_golden_counts_are_all_known(golden_dir: Path) -> None:
    counts = read_index(golden_dir).get("_parameter_counts", {})
    assert set(counts) - {"note"} <= set(COUNTED)


def still(rgb: torch.Tensor, **_settings: object) -> torch.Tensor:
    """No motion at all."""
    return torch.zeros_like(rgb[:, :2])


FAULTS: dict[str, tuple[object, str, object]] = {
    "1a_rep_flow_translate": (flow, "TAU", 0.26),
    "2d_lite_stem_32x32_d1": (
        layered,
        "pad_same",
        lambda x, _k, _s: nn.functional.pad(x, (1,) * 4),
    ),
    "2a_rgb_stem_32x32_d4": (layers, "BN_MOMENTUM", 0.1),
    "2c_object_stem": (layered, "max_pool_same", lambda x, k, s: x[..., ::s, ::s]),
    "3d_fusion_object_peer": (plan, "is_object", lambda _shape: False),
    "5a_attention_peer_4d": (
        attention,
        "as_gate",
        lambda x: x.tanh().transpose(1, 2)[..., None, None],
    ),
    "6a_head_1node_maxpool": (head, "softmax_over_time", lambda x: x.mean(1)),
    "7a_asn_tiny": (streams, "representation_flow", still),
}
"""File -> what is broken: module, name and what stands there instead."""


@pytest.mark.parametrize("name", FAULTS)
def test_golden_file_catches_a_planted_fault(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, attribute, instead = FAULTS[name]
    monkeypatch.setattr(module, attribute, instead)
    case = read_case(HERE, name, read_index(HERE)[name])
    try:
        wrong = [m for m in measure(case, torch.float32) if not m.error <= m.tolerance]
    except (AssertionError, RuntimeError):  # another shape is seen at once
        return
    assert wrong
