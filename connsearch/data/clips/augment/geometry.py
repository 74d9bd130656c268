"""Geometry: perspective and rotation. Shape letters: H W pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from connsearch.data.clips.augment import AUGMENTATIONS, ClipChange
from connsearch.data.clips.augment.kinds import Moved

SCALE = (0.02, 0.05)
MOST_INWARD = 0.25
"""No corner moves further than this share of a side: the frame cannot turn inside out."""
DEGREES = (-10.0, 10.0)

Corners = tuple[tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Perspective(Moved):
    """A slanted part of the frame, stretched to the whole of it.

    Attributes:
        inward: how far each corner of that part lies inside the frame, (x, y) as shares of its
            sides: top left, top right, bottom right, bottom left.
    """

    inward: Corners

    def origin(self, x_HW: Tensor, y_HW: Tensor) -> tuple[Tensor, Tensor]:
        """Returns where pixels come from."""
        a, b, c, d, e, f, g, h = self._coefficients()
        depth_HW = g * x_HW + h * y_HW + 1.0
        return (a * x_HW + b * y_HW + c) / depth_HW, (d * x_HW + e * y_HW + f) / depth_HW

    def _coefficients(self) -> list[float]:
        """Returns the eight numbers of the map that takes the frame's corners to the part's."""
        rows: list[list[float]] = []
        places: list[float] = []
        corners = ((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0))
        for (x, y), (in_x, in_y) in zip(corners, self.inward, strict=True):
            to_x, to_y = x * (1 - 2 * in_x), y * (1 - 2 * in_y)
            rows.append([x, y, 1, 0, 0, 0, -x * to_x, -y * to_x])
            rows.append([0, 0, 0, x, y, 1, -x * to_y, -y * to_y])
            places += [to_x, to_y]
        return np.linalg.solve(np.array(rows), np.array(places)).tolist()


@dataclass(frozen=True, slots=True)
class Rotation(Moved):
    """The frame turned clockwise around its centre by a number of degrees."""

    degrees: float

    def origin(self, x_HW: Tensor, y_HW: Tensor) -> tuple[Tensor, Tensor]:
        """Returns where pixels come from."""
        height, width = x_HW.shape
        cos, sin = math.cos(math.radians(self.degrees)), math.sin(math.radians(self.degrees))
        return (
            cos * x_HW + sin * (height / width) * y_HW,
            cos * y_HW - sin * (width / height) * x_HW,
        )


@AUGMENTATIONS.register("perspective")
def draw_perspective(rng: np.random.Generator) -> Perspective:
    """Returns corners that move inward by the size of normal draws of one small deviation."""
    scale = rng.uniform(*SCALE)
    inward = np.minimum(np.abs(rng.normal(0.0, scale, size=(4, 2))), MOST_INWARD)
    one, two, three, four = ((float(x), float(y)) for x, y in inward)
    return Perspective((one, two, three, four))


@AUGMENTATIONS.register("rotation")
def draw_rotation(rng: np.random.Generator) -> Rotation:
    """Returns a slight turn either way."""
    return Rotation(float(rng.uniform(*DEGREES)))


@AUGMENTATIONS.register("perspective_or_rotation")
def draw_either(rng: np.random.Generator) -> ClipChange:
    """Returns one of the two, with equal chances."""
    return draw_perspective(rng) if rng.random() < 0.5 else draw_rotation(rng)
