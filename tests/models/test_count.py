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


def test_a_network_that_asks_for_numbers_cannot_be_counted() -> None:
    class Asks(nn.Module):
        def forward(self, streams: dict[str, Tensor]) -> Tensor:
            return streams["x"] * streams["x"].sum().item()

    with pytest.raises((NotImplementedError, RuntimeError), match="meta"):
        count(Asks(), {"x": torch.ones(1)})
