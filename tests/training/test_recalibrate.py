"""Recalibrated statistics equal a two-pass reference, and nothing else changes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from connsearch.training.recalibrate import recalibrate

SHAPES = {1: (), 2: (5, 4), 3: (3, 5, 4)}


def network(dims: int) -> nn.Sequential:
    norms = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
    torch.manual_seed(0)
    convs = {1: nn.Linear, 2: lambda a, b: nn.Conv2d(a, b, 1), 3: lambda a, b: nn.Conv3d(a, b, 1)}
    return nn.Sequential(
        convs[dims](3, 6),
        norms[dims](6, momentum=0.01),
        nn.ReLU(),
        convs[dims](6, 4),
        norms[dims](4, momentum=None),
        nn.Dropout(0.5),
    )


def unequal_batches(dims: int) -> list[Tensor]:
    torch.manual_seed(1)
    return [torch.randn(n, 3, *SHAPES[dims]) * (1 + n) + 10 * n for n in (4, 2, 7)]


def two_pass(net: nn.Sequential, batches: list[Tensor]) -> list[tuple[Tensor, Tensor]]:
    """Everything that reaches each norm, kept, then its mean and unbiased variance in float64."""
    reached: dict[nn.Module, list[Tensor]] = {}
    found = []
    for layer in net:
        if hasattr(layer, "running_mean"):
            reached[layer] = []
            layer.register_forward_pre_hook(lambda m, args: reached[m].append(args[0].double()))
    net.train()
    with torch.no_grad():
        for batch in batches:
            net(batch)
    for seen in reached.values():
        flat = torch.cat([x.transpose(0, 1).flatten(1) for x in seen], 1)
        found.append((flat.mean(1), flat.var(1)))
    return found


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_statistics_equal_a_two_pass_reference(dims: int) -> None:
    batches = unequal_batches(dims)
    reference = two_pass(network(dims), batches)
    net = network(dims)
    assert recalibrate(net, batches, net) == 2
    norms = [m for m in net if hasattr(m, "running_mean")]
    for layer, (mean, variance) in zip(norms, reference, strict=True):
        torch.testing.assert_close(layer.running_mean.double(), mean, rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(layer.running_var.double(), variance, rtol=1e-6, atol=1e-6)


def test_sync_norms_are_recalibrated_too() -> None:
    batches = unequal_batches(2)
    reference = two_pass(network(2), batches)
    net = nn.SyncBatchNorm.convert_sync_batchnorm(network(2))
    recalibrate(net, batches, net)
    assert isinstance(net[1], nn.SyncBatchNorm)
    torch.testing.assert_close(net[1].running_mean.double(), reference[0][0], rtol=1e-6, atol=1e-6)


def test_weights_modes_gradients_and_counters_stay() -> None:
    net = network(3)
    net.train()
    net[4].eval()
    net(unequal_batches(3)[0]).sum().backward()
    before = {n: t.clone() for n, t in net.state_dict().items()}
    gradients = [p.grad.clone() for p in net.parameters() if p.grad is not None]
    recalibrate(net, unequal_batches(3), net)
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name]) != ("running" in name)
    after = [p.grad for p in net.parameters() if p.grad is not None]
    assert all(torch.equal(a, b) for a, b in zip(gradients, after, strict=True))
    assert [m.training for m in net] == [True, True, True, True, False, True]
    assert not net[1]._forward_pre_hooks


def test_no_batch_and_no_reach_leave_the_statistics() -> None:
    net = network(1)
    before = net[1].running_mean.clone()
    assert recalibrate(net, [], net) == 0
    assert recalibrate(net, unequal_batches(1), net[0]) == 0
    assert torch.equal(net[1].running_mean, before)


def test_a_fault_while_running_puts_everything_back() -> None:
    net = network(2)
    before = {n: t.clone() for n, t in net.state_dict().items()}
    with pytest.raises(RuntimeError):
        recalibrate(net, [torch.zeros(1, 9, 2, 2)], net)
    assert all(torch.equal(t, before[n]) for n, t in net.state_dict().items())
    assert all(m.training for m in net)
