"""The gates of any network have names for people, and decide as its document says."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from connsearch.models.catalogue import create_model
from connsearch.models.document import ModelDocument
from connsearch.models.gates import (
    decide_as,
    decides,
    described,
    gate_frames,
    temporal_gates,
    watched,
)
from connsearch.models.model import Wrapped
from connsearch.nn.temporal_gate import TemporalGate
from tests.view.structures import small

NARROW = {"widths": (4, 8, 8, 8)}


def test_gates_are_named_after_their_block() -> None:
    network = create_model("srtg_r3d_18", 3, seed=0, **NARROW)
    blocks = [f"stage{stage}.{block}" for stage in range(1, 5) for block in (0, 1)]
    assert list(temporal_gates(network)) == blocks
    assert temporal_gates(create_model("r3d_18", 3, seed=0, **NARROW)) == {}


def test_a_module_of_ones_own_is_looked_into() -> None:
    inside = nn.ModuleDict({"a": nn.ModuleDict({"gate": TemporalGate(2)}), "b": TemporalGate(2)})
    assert list(temporal_gates(Wrapped(inside))) == ["a", "b"]
    assert list(temporal_gates(Wrapped(TemporalGate(2)))) == ["gate"]
    assert list(temporal_gates(TemporalGate(2))) == ["gate"]


def test_frames_follow_from_the_strides() -> None:
    network = create_model("srtg_r3d_18", 3, seed=0, **NARROW)
    found = gate_frames(network, {"rgb": torch.empty(1, 3, 16, 32, 32)})
    assert list(found) == list(temporal_gates(network))
    assert [found[f"stage{stage}.1"] for stage in range(1, 5)] == [8, 4, 2, 1]
    assert next(network.parameters()).device.type == "cpu"


def test_a_network_that_asks_for_numbers_has_unknown_frames() -> None:
    class Asks(nn.Module):
        def forward(self, x: torch.Tensor) -> float:
            return x.sum().item()

    found = gate_frames(Wrapped(nn.Sequential(TemporalGate(3), Asks())), {"rgb": torch.empty(3)})
    assert found == {}


@pytest.mark.parametrize("gated", [True, False])
def test_a_document_says_whether_gates_decide(gated: bool) -> None:
    network = Wrapped(TemporalGate(3, gated=not gated))
    told = described(described(network.describe(), gated=True), gated=gated)
    assert told.settings["gated"] is gated
    decide_as(network, told)
    assert decides(network) == gated


def test_a_document_that_says_nothing_changes_nothing() -> None:
    network = Wrapped(TemporalGate(3, gated=True))
    plain = network.describe()
    assert described(plain, gated=False) == plain, "runs of networks that fuse stay what they were"
    decide_as(network, plain)
    assert decides(network)
    structure = ModelDocument.of(small())
    decided = described(structure, gated=True).structure
    assert decided is not None
    assert decided.gates_decide
    assert described(structure, gated=False) == structure


def test_a_watch_counts_from_nothing_and_ends() -> None:
    gate = TemporalGate(3)
    gate.watched = True
    clips = torch.rand(2, 3, 1, 4, 4)
    gate(clips)
    with watched(gate) as (gates, frames):
        gate(clips)
        assert gates["gate"].take_count() == (2, 2)
        assert frames == {"gate": 1}
        gate.watched = False
    assert gate.watched, "as it was before"
