"""The arithmetic of single changes, against the plain way of saying it."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from connsearch.data.clips.augment.blur import AverageBlur, GaussianBlur, MotionBlur
from connsearch.data.clips.augment.colour import ColourEnhance, HueSaturation
from connsearch.data.clips.augment.geometry import Perspective, Rotation
from connsearch.data.clips.augment.light import (
    ChannelAdd,
    ChannelGamma,
    GaussianNoise,
    LinearContrast,
)

PIXEL = st.tuples(*[st.integers(0, 255)] * 3)


def pixel(*colours: float) -> torch.Tensor:
    return torch.tensor(colours, dtype=torch.float32).view(1, 3, 1, 1)


@given(colour=PIXEL, hue=st.integers(-16, 16), saturation=st.integers(-16, 16))
def test_hue_and_saturation_are_those_of_colorsys(
    colour: tuple[int, int, int], hue: int, saturation: int
) -> None:
    h, s, v = colorsys.rgb_to_hsv(*(c / 255 for c in colour))
    s = min(max(s + saturation / 255, 0.0), 1.0) if v > 0 else 0.0
    expected = [c * 255 for c in colorsys.hsv_to_rgb((h + hue / 255) % 1.0, s, v)]
    found = HueSaturation(hue, saturation).rgb(pixel(*colour)).flatten().tolist()
    assert found == pytest.approx(expected, abs=1e-3)


def test_light_changes_are_what_they_are_called() -> None:
    grey = pixel(0.0, 127.5, 255.0)
    assert ChannelAdd((1, -5, 15)).rgb(grey).flatten().tolist() == [1, 122.5, 270]
    assert LinearContrast(0.5).rgb(grey).flatten().tolist() == [63.75, 127.5, 191.25]
    found = ChannelGamma((0.9, 2.0, 0.9)).rgb(grey).flatten().tolist()
    assert found == pytest.approx([0, 63.75, 255])
    found = ColourEnhance(1.5).rgb(pixel(200, 100, 0)).flatten().tolist()
    luma = 0.299 * 200 + 0.587 * 100
    assert found == pytest.approx([luma + 1.5 * (c - luma) for c in (200, 100, 0)], rel=1e-5)


def test_noise_is_grey_has_its_scale_and_its_seed() -> None:
    flat = torch.full((2, 3, 200, 200), 100.0)
    noise = GaussianNoise(76.5, 3).rgb(flat) - flat
    assert torch.allclose(noise, noise[:1, :1].expand_as(noise), atol=1e-4)
    assert float(noise[0, 0].std()) == pytest.approx(76.5, rel=0.03)
    assert not torch.equal(noise, GaussianNoise(76.5, 4).rgb(flat) - flat)


@pytest.mark.parametrize("angle", [0.0, 30.0, 90.0, 135.0])
@pytest.mark.parametrize("length", [3, 5, 7])
def test_motion_blur_is_a_line_of_its_length_and_direction(length: int, angle: float) -> None:
    dot = torch.zeros(1, 3, 15, 15)
    dot[..., 7, 7] = 1.0
    seen = MotionBlur(length, angle).rgb(dot)[0, 0].double()
    assert float(seen.sum()) == pytest.approx(1.0)
    y, x = (axis.double() - 7 for axis in torch.meshgrid(*[torch.arange(15)] * 2, indexing="ij"))
    along = np.cos(np.radians(angle)) * x + np.sin(np.radians(angle)) * y
    across = np.cos(np.radians(angle)) * y - np.sin(np.radians(angle)) * x
    assert float((seen * across**2).sum()) < 0.3  # what sharing among pixels costs
    variance = (length**2 - 1) / 12
    assert variance <= float((seen * along**2).sum()) + 1e-6 < variance + 0.3


def test_blurs_agree_with_convolution() -> None:
    clip = torch.rand(2, 3, 12, 14) * 255
    line = torch.exp(-0.5 * (torch.arange(-1, 2) / 0.3) ** 2)
    line = line / line.sum()
    kernel = torch.outer(line, line)[None, None].repeat(3, 1, 1, 1)
    padded = F.pad(clip, (1, 1, 1, 1), mode="replicate")
    assert torch.allclose(GaussianBlur(0.3).rgb(clip), F.conv2d(padded, kernel, groups=3))
    mean = F.avg_pool2d(F.pad(clip, (1, 0, 1, 0), mode="replicate"), 2, stride=1)
    assert torch.allclose(AverageBlur(2).rgb(clip), mean, atol=1e-3)
    assert torch.equal(AverageBlur(1).rgb(clip), clip)


def test_a_positive_rotation_turns_clockwise_whatever_the_aspect() -> None:
    frame = torch.zeros(1, 3, 40, 80)
    frame[..., 18:22, 70:74] = 255.0  # right of the centre: clockwise takes it down
    seen = Rotation(10.0).rgb(frame)[0, 0]
    y, x = (seen.nonzero().double().T * seen[seen > 0]).sum(1) / seen.sum()
    reach = 72.0 - 40.0
    assert float(x) + 0.5 - 40 == pytest.approx(reach * np.cos(np.radians(10)), abs=0.2)
    assert float(y) + 0.5 - 20 == pytest.approx(reach * np.sin(np.radians(10)), abs=0.2)


def test_perspective_takes_its_corners_to_the_corners_of_the_frame() -> None:
    inward = ((0.1, 0.0), (0.0, 0.05), (0.2, 0.1), (0.0, 0.0))
    ends = torch.tensor([[-1.0, 1.0], [-1.0, 1.0]], dtype=torch.float64)
    x, y = Perspective(inward).origin(ends, ends.T.contiguous())
    assert x.flatten().tolist() == pytest.approx([-0.8, 1.0, -1.0, 0.6])
    assert y.flatten().tolist() == pytest.approx([-1.0, -0.9, 1.0, 0.8])


def test_no_perspective_and_no_turn_change_nothing() -> None:
    clip = torch.rand(2, 3, 9, 12) * 255
    nowhere = ((0.0, 0.0),) * 4
    for change in (Perspective(nowhere), Rotation(0.0)):
        assert torch.allclose(change.rgb(clip), clip, atol=1e-3)
