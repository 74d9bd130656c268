"""The learning rate of a step, as a pure function: nothing to save, nothing to restore."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

Shape = Literal["cosine", "constant", "exponential", "steps"]


class Decay(NamedTuple):
    """When a learning rate is multiplied by the same factor again and again.

    Attributes:
        rate: the factor, in (0, 1).
        every: steps between two times, counted from the first step of the training.
        smooth: a little of it in every step, not all at once.
        after: further times, as numbers of steps.
    """

    rate: float = 1.0
    every: float = math.inf
    smooth: bool = False
    after: tuple[float, ...] = ()

    def factor(self, step: float) -> float:
        """Returns what is left of the rate in a step, in (0, 1].

        >>> [round(Decay(0.96, every=2).factor(step), 4) for step in range(5)]
        [1.0, 1.0, 0.96, 0.96, 0.9216]
        """
        times = step / self.every
        passed = sum(step >= moment for moment in self.after)
        return self.rate ** ((times if self.smooth else math.floor(times)) + passed)


def rate_factor(
    step: float,
    *,
    total_steps: float,
    warmup: float,
    shape: Shape = "cosine",
    climb: int | None = None,
    decay: Decay | None = None,
) -> float:
    """Returns what the peak learning rate is multiplied by in ``step``, in (0, 1].

    The rate climbs in a straight line over the first ``warmup`` share of the steps, reaches its
    peak with the first step after them, and then follows half a cosine towards zero, stays, or
    decays.

    Args:
        step: from 0; between whole numbers where batches are of unequal size.
        total_steps: steps of the whole run.
        warmup: share of the steps spent climbing, in [0, 1).
        shape: what follows: ``cosine``, ``constant``; the others decay.
        climb: steps spent climbing, in place of a share.
        decay: of ``exponential`` and ``steps``. It counts from the first step, and the climb ends
            at what it has left by then. None: there is none.

    >>> [round(rate_factor(s, total_steps=5, warmup=0.2), 3) for s in range(5)]
    [0.5, 1.0, 0.854, 0.5, 0.146]
    """
    climb, decay = round(warmup * total_steps) if climb is None else climb, decay or Decay()
    if step < climb:
        return (step + 1) / (climb + 1) * decay.factor(climb)
    if shape == "cosine":
        return 0.5 * (1.0 + math.cos(math.pi * (step - climb) / max(total_steps - climb, 1)))
    return decay.factor(step)


def epoch_begin(step: float, epoch_steps: float) -> float:
    """Returns the step that the epoch of ``step`` began with.

    >>> [epoch_begin(step, 4) for step in (0, 3, 4, 11)]
    [0, 0, 4, 8]
    """
    # a hair, because steps and epochs of unequal batches are sums of fractions
    return math.floor(step / epoch_steps + 1e-9) * epoch_steps


def moment(share: float, total: int) -> int:
    """Returns the step nearest to a share of the training, never the last; 0: there is none.

    >>> [moment(share, 10) for share in (0.01, 0.5, 0.99)], moment(0.5, 1)
    ([1, 5, 9], 0)
    """
    return min(max(1, round(share * total)), total - 1)
