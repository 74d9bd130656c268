"""Blurs: Gaussian, average and motion. Shape letters: T frames, C colours, H W pixels."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from connsearch.data.clips.augment import AUGMENTATIONS
from connsearch.data.clips.augment.kinds import Recoloured, weighted_sum

SIGMAS = (0.1, 0.2, 0.3)
AVERAGE_SIDES = (1, 2)
MOTION_LENGTHS = (3, 5, 7)


@dataclass(frozen=True, slots=True)
class GaussianBlur(Recoloured):
    """A Gaussian of ``sigma`` pixels."""

    sigma: float

    def rgb(self, rgb_TCHW: Tensor) -> Tensor:
        """Returns the blurred frames, one axis after the other."""
        reach = max(1, math.ceil(3 * self.sigma))
        weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / self.sigma) ** 2)
        line = list(zip(range(-reach, reach + 1), (weights / weights.sum()).tolist(), strict=True))
        across = weighted_sum(rgb_TCHW, {(0, d): w for d, w in line})
        return weighted_sum(across, {(d, 0): w for d, w in line})


@dataclass(frozen=True, slots=True)
class AverageBlur(Recoloured):
    """The mean of a square of ``side`` pixels that ends at each pixel."""

    side: int

    def rgb(self, rgb_TCHW: Tensor) -> Tensor:
        """Returns the blurred frames; a side of 1 is no change."""
        if self.side == 1:
            return rgb_TCHW
        reach = range(-(self.side // 2), self.side - self.side // 2)
        share = 1.0 / self.side**2
        return weighted_sum(rgb_TCHW, {(dy, dx): share for dy in reach for dx in reach})


@dataclass(frozen=True, slots=True)
class MotionBlur(Recoloured):
    """The mean over a line of ``length`` pixels through each pixel.

    Attributes:
        length: pixels on the line, odd.
        angle: of the line against the horizontal, in degrees.
    """

    length: int
    angle: float

    def taps(self) -> dict[tuple[int, int], float]:
        """Returns (dy, dx) -> weight: points on the line, shared among the pixels around them."""
        step_x, step_y = math.cos(math.radians(self.angle)), math.sin(math.radians(self.angle))
        found: defaultdict[tuple[int, int], float] = defaultdict(float)
        reach = self.length // 2
        for place in range(-reach, reach + 1):
            x, y = place * step_x, place * step_y
            left, top = math.floor(x), math.floor(y)
            for dx, share_x in ((left, 1 - (x - left)), (left + 1, x - left)):
                for dy, share_y in ((top, 1 - (y - top)), (top + 1, y - top)):
                    found[dy, dx] += share_x * share_y / self.length
        return {tap: weight for tap, weight in found.items() if weight > 1e-9}

    def rgb(self, rgb_TCHW: Tensor) -> Tensor:
        """Returns the blurred frames."""
        return weighted_sum(rgb_TCHW, self.taps())


@AUGMENTATIONS.register("gaussian_blur")
def draw_gaussian_blur(rng: np.random.Generator) -> GaussianBlur:
    """Returns a slight blur."""
    return GaussianBlur(float(rng.choice(SIGMAS)))


@AUGMENTATIONS.register("average_blur")
def draw_average_blur(rng: np.random.Generator) -> AverageBlur:
    """Returns a mean over 2 x 2 pixels, or none."""
    return AverageBlur(int(rng.choice(AVERAGE_SIDES)))


@AUGMENTATIONS.register("motion_blur")
def draw_motion_blur(rng: np.random.Generator) -> MotionBlur:
    """Returns a blur along a line in any direction."""
    return MotionBlur(int(rng.choice(MOTION_LENGTHS)), float(rng.uniform(0.0, 180.0)))
