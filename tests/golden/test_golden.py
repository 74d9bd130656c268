"""We give the numbers of the published code, case by case.

``pytest -k golden --golden-dir DIR`` takes files from elsewhere, of any format in ``formats/``;
``python -m tests.golden.report`` prints the worst error of every AssembleNet case.
"""

from __future__ import annotations

import pytest
import torch
from torch import nn

from connsearch.graph import plan
from connsearch.nn import attention, flow, head, layered, layers, streams
from tests.golden.assemblenet.compare import measure
from tests.golden.assemblenet.layout import Case
from tests.golden.cupboard import Check, checks_of, parameter
from tests.golden.folder import HERE, Folder, GoldenError
from tests.golden.option import chosen


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "check" not in metafunc.fixturenames:
        return
    given = chosen(metafunc.config)
    try:
        checks = checks_of(Folder.read(given or HERE))
    except GoldenError as error:
        raise pytest.UsageError(str(error)) from None
    metafunc.parametrize("check", [parameter(check, asked=given is not None) for check in checks])


def test_golden(check: Check) -> None:
    if check.missing:
        pytest.skip(check.missing)
    check.run()


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
    folder = Folder.read(HERE)
    case = Case(name, folder.index[name], folder.arrays(name))
    try:
        wrong = [m for m in measure(case, torch.float32) if not m.error <= m.tolerance]
    except (AssertionError, RuntimeError):  # another shape is seen at once
        return
    assert wrong
