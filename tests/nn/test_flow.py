"""Representation flow beyond the golden files: clips, borders, single frames, gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from benchmarks.convolution_flow import convolution_flow
from connsearch.models.structure import Network
from connsearch.nn import flow as flow_module
from connsearch.nn.flow import representation_flow, tv_l1
from tests.nn.feature_flow import FeatureFlow
from tests.nn.helpers import clips, network_of, starter


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def test_a_batch_mate_does_not_change_a_clips_flow() -> None:
    rgb = noise(2, 3, 4, 12, 14)
    louder = torch.cat([rgb[:1], 5 * rgb[1:]])
    alone = representation_flow(rgb[:1], iterations=10)
    torch.testing.assert_close(representation_flow(rgb, iterations=10)[:1], alone)
    torch.testing.assert_close(representation_flow(louder, iterations=10)[:1], alone)


def test_the_published_rule_makes_a_clip_depend_on_its_batch_mates() -> None:
    rgb = noise(2, 3, 4, 12, 14) * torch.tensor([1.0, 5.0]).view(2, 1, 1, 1, 1)
    both = representation_flow(rgb, iterations=10, normalisation="batch")
    alone = representation_flow(rgb[:1], iterations=10, normalisation="batch")
    assert (both[:1] - alone).abs().max() > 0.1


def test_a_batch_mate_does_not_change_a_clips_logits() -> None:
    network = network_of(starter())
    streams = clips(network.structure)
    alone = network({name: stream[:1] for name, stream in streams.items()})
    torch.testing.assert_close(network(streams)[:1], alone, rtol=1e-4, atol=1e-5)


def test_in_place_flow_equals_the_flow_with_a_graph() -> None:
    rgb = noise(2, 3, 5, 13, 17).double()
    plain = representation_flow(rgb, iterations=20)
    graph = representation_flow(rgb.clone().requires_grad_(), iterations=20)
    assert graph.requires_grad
    assert not plain.requires_grad
    torch.testing.assert_close(plain, graph.detach(), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("frames", [2, 3, 7])
def test_in_place_flow_is_the_same_for_any_number_of_clips_and_frames(frames: int) -> None:
    rgb = noise(3, 3, frames, 21, 10).double()
    together = representation_flow(rgb, iterations=6)
    for k in range(3):
        alone = representation_flow(rgb[k : k + 1], iterations=6)
        torch.testing.assert_close(together[k : k + 1], alone, rtol=1e-9, atol=1e-9)


def test_flow_of_a_gradient_checks() -> None:
    x = noise(1, 1, 2, 4, 5).double() * 20
    check = torch.autograd.gradcheck
    assert check(lambda v: tv_l1(v, 3), (x.requires_grad_(),), eps=1e-6, atol=1e-4)


def test_flow_follows_a_moving_pattern() -> None:
    along = torch.arange(48.0)
    frames = [torch.sin((along - 0.5 * t) / 3)[None, :].expand(24, 48) for t in range(3)]
    clip = torch.stack(frames)[None, None].expand(1, 3, -1, -1, -1)
    flow = representation_flow(clip, iterations=200)
    inside = flow[..., 4:-4, 8:-8]
    assert 0.25 < float(inside[:, 0].median()) < 0.75  # half a pixel to the right
    assert inside[:, 1].abs().max() < 0.1


def test_a_single_frame_and_a_constant_clip_have_no_flow() -> None:
    assert torch.equal(representation_flow(noise(2, 3, 1, 8, 9)), torch.zeros(2, 2, 1, 8, 9))
    still = torch.full((1, 3, 4, 8, 9), 0.3, requires_grad=True)
    flow = representation_flow(still, iterations=4)
    assert torch.equal(flow, torch.zeros(1, 2, 4, 8, 9))
    flow.sum().backward()
    assert still.grad is not None
    assert still.grad.isfinite().all()


def test_the_last_flow_is_repeated() -> None:
    flow = representation_flow(noise(2, 3, 5, 8, 9), iterations=4)
    assert flow.shape == (2, 2, 5, 8, 9)
    assert torch.equal(flow[:, :, -1], flow[:, :, -2])


def test_half_precision_clips_give_the_flow_of_float32() -> None:
    rgb = noise(1, 3, 3, 8, 9).bfloat16()
    flow = representation_flow(rgb, iterations=4)
    assert flow.dtype == torch.float32
    torch.testing.assert_close(flow, representation_flow(rgb.float(), iterations=4))


def test_channels_have_their_own_flow_x_parts_first() -> None:
    x = noise(2, 3, 4, 8, 9) * 255
    flow = tv_l1(x, 5)
    assert flow.shape == (2, 6, 4, 8, 9)
    for channel in range(3):
        alone = tv_l1(x[:, channel : channel + 1], 5)
        torch.testing.assert_close(flow[:, [channel, channel + 3]], alone)


@pytest.mark.parametrize("bottleneck", [2, 6])
def test_feature_flow_starts_as_a_relu_and_learns(bottleneck: int) -> None:
    x = noise(2, 6, 3, 8, 9) - 0.5
    layer = FeatureFlow(6, bottleneck=bottleneck, iterations=3)
    assert (layer.conv1 is None) == (bottleneck == 6)
    assert torch.equal(layer(x), x.relu())
    layer.bn.weight.data.fill_(1.0)
    layer(x).square().sum().backward()
    for name, parameter in layer.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name


def test_feature_flow_stays_exact_under_autocast() -> None:
    layer = FeatureFlow(6, bottleneck=2, iterations=3).eval()
    layer.bn.weight.data.fill_(1.0)
    x = noise(1, 6, 3, 8, 9)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        rough = layer(x)
    assert (rough - layer(x)).abs().max() < 0.2


def test_given_flow_replaces_the_computed_one() -> None:
    structure = starter()
    network = network_of(structure)
    streams = clips(structure)
    computed = representation_flow(streams["rgb"], iterations=structure.network.flow_iterations)
    torch.testing.assert_close(network({**streams, "flow": computed}), network(streams))
    assert not torch.allclose(network({**streams, "flow": 0 * computed}), network(streams))


def test_a_structure_of_flow_stems_only_needs_rgb_only() -> None:
    from connsearch.graph.parse import parse_structure

    settings = starter().network
    rows = [[-2, 1], [-2, 1], [3, [0, 1], 4, 1, 1]]
    structure = parse_structure(rows, network=settings)
    network = Network(structure, 3, seed=0).eval()
    assert network({"rgb": noise(2, 3, 3, 32, 32)}).shape == (2, 3)


def test_slices_give_the_flow_of_the_published_convolutions() -> None:
    rgb = noise(2, 3, 4, 17, 21).double()
    ours = representation_flow(rgb, iterations=30)
    torch.testing.assert_close(convolution_flow(rgb, iterations=30), ours, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("pixels", [1, 400, 10_000])
def test_flow_does_not_depend_on_how_much_is_solved_at_once(
    monkeypatch: pytest.MonkeyPatch, pixels: int
) -> None:
    rgb = noise(2, 3, 6, 13, 15).double()
    expected = representation_flow(rgb, iterations=8)
    monkeypatch.setattr(flow_module, "_PIXELS_AT_ONCE", pixels)
    torch.testing.assert_close(representation_flow(rgb, iterations=8), expected)
