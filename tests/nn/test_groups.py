"""Connection logits are optimised on their own terms, wherever in a network they are."""

from __future__ import annotations

import torch
from torch import nn

from connsearch.nn.modules import PeerGate, StreamFusion, connection_logits, parameter_groups
from tests.nn.helpers import CLASSES, network_of, starter


class Mine(nn.Module):
    """Somebody's network with both modules in it."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
        self.deep = nn.ModuleList([StreamFusion({"a": 4, "b": 6}, 4, attention="peer")])
        self.gate = PeerGate(4, {"a": 4})


def test_every_parameter_is_in_one_group_and_logits_in_their_own() -> None:
    module = Mine()
    groups = {g["name"]: g for g in parameter_groups(module, lr=0.1, connection_lr=0.02)}
    found = [p for g in groups.values() for p in g["params"]]
    assert len(found) == len({id(p) for p in found}) == len(list(module.parameters()))
    logits = [n for n, _ in module.named_parameters() if n.endswith("logits")]
    assert len(groups["connections"]["params"]) == len(logits) == 3
    assert groups["connections"]["lr"] == 0.02
    assert groups["connections"]["weight_decay"] == groups["vectors"]["weight_decay"] == 0
    assert groups["kernels"]["weight_decay"] == 0.01
    assert all(p.dim() > 1 for p in groups["kernels"]["params"])


def test_decay_moves_kernels_and_no_logits() -> None:
    module = Mine()
    logits = [p.detach().clone() for p in connection_logits(module)]
    kernel = module.first[0].weight
    assert isinstance(kernel, nn.Parameter)
    before = kernel.detach().clone()
    optimiser = torch.optim.AdamW(
        parameter_groups(module, lr=0.1, connection_lr=0.1, weight_decay=0.5)
    )
    for parameter in module.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimiser.step()
    assert not torch.equal(kernel, before)
    assert all(torch.equal(a, b) for a, b in zip(logits, connection_logits(module), strict=True))


def test_frozen_parameters_are_left_out() -> None:
    module = Mine()
    module.first.requires_grad_(False)
    module.gate.logits.requires_grad_(False)
    groups = parameter_groups(module, lr=0.1, connection_lr=0.1)
    assert all(p.requires_grad for g in groups for p in g["params"])
    assert len(connection_logits(module)) == 2


def test_half_precision_logits_go_back_to_float32() -> None:
    module = StreamFusion({"a": 4, "b": 6}, 4).bfloat16()
    parameter_groups(module, lr=0.1, connection_lr=0.1)
    assert module.logits is not None
    assert module.logits.dtype == torch.float32
    x = torch.rand(2, 4, 5, 5, dtype=torch.bfloat16)
    fused = module({"a": x, "b": torch.rand(2, 6, 5, 5, dtype=torch.bfloat16)})
    assert fused.dtype == torch.bfloat16


def test_searched_networks_have_the_same_logits() -> None:
    network = network_of(starter(), learn_connections=True)
    own = {id(p) for p in (*network.connection_parameters(), *network.peer_parameters())}
    assert {id(p) for p in connection_logits(network)} == own
    assert network.num_classes == CLASSES
