"""Numbers and other values as people read them in the report."""

from __future__ import annotations

import json
import math
from typing import Any

UNKNOWN = "not recorded"


def number(value: float | None, digits: int = 4) -> str:
    """Returns a number with so many significant digits, whole numbers in full.

    >>> number(0.708333), number(18), number(None), number(1234567.0)
    ('0.7083', '18', '–', '1,234,567')
    """
    if value is None:
        return "–"
    if not math.isfinite(value):
        return str(value)
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 10**digits:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def share(value: float | None, digits: int = 3) -> str:
    """Returns a share in [0, 1] with a fixed number of digits.

    >>> share(0.7083333), share(1.0), share(None)
    ('0.708', '1.000', '–')
    """
    return "–" if value is None else f"{value:.{digits}f}"


def large(value: float | None) -> str:
    """Returns a large count in its unit.

    >>> large(430), large(22_400), large(36_900_957), large(2.1e9)
    ('430', '22.4 k', '36.9 M', '2.1 G')
    """
    if value is None:
        return "–"
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g} {unit}"
    return number(value)


def seconds(value: float | None) -> str:
    """Returns a length of time in its two largest units.

    >>> seconds(6.817), seconds(71), seconds(3700)
    ('6.82 s', '1 min 11 s', '1 h 01 min')
    """
    if value is None:
        return UNKNOWN
    if value < 60:
        return f"{value:.3g} s" if value < 10 else f"{value:.0f} s"
    whole = round(value)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def plural(count: int, word: str) -> str:
    """Returns a count with its noun.

    >>> plural(1, "connection"), plural(3, "class")
    ('1 connection', '3 classes')
    """
    ending = "" if count == 1 else "es" if word.endswith("s") else "s"
    return f"{count:,} {word}{ending}"


def setting(value: Any) -> str:
    """Returns a setting's value as text.

    >>> setting(None), setting([]), setting([1.0, 1.0]), setting(True), setting(["rgb", "flow"])
    ('none', 'none', '[1.0, 1.0]', 'yes', 'rgb, flow')
    """
    if value is None or value in ([], {}, ""):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and value and all(isinstance(v, str) for v in value):
        return ", ".join(value)
    return value if isinstance(value, str) else json.dumps(value, default=str)


def interval(low: float | None, high: float | None) -> str:
    """Returns both ends of an interval, or nothing where there is none.

    >>> interval(0.61, 0.79), interval(None, 0.5)
    ('0.610 to 0.790', '')
    """
    return "" if low is None or high is None else f"{share(low)} to {share(high)}"
