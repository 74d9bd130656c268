"""Clips a second of reading, forward and backward passes, in the colours that SRTG's users know."""

from __future__ import annotations

from rich.text import Text

from connsearch.runs.events import Speeds

LIMITS = {"read": (100.0, 3000.0), "forward": (50.0, 300.0), "backward": (20.0, 200.0)}
"""Clips a second of each part: below the first red, below the second yellow, else green."""

COLOURS = ("bright_red", "bright_yellow", "bright_green")
"""Of slow, middling and fast; on a terminal the codes 91, 93 and 92."""


def colour(part: str, speed: float) -> str:
    """Returns the colour of a speed.

    >>> [colour("read", speed) for speed in (99.9, 100, 2999, 3000)]
    ['bright_red', 'bright_yellow', 'bright_yellow', 'bright_green']
    """
    return COLOURS[sum(speed >= limit for limit in LIMITS[part])]


def figure(speed: float) -> str:
    """Returns a speed as it is written.

    >>> figure(153_000), figure(0.5), figure(12.34)
    ('1.53e+5', '5.00e-1', '1.23e+1')
    """
    digits, _, exponent = f"{speed:.2e}".partition("e")
    return f"{digits}e{int(exponent):+d}"


def shown(speeds: Speeds | None, *, before: str = "") -> Text:
    """Returns the speeds that there are, coloured; nothing where none was measured.

    Args:
        speeds: clips a second.
        before: what stands before them.
    """
    found = Text()
    for part in LIMITS:
        value = None if speeds is None else getattr(speeds, part)
        if value is not None:
            found.append(f" {part} " if found else f"{before}{part} ")
            found.append(figure(value), style=colour(part, value))
    return found.append(" clips/s") if found else found
