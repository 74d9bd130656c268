"""The order in which frames are looked at, so that the first few cover the whole clip."""

from __future__ import annotations

from itertools import pairwise

import numpy as np


def coverage_order(frames: int) -> list[int]:
    """Returns the places in time of the frames, first looked at first (AdaFocusV2's code).

    The middle, the first and the last come first; then, for 2, 4, 8 ... equal parts, the middle of
    each.

    Args:
        frames: at least 1. Of one or two frames the middle comes first, which the published recipe
            leaves open.

    >>> coverage_order(8)
    [3, 0, 7, 1, 5, 2, 4, 6]
    """
    found = dict.fromkeys([(frames - 1) // 2, 0, frames - 1])
    parts = 2
    while len(found) < frames:
        points = [int(x) for x in np.linspace(0, frames - 1, parts + 1)]
        found |= dict.fromkeys((a + b) // 2 for a, b in pairwise(points))
        parts *= 2
    return list(found)[:frames]
