"""Letters of every script in pictures: our own font first, then those of the system, or a word.

Pictures are drawn with the font that matplotlib carries, so that they are alike everywhere. It has
Latin, Greek, Cyrillic, Arabic and Hebrew letters, among others. What it lacks (a class may have a
Chinese name) is looked for in the fonts of the system; what none of them has is said, once.
"""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

FAMILY = "DejaVu Sans"
_LOG = logging.getLogger("connsearch")
_UNSEEN = ("Cc", "Cf", "Zl", "Zp", "Zs", "Mn", "Cn", "Cs", "Co")
"""Categories of characters without a picture of their own; marks come with their letters."""
_CURE = """
  the HTML report shows them with the fonts of the browser
  cure: install a font of their script, such as the package fonts-noto or fonts-noto-cjk (Debian,
    Ubuntu) or google-noto-fonts (Fedora), and draw again"""
_said: set[str] = set()


def own_font(kind: str = "") -> Path:
    """Returns the file of our font; ``kind`` is ``-Bold`` or nothing."""
    from matplotlib import get_data_path

    return Path(get_data_path(), f"fonts/ttf/DejaVuSans{kind}.ttf")


def fonts_for(texts: Iterable[str]) -> tuple[Path, ...]:
    """Returns the system's fonts that it takes beside our own to draw the texts, best first.

    Letters that no font has are named in a warning of the logger ``connsearch``, each once a
    process, with the way to install a font.
    """
    wanted = frozenset(letter for text in texts if not text.isascii() for letter in text)
    lacking = _unseen_by(own_font(), wanted)
    if not lacking:
        return ()
    chosen: list[Path] = []
    for font in _system_fonts():
        rest = _unseen_by(font, lacking)
        if len(rest) < len(lacking):
            chosen.append(font)
            lacking = rest
        if not lacking:
            break
    _say(lacking)
    return tuple(chosen)


def families_for(texts: Iterable[str]) -> list[str]:
    """Returns the families of fonts that draw the texts, as matplotlib is told them."""
    from matplotlib.font_manager import FontProperties, fontManager

    found = [FAMILY]
    for font in fonts_for(texts):
        fontManager.addfont(font)
        name = FontProperties(fname=font).get_name()
        found += [name] if name not in found else []
    return found


def has_letters(font: Path, text: str) -> bool:
    """Returns whether a font has every letter of a text."""
    return not _unseen_by(font, text)


def texts_in(value: object) -> Iterable[str]:
    """Yields every text in a chart or another value made of dataclasses and sequences."""
    if isinstance(value, str):
        yield value
    elif is_dataclass(value):
        for field in fields(value):
            yield from texts_in(getattr(value, field.name))
    elif isinstance(value, Sequence):
        items = cast("Sequence[object]", value)
        if len(items) and not isinstance(items[0], int | float):
            for item in items:
                yield from texts_in(item)


def _unseen_by(font: Path, letters: Collection[str]) -> frozenset[str]:
    """The letters that are to be seen and that a font lacks."""
    return frozenset(
        letter
        for letter in letters
        if unicodedata.category(letter) not in _UNSEEN and ord(letter) not in _letters(str(font))
    )


@cache
def _letters(font: str) -> frozenset[int]:
    """The characters of a font; none where it cannot be read, or is made of pixels."""
    from matplotlib.ft2font import FT2Font

    try:
        found: Any = FT2Font(font)
        return frozenset(found.get_charmap()) if found.scalable else frozenset()
    except (OSError, RuntimeError, ValueError):
        return frozenset()


@cache
def _system_fonts() -> tuple[Path, ...]:
    """The fonts of the system: plain ones without serifs first, then by name."""
    from matplotlib.font_manager import findSystemFonts

    def plainness(font: Path) -> tuple[bool, bool, str]:
        name = font.stem.casefold()
        return "regular" not in name, "sans" not in name, str(font)

    return tuple(sorted(map(Path, findSystemFonts()), key=plainness))


def _say(lacking: Collection[str]) -> None:
    new = sorted(set(lacking) - _said)
    if not new:
        return
    cure = "" if _said else _CURE
    _said.update(new)
    letters = " ".join(f"{letter} (U+{ord(letter):04X})" for letter in new[:12])
    more = f" and {len(new) - 12} more" if len(new) > 12 else ""
    told = f"no font here has {letters}{more}: pictures show boxes in their place{cure}"
    _LOG.warning("warning: %s", told)
