"""Batch normalisation in groups: each group as if it were alone, nothing else changed."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from connsearch.models.structure import Network
from connsearch.nn.layers import norm
from connsearch.nn.split_norm import SplitNorm, split_norms
from connsearch.training.recalibrate import recalibrate
from tests.training.tiny import tiny_structure

LAYOUTS = [torch.contiguous_format, torch.channels_last_3d]


def clips(count: int, *, layout: torch.memory_format = torch.contiguous_format) -> Tensor:
    """Returns features whose mean and spread change from clip to clip."""
    generator = torch.Generator().manual_seed(count)
    x = torch.randn(count, 3, 2, 5, 4, generator=generator)
    x = x * torch.linspace(0.5, 2, count).view(-1, 1, 1, 1, 1) + torch.arange(count).view(
        -1, 1, 1, 1, 1
    )
    return x.contiguous(memory_format=layout)


def layers(count: int) -> list[SplitNorm]:
    """Returns equal layers with a scale and a shift of their own."""
    made = [norm(3) for _ in range(count)]
    for layer in made:
        with torch.no_grad():
            layer.weight.copy_(torch.tensor([0.5, 1.0, 2.0]))
            layer.bias.copy_(torch.tensor([-1.0, 0.0, 1.0]))
    return made


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("groups", [2, 3])
def test_every_group_comes_out_as_if_it_were_alone(
    layout: torch.memory_format, groups: int
) -> None:
    whole, *alone = layers(groups + 1)
    x = clips(4 * groups, layout=layout)
    whole.clips = 4
    out = whole(x)
    assert torch.equal(out, torch.cat([a(p) for a, p in zip(alone, x.split(4), strict=True)]))
    assert out.is_contiguous(memory_format=layout)
    for name in ("running_mean", "running_var"):
        mean = torch.stack([getattr(layer, name) for layer in alone]).mean(0)
        torch.testing.assert_close(getattr(whole, name), mean, rtol=1e-6, atol=1e-7)
    assert whole.num_batches_tracked == 1


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("groups", [1, 2])
def test_gradients_are_right_whatever_the_stride_of_an_axis_of_one(
    train: bool, groups: int
) -> None:
    """torch 2.13 misreads them on CPUs; see ``with_plain_gradient``."""
    shape = (4, 32, 1, 2, 2)
    x, weigh = torch.randn(shape), torch.randn(shape)
    odd = torch.empty_strided(shape, (128, 1, 384, 64, 32)).copy_(weigh)
    found: list[list[Tensor]] = []
    for dtype, gradient in ((torch.float64, weigh), (torch.float32, odd)):
        layer = SplitNorm(32).to(dtype).train(train)
        layer.clips = None if groups == 1 else 2
        given = x.to(dtype, copy=True).requires_grad_()
        layer(given).backward(gradient.to(dtype))
        found.append([t.grad.double() for t in (given, *layer.parameters()) if t.grad is not None])
    for right, ours in zip(*found, strict=True):
        torch.testing.assert_close(ours, right, rtol=1e-4, atol=1e-5)


def test_gradients_are_those_of_the_groups() -> None:
    whole, *alone = layers(3)
    whole.clips = 4
    x, y = clips(8).requires_grad_(), clips(8).requires_grad_()
    weigh = torch.randn(8, 3, 2, 5, 4, generator=torch.Generator().manual_seed(0))
    (whole(x) * weigh).sum().backward()
    parts = zip(alone, y.split(4), strict=True)
    (torch.cat([layer(part) for layer, part in parts]) * weigh).sum().backward()
    torch.testing.assert_close(x.grad, y.grad)
    sums = alone[0].weight.grad, alone[1].weight.grad
    assert sums[0] is not None
    assert sums[1] is not None
    torch.testing.assert_close(whole.weight.grad, sums[0] + sums[1])


@pytest.mark.parametrize(("count", "group"), [(8, None), (8, 8), (7, 4), (3, 4)])
def test_one_group_is_the_plain_layer_bit_for_bit(count: int, group: int | None) -> None:
    split, plain = layers(1)[0], nn.BatchNorm3d(3, eps=1e-5, momentum=0.01)
    plain.load_state_dict(split.state_dict())
    split.clips = group
    x = clips(count)
    assert torch.equal(split(x), plain(x))
    for name, value in plain.state_dict().items():
        assert torch.equal(split.state_dict()[name], value)


def test_clips_left_over_are_shared_out_so_that_no_group_is_small() -> None:
    split, *alone = layers(3)
    split.clips = 4
    x = clips(11)
    parts = zip(alone, x.split([6, 5]), strict=True)
    assert torch.equal(split(x), torch.cat([layer(part) for layer, part in parts]))


def test_evaluation_knows_no_groups() -> None:
    split, plain = layers(2)
    split.clips = 2
    x = clips(8)
    assert torch.equal(split.eval()(x), plain.eval()(x))


def test_bf16_features_keep_float32_statistics() -> None:
    split, plain = layers(2)
    split.clips = 4
    x = clips(8, layout=torch.channels_last_3d).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        out = split(x)
    assert out.dtype == torch.bfloat16
    assert split.running_mean is not None
    assert split.running_mean.dtype == torch.float32
    first = plain(x[:4].float())
    torch.testing.assert_close(out[:4].float(), first, rtol=0.02, atol=0.02)


def test_groups_hold_inside_the_context_only_and_keep_the_names() -> None:
    network = Network(tiny_structure(), 2, seed=0).train()
    names = list(network.state_dict())
    x = {"rgb": torch.randn(8, 3, 4, 16, 16, generator=torch.Generator().manual_seed(0))}
    torch.manual_seed(0)
    plain = network(x)
    with split_norms(network, 4):
        torch.manual_seed(0)
        split = network(x)
        assert list(network.state_dict()) == names
    torch.manual_seed(0)
    after = network(x)
    assert torch.equal(plain, after)
    assert not torch.equal(plain, split)


def test_groups_do_not_see_each_other_anywhere_in_the_network() -> None:
    network = Network(tiny_structure(dropout=0.0), 2, seed=0).train()
    generator = torch.Generator().manual_seed(0)
    rgb = torch.randn(8, 3, 4, 16, 16, generator=generator)
    other = torch.cat([rgb[:4], torch.randn(4, 3, 4, 16, 16, generator=generator)])
    with split_norms(network, 4):
        first, second = network({"rgb": rgb}), network({"rgb": other})
    torch.testing.assert_close(first[:4], second[:4])
    assert not torch.allclose(first[4:], second[4:])


def test_recalibration_pools_over_all_clips_whatever_the_groups() -> None:
    split, plain = layers(2)
    split.clips = 2
    for layer in (split, plain):
        recalibrate(layer, [clips(6), clips(8)], layer)
    assert torch.equal(split.running_mean, plain.running_mean)  # type: ignore[arg-type]
    assert torch.equal(split.running_var, plain.running_var)  # type: ignore[arg-type]
