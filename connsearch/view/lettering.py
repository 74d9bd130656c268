"""Lines of text on pictures of pixels: our own font, and one of the system for what it lacks."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Literal

from PIL import ImageDraw, ImageFont

from connsearch.view.fonts import fonts_for, has_letters, own_font

Kind = Literal["", "-Bold"]
Colour = str | tuple[int, int, int]


@cache
def font(kind: Kind = "", size: int = 12, path: Path | None = None) -> ImageFont.FreeTypeFont:
    """Returns our own font of a size in pixels, or the one in a file."""
    return ImageFont.truetype(path or own_font(kind), size)


def write(
    draw: ImageDraw.ImageDraw,
    xy: tuple[float, float],
    text: str,
    colour: Colour,
    kind: Kind = "",
    size: int = 12,
) -> float:
    """Writes a line, letters that our font lacks with one of the system; returns where it ends.

    Args:
        draw: on the picture.
        xy: the upper left corner of the line.
        text: one line.
        colour: of the letters.
        kind: of our own font.
        size: in pixels.
    """
    left, top = xy
    for part, own in _parts(text, kind, size):
        # At the foot of the line, as the fonts rise to different heights.
        foot = top + font(kind, size).getmetrics()[0]
        draw.text((left, foot), part, colour, own, anchor="ls")
        left += own.getlength(part)
    return left


def length(text: str, kind: Kind = "", size: int = 12) -> float:
    """Returns how long a line is, in pixels."""
    return sum(own.getlength(part) for part, own in _parts(text, kind, size))


def fitting(text: str, room: float, size: int = 12, kind: Kind = "") -> str:
    """Returns a line, cut off where it is longer than its room in pixels."""
    if length(text, kind, size) <= room:
        return text
    while text and length(f"{text}…", kind, size) > room:
        text = text[:-1]
    return f"{text}…"


def _parts(text: str, kind: Kind, size: int) -> Iterator[tuple[str, ImageFont.FreeTypeFont]]:
    """The text in parts, each with the first font that has its letters."""
    fonts = [own_font(), *fonts_for([text])]

    def first(letter: str) -> int:
        having = (place for place, one in enumerate(fonts) if has_letters(one, letter))
        return next(having, 0)

    for place, letters in groupby(text, first):
        yield "".join(letters), font("", size, fonts[place]) if place else font(kind, size)
