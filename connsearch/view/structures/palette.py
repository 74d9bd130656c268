"""One set of colours for every picture: legible on white, told apart by colour-blind readers."""

from __future__ import annotations

from collections.abc import Mapping
from colorsys import hsv_to_rgb
from typing import NamedTuple

from connsearch.graph.spec import Modality


class Ink(NamedTuple):
    """A colour for lines and borders, and its tint for areas under dark text."""

    line: str
    tint: str


STREAMS: Mapping[Modality, Ink] = {
    Modality.RGB: Ink("#0072B2", "#DCEBF6"),
    Modality.FLOW: Ink("#DB8A00", "#FCEED3"),
    Modality.OBJECT: Ink("#009E73", "#D5F0E6"),
}
"""What a stem reads; the hues of Okabe and Ito, flow a little darker so that it holds on white."""

MIXED = Ink("#5F6B7A", "#F1F3F6")
"""A block or connection that carries several streams."""

PEER = Ink("#8A3C96", "#F3E6F5")
"""Peer attention: the node whose features gate a connection."""

DEAD = Ink("#C8102E", "#FDE8EB")
"""What cannot change the output."""

ADDED = Ink("#009E73", "#D5F0E6")
"""What only the second of two structures has."""

REMOVED = Ink("#C8102E", "#FDE8EB")
"""What only the first of two structures has; always dashed too."""

CHANGED = Ink("#1F2933", "#FFF3C4")
"""What both have, but not alike."""

KEPT = Ink("#8D98A5", "#FFFFFF")
"""What both have alike."""

SHADES = ("#F1F6FB", "#D9E8F5", "#BBD7EE", "#98C3E6", "#74AEDC")
"""From little to much, under dark text."""

_CLASSES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
"""The colours of Okabe and Ito, without black."""

TEXT = "#1F2933"
FAINT = "#66717F"
RULE = "#D5DAE1"
PAPER = "#FFFFFF"


def pen_width(strength: float, *, compact: bool = False) -> float:
    """Returns the width in points of a line for a weight in [0, 1].

    >>> pen_width(0.0), pen_width(1.0), pen_width(1.0, compact=True)
    (0.7, 4.0, 2.2)
    """
    return 0.5 + 1.7 * strength if compact else 0.7 + 3.3 * strength


def class_colour(number: int) -> tuple[int, int, int]:
    """Returns red, green, blue of an object class: seven apart for every eye, then around the hues.

    >>> class_colour(0), class_colour(7) != class_colour(8)
    ((0, 114, 178), True)
    """
    if number < len(_CLASSES):
        code = int(_CLASSES[number][1:], 16)
        return code >> 16, code >> 8 & 255, code & 255
    red, green, blue = hsv_to_rgb(number * 0.618034 % 1.0, 0.75, 0.9)
    return round(red * 255), round(green * 255), round(blue * 255)
