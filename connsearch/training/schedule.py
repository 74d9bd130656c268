"""The learning rate of a step, as a pure function: nothing to save, nothing to restore."""

from __future__ import annotations

import math
from typing import Literal

Shape = Literal["cosine", "constant"]


def rate_factor(
    step: float, *, total_steps: float, warmup: float, shape: Shape = "cosine"
) -> float:
    """Returns what the peak learning rate is multiplied by in ``step``, in (0, 1].

    The rate climbs in a straight line over the first ``warmup`` share of the steps, reaches its
    peak with the first step after them, and then follows half a cosine towards zero.

    Args:
        step: from 0; between whole numbers where batches are of unequal size.
        total_steps: steps of the whole run.
        warmup: share of the steps spent climbing, in [0, 1).
        shape: what follows: ``cosine``, or ``constant``.

    >>> [round(rate_factor(s, total_steps=5, warmup=0.2), 3) for s in range(5)]
    [0.5, 1.0, 0.854, 0.5, 0.146]
    """
    climb = round(warmup * total_steps)
    if step < climb:
        return (step + 1) / (climb + 1)
    if shape == "constant":
        return 1.0
    return 0.5 * (1.0 + math.cos(math.pi * (step - climb) / max(total_steps - climb, 1)))


def moment(share: float, total: int) -> int:
    """Returns the step nearest to a share of the training, never the last; 0: there is none.

    >>> [moment(share, 10) for share in (0.01, 0.5, 0.99)], moment(0.5, 1)
    ([1, 5, 9], 0)
    """
    return min(max(1, round(share * total)), total - 1)
