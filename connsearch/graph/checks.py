"""Small questions the rules ask of any value read from outside; nothing here raises."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable
from typing import cast

from connsearch.registry import suggest

LIMIT = 1_000_000
"""The largest width, dilation, stride or count a structure may hold; more is a typing error."""

_short = reprlib.Repr()
_short.maxlevel, _short.maxlist, _short.maxtuple, _short.maxdict = 4, 16, 16, 8
_short.maxstring, _short.maxlong, _short.maxother = 60, 40, 160


def show(value: object) -> str:
    """Returns a value as it was written, shortened, whatever it is.

    >>> show([1, [0, 11], 64, 1, 2])
    '[1, [0, 11], 64, 1, 2]'
    """
    try:
        return _short.repr(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits, a bottomless list
        return f"a {type(value).__name__} too large to print"


def title(name: object) -> str:
    """Returns a structure's name for a message, whatever its type."""
    return name if isinstance(name, str) and name.isprintable() and len(name) <= 200 else show(name)


def is_a(value: object, kind: type) -> bool:
    """Returns whether a value has that type, whatever its annotation says."""
    return isinstance(value, kind)


def is_whole(value: object, least: int = 1) -> bool:
    """Returns whether a value is an integer (no bool) from ``least`` to ``LIMIT``.

    >>> is_whole(4), is_whole(True), is_whole(0), is_whole(2.0)
    (True, False, False, False)
    """
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= LIMIT


def are_whole(value: object) -> bool:
    """Returns whether a value is a tuple of integers from 1 to ``LIMIT``.

    >>> are_whole((3, 4)), are_whole([3, 4]), are_whole((3, 0))
    (True, False, False)
    """
    return isinstance(value, tuple) and all(map(is_whole, cast(tuple[object, ...], value)))


def is_fraction(value: object) -> bool:
    """Returns whether a value is a number (no bool) in [0, 1]; NaN is not.

    >>> is_fraction(0.5), is_fraction(1), is_fraction(float("nan")), is_fraction(True)
    (True, True, False, False)
    """
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def unknown(kind: str, value: object, known: Iterable[str]) -> str:
    """Returns the message for an unknown name, with the nearest known one if it is text.

    >>> unknown("attention", 3, ["none", "peer"])
    'no attention named 3. Known: none, peer'
    """
    names = sorted(known)
    if isinstance(value, str) and len(value) <= 60:
        return suggest(kind, value, names)
    return f"no {kind} named {show(value)}. Known: {', '.join(names)}"
