"""Results that are all the same: there is nothing to tell apart, and why that usually is so."""

from __future__ import annotations

from collections.abc import Sequence

EQUAL = 1e-9
"""Scores that differ by less than this are the same; a single clip makes more."""


def alike(scores: Sequence[float]) -> bool:
    """Returns whether there are several scores, and all of them are the same.

    >>> alike([0.25, 0.25, 0.25]), alike([0.25, 0.5]), alike([0.25])
    (True, False, False)
    """
    return len(scores) > 1 and max(scores) - min(scores) < EQUAL


def nothing_to_tell(scores: Sequence[float], *, of: str, measure: str, longer: str) -> str | None:
    """Returns a sentence for users if all scores are the same, else None.

    Args:
        scores: that were to be compared; the best possible one is 1.
        of: what has them, such as ``trainings``.
        measure: of the scores, and where they were measured.
        longer: how a longer training is asked for.
    """
    if not alike(scores):
        return None
    same = f"all {len(scores)} {of} have the same {measure}, {scores[0]:.3f}"
    if scores[0] > 1 - EQUAL:
        return f"too easy to tell anything apart: {same}; it takes more clips, or harder ones"
    return f"train longer: {same}, so nothing can be told apart; {longer}"
