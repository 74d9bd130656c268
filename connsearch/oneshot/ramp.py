"""When the options of a search take effect."""

from __future__ import annotations


def ramp(step: int, total: int, *, start: float) -> float:
    """Returns 0 up to ``start`` (a share of the steps), then a straight line to 1 at the last.

    >>> [round(ramp(step, 5, start=0.5), 2) for step in range(5)]
    [0.0, 0.0, 0.0, 0.5, 1.0]
    """
    done = step / max(total - 1, 1)
    return max(0.0, (done - start) / (1 - start)) if start < 1 else 0.0
