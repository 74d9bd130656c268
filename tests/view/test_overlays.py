from __future__ import annotations

import numpy as np
import pytest
import torch

from connsearch.nn.flow import representation_flow
from connsearch.view.clips.overlays import (
    direction_colours,
    flow_picture,
    longest,
    objects_picture,
    outlines,
    wheel,
)
from connsearch.view.structures.palette import class_colour

STEPS = {"right": (1, 0), "down": (0, 1), "left": (-1, 0), "up": (0, -1)}
HUES = {"right": (255, 0, 0), "down": (127.5, 255, 0), "left": (0, 255, 255), "up": (127.5, 0, 255)}


def moving(step: tuple[int, int]) -> torch.Tensor:
    """Returns a clip (1, 3, T, H, W) in which a soft square moves by one pixel a frame."""
    y, x = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    frames = [
        torch.exp(-(((x - 16 - t * step[0]) / 4) ** 4) - ((y - 16 - t * step[1]) / 4) ** 4)
        for t in range(4)
    ]
    return torch.stack(frames)[None, None].repeat(1, 3, 1, 1, 1)


@pytest.mark.parametrize("name", STEPS)
def test_a_moving_square_has_the_colour_of_its_direction(name: str) -> None:
    flow_2HW = representation_flow(moving(STEPS[name]), iterations=40)[0, :, 1].numpy()
    seen = np.hypot(*flow_2HW) > 0.3
    assert seen.sum() > 50
    mean = flow_2HW[:, seen].mean(1)
    assert np.dot(mean, STEPS[name]) > 0.9 * np.hypot(*mean)
    colour = direction_colours(mean[:, None, None].astype(np.float32))[0, 0]
    assert np.abs(colour - HUES[name]).max() < 40


@pytest.mark.parametrize("name", STEPS)
def test_the_wheel_has_at_its_rim_the_colours_of_the_flow(name: str) -> None:
    disc = wheel(81).astype(float)
    x, y = (40 + 38 * step for step in STEPS[name])
    assert np.abs(disc[y, x] - HUES[name]).max() < 20
    assert (disc[0, 0] == 255).all()


def test_flow_is_laid_where_it_is_and_nowhere_else() -> None:
    frame = np.full((64, 64, 3), 100, np.uint8)
    flow = np.zeros((2, 16, 16), np.float32)
    flow[0, 4:8, 8:12] = 2.0
    out = flow_picture(frame, flow, 2.0).astype(int)
    tinted = np.abs(out - out[..., :1]).max(-1) > 60
    assert tinted[16:32, 32:48].mean() > 0.6  # the rest is an arrow
    tinted[14:34, 30:50] = False
    assert not tinted.any()


def test_arrows_point_where_the_flow_goes() -> None:
    grey = np.full((70, 70, 3), 128, np.uint8)
    flow = np.zeros((2, 7, 7), np.float32)
    flow[0, 3, 3] = 1.0
    changed = flow_picture(grey, flow, 1.0)[30:40, 30:40].astype(int)
    black = (changed.max(-1) < 30).nonzero()
    tip = black[1] >= black[1].max() - 3
    assert np.ptp(black[0][tip]) > np.ptp(black[0][~tip])  # the head is broader than the shaft


def test_noise_in_a_still_clip_stays_faint() -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, (2, 4, 8, 8)).astype(np.float32)
    assert longest(noise) == 0.25
    assert longest(noise * 1000) > 20


def test_objects_are_tinted_and_outlined_and_class_0_is_clear() -> None:
    frame = np.full((20, 20, 3), 50, np.uint8)
    numbers = np.zeros((20, 20), np.uint8)
    numbers[5:15, 5:15] = 3
    out = objects_picture(frame, numbers)
    assert (out[numbers == 0] == 50).all()
    inside = out[8, 8].astype(float)
    expected = 50 * 0.45 + np.array(class_colour(3)) * 0.55
    assert np.abs(inside - expected).max() <= 1
    assert (out[outlines(numbers)] == 255).all()
    assert outlines(numbers).sum() == 4 * 9


def test_neighbouring_classes_never_share_a_colour() -> None:
    colours = [class_colour(number) for number in range(64)]
    assert len(set(colours)) == 64
    assert all(0 <= part <= 255 for colour in colours for part in colour)
