"""Random crops of a few sides at a few places, as temporal segment networks are trained with.

Height and width are drawn from a list of sides, at most one step of the list apart, and the place
is one of thirteen. All in pixels, (height, width) and (top, left).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

PLACES = 13
"""Four corners, the centre, the middles of the edges, and the middles of the quarters."""

_SNAP = 3
"""A side that differs from the size of a clip by less than this becomes that size."""


def crop_pairs(sides: int) -> list[tuple[int, int]]:
    """Returns which sides of a list make a crop, as (height, width), in the published order.

    >>> crop_pairs(2)
    [(0, 0), (0, 1), (1, 0), (1, 1)]
    """
    return [(h, w) for h, w in product(range(sides), repeat=2) if abs(h - w) <= 1]


def crop_sides(short_side: int, shares: Sequence[float], size: int) -> list[int]:
    """Returns the sides that a crop can have; those near ``size`` are that size.

    A picture that is 1 or 2 pixels smaller than ``size`` so has crops that are larger than itself,
    as published; :func:`crop_of` cuts them off.

    >>> crop_sides(256, (1, 0.875, 0.75, 0.66), 224), crop_sides(222, (1, 0.75), 224)
    ([256, 224, 192, 168], [224, 166])

    Args:
        short_side: of the picture.
        shares: of it.
        size: height and width of the clip that a crop is resized to.
    """
    sides = [max(1, int(short_side * share)) for share in shares]
    return [size if abs(side - size) < _SNAP else side for side in sides]


def crop_places(picture: tuple[int, int], crop: tuple[int, int]) -> list[tuple[int, int]]:
    """Returns the places of the top left corner of a crop, in the published order.

    They are whole numbers of quarter steps, rounded down, so the last one need not reach the edge.

    >>> crop_places((256, 340), (224, 256))[:5]
    [(0, 0), (0, 84), (32, 0), (32, 84), (16, 42)]
    """
    down, right = (room // 4 for room in (picture[0] - crop[0], picture[1] - crop[1]))
    steps = [(0, 0), (0, 4), (4, 0), (4, 4), (2, 2)]
    steps += [(2, 0), (2, 4), (4, 2), (0, 2)]
    steps += [(1, 1), (1, 3), (3, 1), (3, 3)]
    return [(y * down, x * right) for y, x in steps]


def crop_of(
    picture: tuple[int, int], shares: Sequence[float], size: int, *, pair: int, place: int
) -> tuple[int, int, int, int]:
    """Returns (top, left, height, width) of a crop; it never leaves the picture.

    >>> crop_of((256, 340), (1, 0.875), 224, pair=1, place=3)
    (0, 116, 256, 224)
    >>> crop_of((222, 301), (1, 0.875), 224, pair=0, place=1)
    (0, 76, 222, 224)

    Args:
        picture: height and width.
        shares: of its shorter side.
        size: height and width of the clip that a crop is resized to.
        pair: which of the :func:`crop_pairs`.
        place: which of the places.
    """
    sides = crop_sides(min(picture), shares, size)
    high, wide = crop_pairs(len(sides))[pair]
    crop = min(sides[high], picture[0]), min(sides[wide], picture[1])
    return (*crop_places(picture, crop)[place], *crop)
