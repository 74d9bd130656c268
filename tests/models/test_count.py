"""Counting any module without computing: equal to arithmetic, and the module is left alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from connsearch.graph.cost import cost
from connsearch.graph.files import load_structure
from connsearch.graph.spec import Attention
from connsearch.models.count import count
from connsearch.models.structure import Network
from connsearch.models.zoo import MODELS
from connsearch.nn.modules import TemporalGate
from connsearch.nn.recurrent import WIDE

CLIP = (4, 33, 50)


@pytest.mark.parametrize("attention", list(Attention))
def test_the_network_of_a_structure_costs_what_the_arithmetic_says(attention: Attention) -> None:
    """Computing the flow from ``rgb`` on its way, which counts nothing."""
    structure = load_structure("starter").with_settings(attention=attention)
    channels = {"rgb": 3, "object": structure.network.object_classes}
    streams = {name: torch.empty(1, width, *CLIP) for name, width in channels.items()}
    found = count(Network(structure, 7), streams)
    expected = cost(structure, num_classes=7, clip=CLIP)
    assert found == (expected.parameters, expected.macs)


def test_a_search_has_the_connection_weights_too() -> None:
    structure = load_structure("assemblenet-50").with_settings(flow_iterations=1)
    with torch.device("meta"):
        network = Network(structure, 7, learn_connections=True)
    expected = cost(structure, num_classes=7, clip=CLIP)
    found = count(network, {"rgb": torch.empty(1, 3, *CLIP)})
    learned = sum(p.numel() for p in network.connection_parameters())
    assert found == (expected.parameters + learned, expected.macs)


class Odd(nn.Module):
    """A recurrent layer, a shared layer, a frozen one, a plain tensor, a statistic."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(8, 8, 2, batch_first=True)
        self.shared = nn.Linear(8, 8, bias=False)
        self.again = self.shared
        self.frozen = nn.Linear(8, 2).requires_grad_(False)
        self.norm = nn.BatchNorm1d(8)
        self.plain = torch.ones(8)

    def forward(self, streams: dict[str, Any]) -> Tensor:
        x: Tensor = self.lstm(streams["x"] * self.plain)[0]
        x = self.again(self.shared(x))
        return self.frozen(self.norm(x.mean(1)))


def test_any_module_is_counted_and_left_as_it_is() -> None:
    module, streams = Odd().train(), {"x": torch.ones(1, 5, 8)}
    before = {n: t.clone() for n, t in module.state_dict().items()}
    found = count(module, streams)
    assert found.macs == 5 * 2 * (2 * 4 * 8 * 8) + 5 * 2 * 64 + 16
    assert found.parameters == 2 * (2 * 4 * 8 * 8 + 2 * 32) + 64 + 16
    assert module.training
    assert module.norm.training
    assert all(torch.equal(t, before[n]) for n, t in module.state_dict().items())
    assert module.plain.device.type == streams["x"].device.type == "cpu"


@pytest.mark.parametrize("frames", [1, 7])
@pytest.mark.parametrize(
    ("cell", "layers", "products"), [("lstm", 2, 16), ("gru", 2, 12), ("lstm", 1, 8)]
)
def test_recurrent_gates_are_counted_as_by_the_formula(
    cell: Any, layers: int, products: int, frames: int
) -> None:
    """For C channels and T frames 16 T C^2, and no more where gates decide or are counted."""
    for width in (8, WIDE):
        gate = TemporalGate(width, cell=cell, layers=layers)
        for gate.gated, gate.watched in ((False, False), (True, True)):
            found = count(_Reads(gate), {"x": torch.empty(1, width, frames, 3, 4)})
            assert found.macs == products * frames * width**2
            assert (
                found.parameters
                == products * width**2 + 2 * layers * (products // layers // 2) * width
            )


class _Reads(nn.Module):
    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, streams: dict[str, Tensor]) -> Tensor:
        return self.module(streams["x"])


def test_squeeze_and_recursion_costs_what_was_published() -> None:
    """By how much srtg_r3d_34 is larger than r3d_34, measured with the published code."""
    with torch.device("meta"):
        plain, srtg = (MODELS[name].build(400) for name in ("r3d_34", "srtg_r3d_34"))
    clip = {"rgb": torch.empty(1, 3, 16, 224, 224, device="meta")}
    before, after = count(plain, clip), count(srtg, clip)
    assert after.parameters - before.parameters == 20_179_968
    by_formula = 16 * sum(
        n * t * c**2 for n, t, c in ((3, 8, 64), (4, 4, 128), (6, 2, 256), (3, 1, 512))
    )
    assert after.macs - before.macs == by_formula == 30_932_992


def test_a_network_that_asks_for_numbers_cannot_be_counted() -> None:
    class Asks(nn.Module):
        def forward(self, streams: dict[str, Tensor]) -> Tensor:
            return streams["x"] * streams["x"].sum().item()

    with pytest.raises((NotImplementedError, RuntimeError), match="meta"):
        count(Asks(), {"x": torch.ones(1)})
