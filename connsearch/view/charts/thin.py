"""Long curves with fewer values: the lowest and the highest of every stretch stay."""

from __future__ import annotations

from collections.abc import Sequence


def thinned(ys: Sequence[float], most: int) -> list[int]:
    """Returns the places of at most ``most`` values that draw the same curve, in order.

    The first and the last value stay, and of every stretch between the lowest and the highest: no
    peak is lost, and nothing is averaged.

    >>> thinned([0, 1, 9, 1, 1, -5, 1, 2], 6)
    [0, 1, 2, 4, 5, 7]
    >>> thinned([3, 1, 2], 6)
    [0, 1, 2]

    Args:
        ys: the values.
        most: how many may stay; at least 4.
    """
    count = len(ys)
    if count <= most:
        return list(range(count))
    stretches = (most - 2) // 2
    inner = count - 2
    kept = {0, count - 1}
    for stretch in range(stretches):
        places = range(1 + stretch * inner // stretches, 1 + (stretch + 1) * inner // stretches)
        kept |= {min(places, key=ys.__getitem__), max(places, key=ys.__getitem__)}
    return sorted(kept)
