"""3D residual networks as one trains them: small ones of every kind, on tiny clips."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from connsearch.errors import DataError
from connsearch.models.count import count
from connsearch.models.zoo import MODELS
from connsearch.models.zoo.resnet3d import ResNet3D, ResNet3DSettings

KINDS = [
    *itertools.product(("basic", "bottleneck"), ("r3d", "r2plus1d")),
    ("bottleneck", "ir_csn"),
    ("bottleneck", "ip_csn"),
]


def small(
    block: str = "basic", convolution: str = "r3d", *, seed: int = 0, **options: Any
) -> ResNet3D:
    settings = ResNet3DSettings.model_validate(
        {"block": block, "convolution": convolution, "depths": (1, 2, 1, 1)}
        | {"widths": (8, 8, 12, 16)}
        | options
    )
    return ResNet3D(settings, 4, seed=seed)


def clips(*shape: int) -> dict[str, Tensor]:
    return {"rgb": torch.rand(shape[0], 3, *shape[1:]) * 2 - 1}


@pytest.mark.parametrize(("block", "convolution"), KINDS)
def test_steps_lower_the_loss_and_reach_every_parameter(block: str, convolution: str) -> None:
    network, streams = small(block, convolution), clips(4, 4, 17, 20)
    labels = torch.arange(4)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    losses: list[float] = []
    for _ in range(5):
        loss = F.cross_entropy(network(streams), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[0] > losses[-1]
    assert [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize(("block", "convolution"), KINDS)
@pytest.mark.parametrize("shape", [(2, 1, 32, 32), (1, 5, 33, 17), (3, 2, 7, 9), (2, 17, 8, 8)])
def test_clips_of_any_length_and_size(block: str, convolution: str, shape: tuple[int, ...]) -> None:
    network, streams = small(block, convolution), clips(*shape)
    out = network(streams)
    assert out.shape == (shape[0], 4)
    assert out.isfinite().all()
    out.sum().backward()
    assert network.eval()(streams).shape == (shape[0], 4)


@pytest.mark.parametrize(("block", "convolution"), KINDS)
@pytest.mark.parametrize("shape", [(2, 1, 32, 32), (2, 2, 16, 16), (2, 8, 33, 20)])
def test_bf16_gradients_of_kernels_are_right(
    block: str, convolution: str, shape: tuple[int, ...]
) -> None:
    """Short clips reach shapes that torch gets wrong on CPUs: strides over one frame or pixel."""
    network, streams = small(block, convolution), clips(*shape)
    convs = [m for m in network.modules() if isinstance(m, nn.Conv3d)]
    seen: dict[nn.Module, tuple[Tensor, Tensor]] = {}

    def keep(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        output.register_hook(lambda grad: seen.update({module: (inputs[0].detach(), grad)}))

    for module in convs:
        module.register_forward_hook(keep)
    with torch.autocast("cpu", torch.bfloat16):
        out = network(streams)
    assert out.dtype is torch.bfloat16
    out.float().square().sum().backward()
    for module in convs:
        x, grad = (t.bfloat16().double() for t in seen[module])
        where = module.stride, module.padding, module.dilation, module.groups
        expected = nn.grad.conv3d_weight(x, module.weight.shape, grad, *where)
        assert module.weight.grad is not None
        apart = (module.weight.grad - expected).norm() / expected.norm().clamp(min=1e-12)
        assert float(apart) < 0.01, f"{module} on {tuple(x.shape)}: {float(apart):.2g}"


def test_first_values_follow_from_the_seed_alone() -> None:
    before = torch.random.get_rng_state()
    one, two, other = small(seed=3), small(seed=3), small(seed=4)
    assert torch.equal(torch.random.get_rng_state(), before)
    same = {n: t for n, t in two.state_dict().items()}
    assert all(torch.equal(t, same[n]) for n, t in one.state_dict().items())
    assert not torch.equal(one.head.weight, other.head.weight)


def test_first_values_are_the_published_ones() -> None:
    network = small(widths=(64, 64, 64, 64))
    for module in network.modules():
        if isinstance(module, nn.Conv3d):
            fan_out = module.out_channels * module.kernel_size[0] * module.kernel_size[1] ** 2
            assert float(module.weight.detach().std()) == pytest.approx(
                (2 / fan_out) ** 0.5, rel=0.1
            )
        elif isinstance(module, nn.BatchNorm3d):
            assert bool((module.weight == 1).all())
            assert not module.bias.any()
            assert (module.eps, module.momentum) == (1e-5, 0.1)
    assert float(network.head.weight.detach().std()) == pytest.approx(0.01, rel=0.2)
    assert not network.head.bias.any()


def test_weights_survive_saving(tmp_path: Any) -> None:
    network, again, streams = small(seed=0), small(seed=1), clips(2, 4, 16, 16)
    network(streams)
    again.load_state_dict(network.state_dict())
    assert torch.equal(network.eval()(streams), again.eval()(streams))


def test_pixels_are_normalised_as_the_settings_say() -> None:
    mean, std = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
    plain, other, streams = small(), small(mean=mean, std=std), clips(2, 4, 16, 16)
    other.load_state_dict(plain.state_dict())
    pixels = (streams["rgb"] + 1) / 2
    by_hand = (pixels - torch.tensor(mean).view(3, 1, 1, 1)) / torch.tensor(std).view(3, 1, 1, 1)
    expected = plain.eval()({"rgb": by_hand})
    torch.testing.assert_close(other.eval()(streams), expected, rtol=1e-4, atol=1e-6)


def test_without_the_stem_pool_features_are_twice_as_large() -> None:
    network, seen = small(stem_pool=False).eval(), []
    network.stage4.register_forward_hook(lambda _m, _i, out: seen.append(tuple(out.shape[2:])))
    network(clips(1, 16, 64, 48))
    assert seen == [(2, 4, 3)]


def test_dropout_is_off_unless_asked_for() -> None:
    streams = clips(2, 4, 16, 16)
    for network, same in ((small(), True), (small(dropout=0.5), False)):
        network.train()
        assert torch.equal(network(streams), network(streams)) is same


@pytest.mark.parametrize(
    ("streams", "said"),
    [
        ({}, "'rgb' is missing; given: none"),
        ({"flow": torch.zeros(1, 2, 4, 8, 8)}, "'rgb' is missing; given: flow"),
        ({"rgb": torch.zeros(1, 2, 4, 8, 8)}, r"3 channels.*got \(1, 2, 4, 8, 8\)"),
        ({"rgb": torch.zeros(3, 4, 8, 8)}, r"got \(3, 4, 8, 8\)"),
        ({"rgb": torch.zeros(1, 3, 0, 8, 8)}, "none of them 0"),
        ({"rgb": torch.zeros(1, 3, 4, 8, 8, dtype=torch.uint8)}, "got torch.uint8"),
    ],
)
def test_other_streams_are_refused(streams: dict[str, Tensor], said: str) -> None:
    with pytest.raises(DataError, match=said):
        small()(streams)


@pytest.mark.parametrize("pool", [True, False])
def test_one_clip_too_small_to_normalise_is_refused_in_training_only(pool: bool) -> None:
    network = small(stem_pool=pool)
    side, frames = (32, 16) if pool else (16, 8)
    with pytest.raises(
        DataError, match=f"more --frames than {frames}; or a --size of more than {side} pixels"
    ):
        network(clips(1, frames, side, side))
    network(clips(1, frames + 1, side, side))
    network(clips(1, 1, side, side + 1))
    network(clips(2, 1, side, side))
    network.eval()(clips(1, 1, 8, 8))


def test_multiply_accumulates_of_r3d_18_are_those_of_the_hand() -> None:
    frames, height, width = 16, 112, 112
    stem = 64 * 3 * 3 * 7 * 7 * frames * 56 * 56
    stages, before = 0, 64
    sizes = [(8, 28, 28), (4, 14, 14), (2, 7, 7), (1, 4, 4)]
    for out, (t, h, w) in zip((64, 128, 256, 512), sizes, strict=True):
        stages += (27 * before * out + 3 * 27 * out * out) * t * h * w
        stages += before * out * t * h * w if before != out else 0
        before = out
    with torch.device("meta"):
        network = MODELS["r3d_18"].build(400)
    found = count(network, {"rgb": torch.empty(1, 3, frames, height, width)})
    assert found == (33_371_472, stem + stages + 512 * 400)
