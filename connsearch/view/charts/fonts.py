"""Which font has the letters of a text: that of our pictures, or one that this system has."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Literal


def font_for(text: str, kind: Literal["", "-Bold"] = "") -> Path:
    """Returns the font file that has the most letters of a text; ours where it has them all.

    Args:
        text: in any script.
        kind: of our own font: plain or bold.
    """
    from matplotlib import get_data_path

    own = Path(get_data_path(), f"fonts/ttf/DejaVuSans{kind}.ttf")
    lacking = _lacking(text, own)
    if not lacking:
        return own
    best = min(_others(), key=lambda path: len(_lacking(text, path)), default=own)
    return best if len(_lacking(text, best)) < len(lacking) else own


def letters_without_font(texts: Iterable[str]) -> list[str]:
    """Returns the letters that the font of their text lacks, sorted."""
    return sorted({letter for text in texts for letter in _lacking(text, font_for(text))})


def _lacking(text: str, font: Path) -> set[str]:
    known = _letters(font)
    return {letter for letter in text if not letter.isspace() and ord(letter) not in known}


@cache
def _letters(font: Path) -> frozenset[int]:
    """The code points that a font draws; none where it cannot be read."""
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(FT2Font(font).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()


@cache
def _others() -> tuple[Path, ...]:
    """The plain fonts of this system, by name."""
    from matplotlib.font_manager import fontManager

    found = {
        Path(entry.fname)
        for entry in fontManager.ttflist
        if entry.style == "normal" and entry.weight in (400, "normal", "regular")
    }
    return tuple(sorted(found))
