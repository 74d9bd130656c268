"""Layers over the frames of clips: statistics of whole clips, kernels laid out, safe strides."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from connsearch.nn.images import frames_as_images, image_conv, image_norm, note_frames
from connsearch.nn.inverted_residual import ConvNorm, rounded_width
from connsearch.nn.layout import lay_out
from connsearch.nn.split_norm import SplitNorm, split_norms


def test_frames_keep_their_order_and_their_memory() -> None:
    x = torch.randn(2, 3, 4, 5, 6).contiguous(memory_format=torch.channels_last_3d)
    images = frames_as_images(x)
    for clip in range(2):
        for frame in range(4):
            assert torch.equal(images[clip * 4 + frame], x[clip, :, frame])
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert images.data_ptr() == x.data_ptr()


@pytest.mark.parametrize(("clips", "frames", "least"), [(6, 3, 2), (7, 2, 3), (5, 1, 2), (3, 4, 4)])
def test_groups_of_images_are_groups_of_whole_clips(clips: int, frames: int, least: int) -> None:
    """As if the frames of a clip were one tensor: that is what the norm of clips does."""
    x = torch.randn(clips, 4, frames, 5, 3) + torch.arange(clips).view(-1, 1, 1, 1, 1)
    over_clips, over_images = SplitNorm(4), image_norm(4)
    net = nn.Sequential(over_images, nn.Sequential(image_norm(4)))
    note_frames(net, frames)
    assert all(layer.frames == frames for layer in net.modules() if isinstance(layer, SplitNorm))
    with split_norms(over_clips, least), split_norms(net, least):
        wanted = over_clips(x)
        found = over_images(frames_as_images(x))
    torch.testing.assert_close(found, frames_as_images(wanted), rtol=1e-5, atol=1e-5)
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        torch.testing.assert_close(getattr(over_images, name), getattr(over_clips, name))


def test_a_norm_of_images_refuses_clips() -> None:
    with pytest.raises(ValueError, match=r"expected images \(N, C, H, W\), got 5 axes"):
        image_norm(3)(torch.zeros(2, 3, 1, 2, 2))


@pytest.mark.parametrize("shape", [(2, 16, 1, 1), (4, 16, 5, 1), (4, 16, 1, 8), (3, 16, 7, 2)])
@pytest.mark.parametrize(("side", "groups"), [(1, 1), (3, 1), (7, 1), (3, 16)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_bf16_gradients_are_right_on_maps_of_one_pixel(
    shape: tuple[int, ...], side: int, groups: int, layout: torch.memory_format
) -> None:
    torch.manual_seed(0)
    layer = image_conv(16, 16, side, stride=2, groups=groups).to(memory_format=layout)  # type: ignore[call-overload]
    x = torch.randn(shape).contiguous(memory_format=layout).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        out = layer(x)
    assert out.shape[2:] == tuple(-(-n // 2) for n in shape[2:])
    back = torch.randn(out.shape)
    (out.float() * back).sum().backward()
    assert layer.weight.grad is not None
    where = (2, side // 2, 1, groups)
    rounded = [t.detach().bfloat16().double() for t in (x, layer.weight, back)]
    weight = nn.grad.conv2d_weight(rounded[0], layer.weight.shape, rounded[2], *where)
    image = nn.grad.conv2d_input(list(shape), rounded[1], rounded[2], *where)
    assert x.grad is not None
    for found, wanted in ((layer.weight.grad, weight), (x.grad, image)):
        assert float((found - wanted).norm()) <= 0.01 * float(wanted.norm())


class BothKernels(nn.Module):
    """Has kernels over images and over clips, and others."""

    def __init__(self) -> None:
        super().__init__()
        self.over_images, self.over_clips = nn.Conv2d(4, 6, 3), nn.Conv3d(4, 6, 3)
        self.pointwise, self.dense = nn.Conv3d(4, 6, 1), nn.Linear(4, 6)
        self.register_buffer("mask", torch.ones(1, 4, 3, 3))


def test_kernels_over_images_and_over_clips_are_laid_out_together() -> None:
    net = BothKernels()
    before = {name: t.clone() for name, t in net.state_dict().items()}
    lay_out(net, torch.channels_last_3d)
    assert net.over_images.weight.is_contiguous(memory_format=torch.channels_last)
    assert net.over_clips.weight.is_contiguous(memory_format=torch.channels_last_3d)
    alone = nn.Conv3d(4, 6, 1).to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    assert net.pointwise.weight.stride() == alone.weight.stride()
    lay_out(net, torch.contiguous_format)
    assert all(t.is_contiguous() for t in (*net.parameters(), *net.buffers()))
    after: dict[str, Tensor] = net.state_dict()
    assert all(torch.equal(t, after[name]) for name, t in before.items())


@pytest.mark.parametrize(
    ("asked", "width"), [(32, 32), (16 * 0.5, 8), (24 * 1.4, 32), (32 * 0.35, 16), (1, 8), (20, 24)]
)
def test_widths_are_rounded_as_published(asked: float, width: int) -> None:
    assert rounded_width(asked) == width
    assert rounded_width(asked) >= 0.9 * asked


def test_activations_of_inverted_residuals_end_at_six_unless_linear() -> None:
    torch.manual_seed(0)
    bounded, linear = ConvNorm(3, 8, 1).eval(), ConvNorm(3, 8, 1, linear=True).eval()
    with torch.no_grad():
        x = 100 * torch.randn(2, 3, 9, 9)
        found, plain = bounded(x), linear(x)
    assert (float(found.min()), float(found.max())) == (0, 6)
    assert (float(plain.min()) < 0, float(plain.max()) > 6) == (True, True)
