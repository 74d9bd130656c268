"""Planted scenes: moving textured shapes in which exactly one factor is the class.

A scene has three factors that are drawn independently of each other:

* colour: the hue of the moving shapes, at the same mean over red, green and blue for every hue,
  so a grey picture, and any flow computed from one, does not show it;
* direction: where the shapes move. Positions are uniform, edges wrap around and steps are whole
  pixels, so no single frame shows it;
* region: the class of the large region in the object maps, which move on their own and have no
  connection with the picture.

A task says which factor is the class. The others stay in, as distractors with real content.

Three tasks change what a video is made of, to test what looks at time:

* order: the hue goes round the circle of hues in one of four orders, the class. Every clip shows
  all hues, each once, so neither a frame nor all frames, shuffled, say anything of it;
* unrelated: every frame is a scene of its own, of one hue; nothing connects a frame with the next;
* still: one frame, repeated. In both of these the hue is the class, and any single frame shows it.

One has another scene, to test what looks at places: mark, see ``planted_mark.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from connsearch.data.sources.planted_mark import TEXTURES, Box, draw_marks

Task = Literal["appearance", "motion", "object", "mix", "order", "unrelated", "still", "mark"]
TASKS: tuple[Task, ...] = get_args(Task)

FACTOR_VALUES = 4
"""Values of each factor; also the number of classes of every task."""

OBJECT_CLASSES = FACTOR_VALUES + 1
"""Classes of the object maps: background, then one for each region."""

_HUES = ("hue-0", "hue-90", "hue-180", "hue-270")

CLASS_NAMES: dict[Task, tuple[str, ...]] = {
    "appearance": _HUES,
    "motion": ("left", "right", "up", "down"),
    "object": ("region-1", "region-2", "region-3", "region-4"),
    "mix": ("hue-0-left", "hue-0-right", "hue-180-left", "hue-180-right"),
    "order": ("small-forward", "small-backward", "large-forward", "large-backward"),
    "unrelated": _HUES,
    "still": _HUES,
    "mark": TEXTURES,
}

_STEPS = ((0, -1), (0, 1), (-1, 0), (1, 0))  # (down, right) per frame: left, right, up, down

Array = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Factors:
    """The values, each 0 to 3, that make a scene what it is.

    Attributes:
        colour: the hue, in quarters of the circle; of ordered hues the one they begin near.
        direction: where the shapes move.
        region: class of the large region in the object maps.
        order: in which order the hues follow each other; None: there is one hue.
        texture: of the mark; None: there is none.
    """

    colour: int
    direction: int
    region: int
    order: int | None = None
    texture: int | None = None


def draw_factors(task: Task, label: int, rng: np.random.Generator) -> Factors:
    """Returns the factors of a scene of that class; those that do not matter are drawn."""
    colour, direction, region = (int(v) for v in rng.integers(FACTOR_VALUES, size=3))
    match task:
        case "appearance" | "unrelated" | "still":
            return Factors(label, direction, region)
        case "motion":
            return Factors(colour, label, region)
        case "object":
            return Factors(colour, direction, label)
        case "mix":
            return Factors(2 * (label // 2), label % 2, region)
        case "order":
            return Factors(colour, direction, region, label)
        case "mark":
            return Factors(colour, direction, region, texture=label)


def hue_order(order: int, *, frames: int) -> list[int]:
    """Returns the hues of one round, as places on a circle of as many hues.

    Each is the same number of places further than the one before: 1, or the number nearest to a
    quarter of the circle that meets every place; forward or backward. A clip of ``frames`` frames
    shows every hue once, whichever it begins with (for 4 and 6 frames, all but one): what it shows,
    without the order, does not depend on the order.

    Args:
        order: one of the four, 0 to 3.
        frames: of a clip, at least 4.

    >>> [hue_order(order, frames=5) for order in range(4)]
    [[0, 1, 2, 3, 4], [0, 4, 3, 2, 1], [0, 2, 4, 1, 3], [0, 3, 1, 4, 2]]
    """
    hues = frames + 1 if frames in (4, 6) else frames
    meets_all = [step for step in range(2, (hues + 1) // 2) if gcd(step, hues) == 1]
    far = min(meets_all, key=lambda step: abs(step - hues / 4))
    step = (1, -1, far, -far)[order]
    return [step * place % hues for place in range(hues)]


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


@dataclass(frozen=True, slots=True)
class PlantedShape:
    """How long and how large planted videos are.

    Attributes:
        length: frames of a video.
        side: height and width in pixels.
        frames: of a clip.
        stride: frames of the video from one frame of a clip to the next.
    """

    length: int
    side: int
    frames: int
    stride: int


def draw_scene(
    task: Task, factors: Factors, shape: PlantedShape, rng: np.random.Generator
) -> Bytes:
    """Returns the RGB frames of a video of a task, ``uint8`` (T, H, W, 3)."""
    length, side = shape.length, shape.side
    if task == "unrelated":
        apart = [draw_video(factors, frames=1, side=side, rng=rng) for _ in range(length)]
        return np.concatenate(apart)
    if task == "still":
        return np.repeat(draw_video(factors, frames=1, side=side, rng=rng), length, axis=0)
    if task == "mark":
        return draw_marked(factors, frames=length, side=side, rng=rng)[0]
    if factors.order is None:
        return draw_video(factors, frames=length, side=side, rng=rng)
    places = hue_order(factors.order, frames=shape.frames)
    start, turn = rng.uniform(-np.pi / 4, np.pi / 4), 2 * np.pi / len(places)
    hues = [start + turn * places[t // shape.stride % len(places)] for t in range(length)]
    return draw_video(factors, frames=length, side=side, rng=rng, hues=hues)


def draw_video(
    factors: Factors,
    *,
    frames: int,
    side: int,
    rng: np.random.Generator,
    hues: Sequence[float] | None = None,
) -> Bytes:
    """Returns RGB frames, ``uint8`` (T, H, W, 3), of textured shapes over a textured ground.

    ``hues`` is what is added to the hue of each frame, in radians; by default all have one.
    """
    texture = 1.0 / 14.0, 1.0 / 5.0
    ground, skin = _field(side, *texture, rng), _field(side, *texture, rng)
    shapes = _field(side, 0.0, 2.5 / side, rng) > 0.2
    jitter = rng.uniform(-0.35, 0.35) if hues is None else 0.0
    hue, strength = factors.colour * np.pi / 2 + jitter, rng.uniform(30.0, 55.0)
    tints = [_tint(hue + more, strength) for more in hues or [0.0] * frames]
    haze = _haze(side, rng)
    step = np.array(_STEPS[factors.direction]) * int(rng.integers(1, 3))
    level, swing = rng.uniform(115.0, 141.0), rng.uniform(16.0, 26.0)
    out = np.empty((frames, side, side, 3))
    for t in range(frames):
        shift = tuple(int(v) for v in step * t)
        inside = np.roll(shapes, shift, (0, 1))
        grey = level + swing * np.where(inside, np.roll(skin, shift, (0, 1)), ground)
        out[t] = grey.clip(60.0, 196.0)[..., None] + np.where(inside[..., None], tints[t], haze)
    return out.round().clip(0, 255).astype(np.uint8)


def draw_marked(
    factors: Factors, *, frames: int, side: int, rng: np.random.Generator
) -> tuple[Bytes, tuple[Box, ...]]:
    """Returns RGB frames, ``uint8`` (T, H, W, 3), of a mark on a calm ground, and where it is."""
    assert factors.texture is not None
    level, swing = rng.uniform(115.0, 141.0), rng.uniform(3.0, 5.0)
    ground = level + swing * _field(side, 1.0 / 14.0, 1.0 / 5.0, rng)
    halo = _tint(0.0, 42.0)
    return draw_marks(factors.texture, ground, _haze(side, rng), halo, frames=frames, rng=rng)


def _haze(side: int, rng: np.random.Generator) -> Array:
    """Returns wide spots of all hues (H, W, 3), of mean 0."""
    first, second = (
        _field(side, 0.0, 2.5 / side, rng)[..., None] * _tint(angle, 9.0)
        for angle in (0.0, np.pi / 2)
    )
    return first + second


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
