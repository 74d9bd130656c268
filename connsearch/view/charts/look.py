"""How charts look in a file and on a page: sizes of text and strokes, and matplotlib's settings."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from connsearch.view.charts.inks import colour
from connsearch.view.fonts import FAMILY


@dataclass(frozen=True, slots=True)
class Look:
    """Sizes in points.

    Attributes:
        text: of titles and ticks.
        small: of words inside a panel.
        scale: of strokes and points.
        on_page: whether it is for a page: that has headings, a ground and fonts of its own.
    """

    text: float
    small: float
    scale: float
    on_page: bool


PRINT = Look(text=9.0, small=7.0, scale=1.0, on_page=False)
PAGE = Look(text=12.0, small=12.0, scale=1.3, on_page=True)


@contextmanager
def dressed(look: Look, families: Sequence[str] = (FAMILY,)) -> Generator[None]:
    """Draws in the house style meanwhile; nothing of it stays.

    Args:
        look: where it is drawn.
        families: of the fonts that have all letters; what none has was said when they were chosen.
    """
    import matplotlib

    plain: dict[Any, Any] = {**_settings(look), "font.family": list(families)}
    log = logging.getLogger("matplotlib.font_manager")  # a system's font may have no bold letters
    level = log.level
    with matplotlib.rc_context(plain), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        warnings.filterwarnings("ignore", "constrained_layout not applied")
        log.setLevel(logging.ERROR)
        try:
            yield
        finally:
            log.setLevel(level)


def _settings(look: Look) -> dict[Any, Any]:
    rule, faint, text = colour("rule"), colour("faint"), colour("text")
    plain: dict[Any, Any] = {
        "font.size": look.text,
        "text.color": text,
        "text.parse_math": False,
        "axes.labelcolor": text,
        "axes.edgecolor": rule,
        "axes.titlesize": look.text + 1,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.formatter.useoffset": False,
        "grid.color": rule,
        "grid.linewidth": 0.5,
        "xtick.color": faint,
        "ytick.color": faint,
        "figure.facecolor": colour("paper"),
        "svg.hashsalt": "connsearch",
        "svg.fonttype": "path",
    }
    if not look.on_page:
        return plain
    sized = {"xtick.labelsize": 12, "ytick.labelsize": 12, "axes.labelsize": 12}
    bare = {"xtick.major.size": 0, "ytick.major.size": 0, "axes.facecolor": "none"}
    return plain | sized | bare | {"figure.facecolor": "none", "svg.fonttype": "none"}
