"""Planted scenes: moving textured shapes in which exactly one factor is the class.

A scene has three factors that are drawn independently of each other:

* colour: the hue of the moving shapes, at the same mean over red, green and blue for every hue,
  so a grey picture, and any flow computed from one, does not show it;
* direction: where the shapes move. Positions are uniform, edges wrap around and steps are whole
  pixels, so no single frame shows it;
* region: the class of the large region in the object maps, which move on their own and have no
  connection with the picture.

A task says which factor is the class. The others stay in, as distractors with real content.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

Task = Literal["appearance", "motion", "object", "mix"]
TASKS: tuple[Task, ...] = get_args(Task)

FACTOR_VALUES = 4
"""Values of each factor; also the number of classes of every task."""

OBJECT_CLASSES = FACTOR_VALUES + 1
"""Classes of the object maps: background, then one for each region."""

CLASS_NAMES: dict[Task, tuple[str, ...]] = {
    "appearance": ("hue-0", "hue-90", "hue-180", "hue-270"),
    "motion": ("left", "right", "up", "down"),
    "object": ("region-1", "region-2", "region-3", "region-4"),
    "mix": ("hue-0-left", "hue-0-right", "hue-180-left", "hue-180-right"),
}

_STEPS = ((0, -1), (0, 1), (-1, 0), (1, 0))  # (down, right) per frame: left, right, up, down

Array = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Factors:
    """The three values, each 0 to 3, that make a scene what it is."""

    colour: int
    direction: int
    region: int


def draw_factors(task: Task, label: int, rng: np.random.Generator) -> Factors:
    """Returns the factors of a scene of that class; those that do not matter are drawn."""
    colour, direction, region = (int(v) for v in rng.integers(FACTOR_VALUES, size=3))
    match task:
        case "appearance":
            return Factors(label, direction, region)
        case "motion":
            return Factors(colour, label, region)
        case "object":
            return Factors(colour, direction, label)
        case "mix":
            return Factors(2 * (label // 2), label % 2, region)


def _field(side: int, low: float, high: float, rng: np.random.Generator) -> Array:
    """Returns a smooth random picture (H, W) that wraps around, mean 0, deviation 1.

    ``low`` and ``high`` are spatial frequencies in cycles per pixel.
    """
    axis = np.fft.fftfreq(side)
    radius = np.hypot(axis[:, None], axis[None, :])
    band = (radius >= low) & (radius <= max(high, 1.0 / side)) & (radius > 0)
    spectrum = np.fft.fft2(rng.standard_normal((side, side))) * band
    picture = np.fft.ifft2(spectrum).real
    return picture / picture.std()


def _tint(angle: float, strength: float) -> Array:
    """Returns an RGB offset of that hue (radians) whose three parts sum to zero."""
    first = np.array([2.0, -1.0, -1.0]) / np.sqrt(6.0)
    second = np.array([0.0, 1.0, -1.0]) / np.sqrt(2.0)
    return strength * (np.cos(angle) * first + np.sin(angle) * second)


def draw_video(factors: Factors, *, frames: int, side: int, rng: np.random.Generator) -> Bytes:
    """Returns RGB frames, ``uint8`` (T, H, W, 3), of textured shapes over a textured ground."""
    texture = 1.0 / 14.0, 1.0 / 5.0
    ground, skin = _field(side, *texture, rng), _field(side, *texture, rng)
    shapes = _field(side, 0.0, 2.5 / side, rng) > 0.2
    hue = factors.colour * np.pi / 2 + rng.uniform(-0.35, 0.35)
    tint = _tint(hue, rng.uniform(30.0, 55.0))
    haze = sum(
        _field(side, 0.0, 2.5 / side, rng)[..., None] * _tint(angle, 9.0)
        for angle in (0.0, np.pi / 2)
    )
    step = np.array(_STEPS[factors.direction]) * int(rng.integers(1, 3))
    level, swing = rng.uniform(115.0, 141.0), rng.uniform(16.0, 26.0)
    out = np.empty((frames, side, side, 3))
    for t in range(frames):
        shift = tuple(int(v) for v in step * t)
        inside = np.roll(shapes, shift, (0, 1))
        grey = level + swing * np.where(inside, np.roll(skin, shift, (0, 1)), ground)
        out[t] = grey.clip(60.0, 196.0)[..., None] + np.where(inside[..., None], tint, haze)
    return out.round().clip(0, 255).astype(np.uint8)


def draw_objects(factors: Factors, *, frames: int, side: int, rng: np.random.Generator) -> Bytes:
    """Returns object maps, ``uint8`` (T, H, W): a large region, and a small one of any class."""
    maps = np.zeros((frames, side, side), np.uint8)
    large = factors.region + 1, rng.uniform(0.22, 0.30) * side
    small = 1 + int(rng.integers(FACTOR_VALUES)), rng.uniform(0.10, 0.14) * side
    axis = np.arange(side)
    for value, radius in (large, small):
        centre, step = rng.integers(side, size=2), rng.integers(-2, 3, size=2)
        squash = rng.uniform(0.8, 1.25)
        for t in range(frames):
            y, x = ((axis - c + side // 2) % side - side // 2 for c in centre + t * step)
            inside = (y[:, None] * squash) ** 2 + (x[None, :] / squash) ** 2 <= radius**2
            maps[t][inside] = value
    return maps
