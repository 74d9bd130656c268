"""What guessing is worth: the line below which an accuracy says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Chance:
    """The accuracy of the better of two guesses.

    Attributes:
        share: in [0, 1].
        words: which guess it is.
    """

    share: float
    words: str


def chance_of(classes: int, support: Mapping[str, int] | None = None) -> Chance | None:
    """Returns the accuracy of guessing; None where no class is known.

    That is one divided by the number of classes, or the share of the most frequent class where
    that is larger: who always names it is right so often.

    >>> chance_of(5, {"walk": 1, "run": 1})
    Chance(share=0.5, words='always the most frequent class')
    >>> chance_of(4)
    Chance(share=0.25, words='guessing one of 4 classes')

    Args:
        classes: how many there are.
        support: by class name, how many of the judged clips have it; None: not known.
    """
    if classes < 1:
        return None
    even = 1 / classes
    clips = sum(support.values()) if support else 0
    largest = max(support.values()) / clips if support and clips else 0.0
    if largest > even + 1e-9:
        return Chance(largest, "always the most frequent class")
    return Chance(even, f"guessing one of {classes} classes")
