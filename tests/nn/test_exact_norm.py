"""Batch normalisation in channels last, against float64."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from connsearch.nn.exact_norm import FEWEST, exact_batch_norm, is_better
from connsearch.nn.split_norm import ImageNorm, SplitNorm, split_norms

LAST = torch.channels_last_3d
EXACT = 1e-6


@pytest.fixture(autouse=True)
def threads_as_they_were() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def features(*shape: int, mean: float = 0.0, dtype: torch.dtype = torch.float32) -> Tensor:
    layout = torch.channels_last if len(shape) == 4 else LAST
    x = torch.randn(shape) * 2 + mean
    return x.to(dtype).contiguous(memory_format=layout).requires_grad_()


def scales(width: int) -> tuple[Tensor, Tensor]:
    return (torch.rand(width) + 0.5).requires_grad_(), torch.randn(width).requires_grad_()


def off(found: Tensor | None, wanted: Tensor | None) -> float:
    assert found is not None
    assert wanted is not None
    return float((found.double() - wanted).norm() / wanted.norm())


def errors(x: Tensor) -> dict[str, float]:
    """How far a normalisation and its gradients are from float64, relative."""
    weight, bias = scales(x.shape[1])
    given = torch.randn_like(x)
    ours = exact_batch_norm(x, weight, bias, 1e-5)
    ours.features.backward(given)
    exact = [t.detach().double().requires_grad_() for t in (x, weight, bias)]
    wanted = F.batch_norm(exact[0], None, None, exact[1], exact[2], training=True)
    wanted.backward(given.double())
    axes = [0, *range(2, x.ndim)]
    variance, mean = torch.var_mean(exact[0].detach(), axes, correction=0)
    found = {"features": off(ours.features.detach(), wanted.detach()),
             "mean": off(ours.mean, mean), "variance": off(ours.variance, variance)}  # fmt: skip
    names = zip(("by features", "by scale", "by shift"), (x, weight, bias), exact, strict=True)
    return found | {name: off(one.grad, other.grad) for name, one, other in names}


@pytest.mark.parametrize("shape", [(2, 16, 8, 64, 64), (3, 5, 7, 33, 29), (9, 24, 61, 47)])
def test_it_is_that_of_float64(shape: tuple[int, ...]) -> None:
    x = features(*shape, mean=1.0)
    assert is_better(x)
    found = errors(x)
    assert max(found.values()) < EXACT, found


def test_a_million_numbers_a_channel_and_a_large_mean_lose_nothing() -> None:
    found = errors(features(4, 8, 16, 160, 160, mean=100.0))
    assert found["mean"] < EXACT
    assert found["variance"] < EXACT
    assert found["by features"] < EXACT
    assert found["features"] < 5e-6, "as features near 100 are rounded in float32"


def test_the_number_of_threads_changes_no_bit() -> None:
    x, (weight, bias) = features(4, 32, 8, 48, 48), scales(32)
    given = torch.randn_like(x)
    found: list[list[Tensor]] = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        out = exact_batch_norm(x, weight, bias, 1e-5)
        by = torch.autograd.grad(out.features, (x, weight, bias), given)
        found.append([*out, *by])
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def test_bf16_features_are_rounded_once() -> None:
    x, (weight, bias) = features(2, 16, 8, 40, 40, mean=3.0, dtype=torch.bfloat16), scales(16)
    given = torch.randn_like(x)
    out = exact_batch_norm(x, weight, bias, 1e-5)
    out.features.backward(given)
    assert out.features.dtype == torch.bfloat16
    wide = x.detach().double().requires_grad_()
    wanted = F.batch_norm(wide, None, None, weight.double(), bias.double(), training=True)
    wanted.backward(given.double())
    assert (
        torch.equal(out.features, wanted.to(torch.bfloat16))
        or off(out.features.detach(), wanted.detach().to(torch.bfloat16).double()) < 1e-4
    )
    assert off(x.grad, wide.grad) < 2e-3
    assert off(out.variance, wide.detach().var((0, 2, 3, 4), correction=0)) < EXACT


@pytest.mark.parametrize("layer", [SplitNorm(12), ImageNorm(12)])
def test_a_layer_takes_it_and_its_running_statistics_follow(layer: SplitNorm) -> None:
    layer.reset_running_stats()
    x = features(*((4, 12, 64, 64) if isinstance(layer, ImageNorm) else (4, 12, 4, 32, 32)))
    assert is_better(x)
    plain = type(layer)(12, momentum=layer.momentum).double()
    out = layer.train()(x)
    wanted = plain.train()(x.detach().double().contiguous())
    assert off(out.detach(), wanted.detach()) < EXACT
    assert out.is_contiguous(memory_format=torch.channels_last if x.ndim == 4 else LAST)
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        torch.testing.assert_close(
            getattr(layer, name).double(), getattr(plain, name).double(), rtol=1e-6, atol=1e-7
        )
    layer.eval()
    assert off(layer(x).detach(), plain.eval()(x.detach().double()).detach()) < EXACT


def test_groups_are_normalised_exactly_too() -> None:
    layer, plain = SplitNorm(8).train(), SplitNorm(8).double().train()
    x = features(4, 8, 8, 48, 48)
    with split_norms(layer, 2), split_norms(plain, 2):
        out, wanted = layer(x), plain(x.detach().double().contiguous())
    assert off(out.detach(), wanted.detach()) < EXACT
    torch.testing.assert_close(layer.running_var.double(), plain.running_var, rtol=1e-6, atol=1e-7)


def test_where_torch_is_exact_it_is_left_alone() -> None:
    assert not is_better(features(2, 16, 8, 64, 64).detach().contiguous())
    assert not is_better(features(1, 16, 2, 64, FEWEST // 128))
    assert not is_better(features(2, 16, 8, 64, 64).double())
    assert not is_better(features(2, 16, 8, 64, 64).to("meta"))
