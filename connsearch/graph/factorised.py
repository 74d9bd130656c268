"""The channels between the two convolutions of a factorised, (2+1)D one (arXiv 1711.11248)."""

from __future__ import annotations

STEM_MIDDLE = 45
"""Those of a stem."""


def middle_width(in_width: int, width: int) -> int:
    """Returns the middle channels by which (2+1)D has about the parameters of one 3x3x3.

    >>> middle_width(64, 64), middle_width(64, 128)
    (144, 230)
    """
    return 27 * in_width * width // (9 * in_width + 3 * width)
