"""Where words stand so that they hide nothing: moved apart in a row, or beside their points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

_AROUND = (
    (1, 1), (1, -1), (-1, 1), (-1, -1), (0, 1.6), (0, -1.6), (1.6, 0), (-1.6, 0),
    (2, 2.6), (2, -2.6), (-2, 2.6), (-2, -2.6), (0, 3.4), (0, -3.4), (3, 4.4), (-3, -4.4),
)  # fmt: skip
"""Where a word may stand, nearest first, in steps of some points."""


class Place(NamedTuple):
    """A rectangle on the page, in points."""

    left: float
    low: float
    right: float
    high: float

    def meets(self, other: Place) -> bool:
        """Returns whether two rectangles overlap."""
        across = min(self.right, other.right) - max(self.left, other.left)
        return across > 0 and min(self.high, other.high) - max(self.low, other.low) > 0


def spread_apart(values: Sequence[float], *, gap: float) -> list[float]:
    """Returns ascending ``values`` moved as little as it takes to lie ``gap`` apart.

    They stay within [0, 1], where the gap shrinks to what fits. (Least squares: the values less
    their place times the gap are pooled until they ascend.)

    >>> [round(v, 2) for v in spread_apart([0.5, 0.5, 0.98], gap=0.1)]
    [0.45, 0.55, 0.98]
    """
    if not values:
        return []
    gap = min(gap, 1 / max(len(values) - 1, 1))
    pools: list[list[float]] = []
    for place, value in enumerate(values):
        pools.append([value - place * gap])
        while len(pools) > 1 and _mean(pools[-2]) > _mean(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    room = 1 - (len(values) - 1) * gap
    starts = [min(max(_mean(pool), 0.0), room) for pool in pools for _ in pool]
    return [start + place * gap for place, start in enumerate(starts)]


def beside(
    spots: Mapping[int, Sequence[float]],
    texts: Mapping[int, str],
    frame: Place,
    *,
    size: float = 8.0,
    keep_off: Iterable[Sequence[float]] = (),
) -> dict[int, tuple[float, float]]:
    """Returns how far from its point each text's middle stands, in points of the page.

    A text without a free place is left out: no text is better than two upon each other.

    Args:
        spots: all points, by number.
        texts: what to write, by number.
        frame: where they have to stay.
        size: of the letters, in points.
        keep_off: further points that no text may hide.
    """
    radius, taken, found = 2.6, list[Place](), dict[int, tuple[float, float]]()
    points = [Place(p[0] - 2, p[1] - 2, p[0] + 2, p[1] + 2) for p in (*spots.values(), *keep_off)]
    for number, text in texts.items():
        wide, tall = 0.34 * size * len(text) + 0.5, 0.56 * size
        for across, along in _AROUND:
            right = across * 3 + (wide + radius if across > 0 else -wide - radius if across else 0)
            up = along * 3.2 + (tall / 2 if along > 0 else -tall / 2 if along else 0)
            x, y = spots[number][0] + right, spots[number][1] + up
            place = Place(x - wide, y - tall, x + wide, y + tall)
            inside = frame.left < place.left and place.right < frame.right
            inside = inside and frame.low < place.low and place.high < frame.high
            if inside and not any(map(place.meets, (*taken, *points))):
                taken.append(place)
                found[number] = (right, up)
                break
    return found


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
