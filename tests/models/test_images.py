"""Networks of images on clips: small ones of every kind, frame by frame."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from connsearch.errors import DataError, SettingsError
from connsearch.models.count import count
from connsearch.models.images import IMAGENET_MEAN, IMAGENET_STD, ImageModel
from connsearch.models.zoo import MODELS
from connsearch.models.zoo.mobilenet_v2 import MobileNetV2
from connsearch.models.zoo.resnet2d import ResNet2D
from connsearch.nn.images import frames_as_images
from connsearch.nn.split_norm import SplitNorm, split_norms

SMALL: dict[str, dict[str, Any]] = {
    "resnet18": {"depths": (1, 2, 1, 1), "widths": (8, 8, 12, 16)},
    "resnet50": {"depths": (1, 2, 1, 1), "widths": (4, 4, 6, 8)},
    "mobilenet_v2": {"width": 0.25, "dropout": 0.0},
}


def small(name: str, *, seed: int = 0, **options: Any) -> ImageModel:
    network = MODELS[name].build(4, seed=seed, **SMALL[name] | options)
    assert isinstance(network, ImageModel)
    return network


def clips(*shape: int) -> dict[str, Tensor]:
    return {"rgb": torch.rand(shape[0], 3, *shape[1:]) * 2 - 1}


@pytest.mark.parametrize("name", SMALL)
def test_steps_lower_the_loss_and_reach_every_parameter(name: str) -> None:
    torch.manual_seed(0)
    network, streams, labels = small(name), clips(4, 2, 40, 33), torch.arange(4)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.02)
    losses: list[float] = []
    for _ in range(3):
        loss = F.cross_entropy(network(streams), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[0] > losses[1] > losses[2]
    assert [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("shape", [(2, 1, 32, 32), (1, 5, 33, 17), (3, 2, 7, 9), (1, 2, 1, 1)])
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_clips_of_any_length_and_size(
    name: str, shape: tuple[int, ...], precision: torch.dtype
) -> None:
    network, streams = small(name), clips(*shape)
    with torch.autocast("cpu", precision, enabled=precision is torch.bfloat16):
        out = network(streams)
        out.float().square().sum().backward()
    assert out.shape == (shape[0], 4)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    assert network.eval()(streams).isfinite().all()


@pytest.mark.parametrize("name", SMALL)
def test_logits_of_a_clip_are_the_mean_of_those_of_its_frames(name: str) -> None:
    network, x = small(name).eval(), clips(2, 3, 40, 40)["rgb"]
    alone = torch.stack([network({"rgb": x[:, :, [t]]}) for t in range(3)]).mean(0)
    torch.testing.assert_close(network({"rgb": x}), alone, rtol=1e-4, atol=1e-6)
    backwards = network({"rgb": x.flip(2)})  # the order of frames is not seen
    torch.testing.assert_close(network({"rgb": x}), backwards, rtol=1e-4, atol=1e-6)
    assert not torch.allclose(network({"rgb": x}), network({"rgb": x[:, :, [0]]}))


@pytest.mark.parametrize("name", SMALL)
def test_features_are_what_the_classifier_reads(name: str) -> None:
    network, x = (
        small(name, mean=IMAGENET_MEAN, std=IMAGENET_STD).eval(),
        clips(2, 3, 65, 40)["rgb"],
    )
    found = network.feature_map(frames_as_images(x))
    assert found.shape == (6, network.feature_size, 3, 2)
    logits = network.head(found.mean((2, 3))).unflatten(0, (2, 3)).mean(1)
    torch.testing.assert_close(logits, network({"rgb": x}))
    assert network.head.in_features == network.feature_size
    patch = network.feature_map(torch.rand(5, 3, 32, 32))  # no clip at all
    assert patch.shape == (5, network.feature_size, 1, 1)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2"])
def test_pixels_are_normalised_as_the_settings_say(name: str) -> None:
    plain, other, streams = (
        small(name),
        small(name, mean=IMAGENET_MEAN, std=IMAGENET_STD),
        clips(2, 2, 33, 40),
    )
    other.load_state_dict(plain.state_dict())
    pixels = (streams["rgb"] + 1) / 2
    by_colour = (torch.tensor(v).view(3, 1, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
    mean, std = by_colour
    expected = plain.eval()({"rgb": (pixels - mean) / std})
    torch.testing.assert_close(other.eval()(streams), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", SMALL)
def test_first_values_are_published_ones_and_follow_from_the_seed(name: str) -> None:
    before = torch.random.get_rng_state()
    one, two, other = small(name, seed=3), small(name, seed=3), small(name, seed=4)
    assert torch.equal(torch.random.get_rng_state(), before)
    same = two.state_dict()
    assert all(torch.equal(t, same[n]) for n, t in one.state_dict().items())
    assert not torch.equal(one.head.weight, other.head.weight)
    for module in one.modules():
        if isinstance(module, nn.Conv2d) and module.weight.numel() > 1000:
            fan_out = module.out_channels * module.kernel_size[0] ** 2
            spread = float(module.weight.detach().std())
            assert spread == pytest.approx((2 / fan_out) ** 0.5, rel=0.15)
            assert module.bias is None
        elif isinstance(module, SplitNorm):
            assert bool((module.weight == 1).all())
            assert not module.bias.any()
            assert (module.eps, module.momentum) == (1e-5, 0.1)
    assert not one.head.bias.any()


def test_dropout_is_as_asked_for() -> None:
    streams = clips(2, 2, 33, 33)
    wanted = {"resnet18": 0.0, "resnet50": 0.0, "mobilenet_v2": 0.2}
    found = {n: MODELS[n].build(4).describe().settings["dropout"] for n in SMALL if n != "resnet50"}
    assert found == {n: rate for n, rate in wanted.items() if n in found}
    for network, same in ((small("resnet18"), True), (small("resnet18", dropout=0.5), False)):
        assert torch.equal(network(streams), network(streams)) is same


def test_statistics_in_groups_are_those_of_whole_clips() -> None:
    """A multigrid training: the batch of two groups gives what the groups give one by one."""
    network, x = small("resnet18"), clips(4, 3, 40, 40)["rgb"]
    x[2:] = x[2:] * 0.1
    with split_norms(network, 2):
        both = network({"rgb": x})
    apart = torch.cat([network({"rgb": half}) for half in x.split(2)])
    torch.testing.assert_close(both, apart, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(network({"rgb": x}), apart, rtol=1e-2)


@pytest.mark.parametrize("layout", [torch.channels_last_3d, torch.contiguous_format])
def test_kernels_are_laid_out_as_asked_for(layout: torch.memory_format) -> None:
    settings = small("resnet50").settings
    network = ResNet2D(settings, 4, name="mine", seed=0, memory_format=layout)
    wanted = torch.channels_last if layout is torch.channels_last_3d else torch.contiguous_format
    seen: list[bool] = []
    network.stage2.register_forward_hook(
        lambda _m, _i, out: seen.append(out.is_contiguous(memory_format=wanted))
    )
    network.eval()(clips(2, 2, 64, 64))
    assert seen == [True]
    assert network.stage1[0].conv2.weight.is_contiguous(memory_format=wanted)


@pytest.mark.parametrize(
    ("streams", "said"),
    [
        ({}, "'rgb' is missing; given: none"),
        ({"rgb": torch.zeros(1, 2, 4, 8, 8)}, r"3 channels.*got \(1, 2, 4, 8, 8\)"),
        ({"rgb": torch.zeros(3, 3, 8, 8)}, r"got \(3, 3, 8, 8\)"),
        ({"rgb": torch.zeros(1, 3, 4, 8, 8, dtype=torch.uint8)}, "got torch.uint8"),
    ],
)
def test_other_streams_are_refused(streams: dict[str, Tensor], said: str) -> None:
    with pytest.raises(DataError, match=said):
        small("resnet18")(streams)


@pytest.mark.parametrize("name", SMALL)
def test_one_frame_too_small_to_normalise_is_refused_in_training_only(name: str) -> None:
    network = small(name)
    with pytest.raises(DataError, match=r"has one clip .*; --frames 2; or a --size"):
        network(clips(1, 1, 32, 32))
    network(clips(1, 2, 32, 32))
    network(clips(1, 1, 32, 33))
    network.eval()(clips(1, 1, 8, 8))


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("resnet18", {"width": 0.5}, "width: no setting named 'width', did you mean 'widths'"),
        ("mobilenet_v2", {"width": "1"}, "width: Input should be a valid number"),
        ("mobilenet_v2", {"width": 0.01}, "greater than or equal to 0.05; read: 0.01"),
        ("resnet50", {"mean": (0.4, 0.5)}, "mean.2: Field required"),
        ("resnet50", {"block": "wide"}, "'basic' or 'bottleneck'; read: 'wide'"),
        ("mobilenet_v2", {"dropout": 1.0}, "dropout: Input should be less than 1; read: 1.0"),
    ],
)
def test_settings_that_cannot_be_are_refused(name: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(
        SettingsError, match=f"{name} cannot be built with these settings"
    ) as caught:
        MODELS[name].build(4, **options)
    assert said in str(caught.value)


SIZES = {
    "resnet18": (11_689_512, 1.814),
    "resnet34": (21_797_672, 3.664),
    "resnet50": (25_557_032, 4.089),
    "resnet101": (44_549_160, 7.801),
    "resnet152": (60_192_808, 11.514),
    "mobilenet_v2": (3_504_872, 0.301),
}
"""Parameters, and 10^9 multiply-accumulates of an image of 224 x 224, as torchvision lists them."""


DEEP = ("resnet101", "resnet152")


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] if n in DEEP else []) for n in SIZES]
)
def test_parameters_and_multiply_accumulates_are_the_published_ones(name: str) -> None:
    with torch.device("meta"):
        network = MODELS[name].build(1000)
    one, eight = (count(network, {"rgb": torch.empty(1, 3, t, 224, 224)}) for t in (1, 8))
    assert (one.parameters, round(one.macs / 1e9, 3)) == SIZES[name]
    assert eight.macs == 8 * one.macs


@pytest.mark.parametrize(("width", "parameters"), [(0.5, 1_968_680), (1.4, 6_108_776)])
def test_narrow_and_wide_networks_have_the_published_sizes(width: float, parameters: int) -> None:
    """Those of timm's ``mobilenetv2_050`` and ``mobilenetv2_140``."""
    with torch.device("meta"):
        network = MODELS["mobilenet_v2"].build(1000, width=width)
    assert isinstance(network, MobileNetV2)
    assert sum(p.numel() for p in network.parameters()) == parameters
    assert network.feature_size == max(1280, round(1280 * width))
