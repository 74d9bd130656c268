"""How long the rest of some work will take, and when it is time to say so again."""

from __future__ import annotations

import time

SECONDS_BETWEEN_LINES = 10.0
"""How often work in a pipe says where it is."""


class Pace:
    """The time left, from what was done since this process started.

    Work that was resumed did not do all of it, so whoever asks says how much was done here.
    """

    def __init__(self) -> None:
        self._start = time.monotonic()

    def left(self, done: int, remaining: int) -> str:
        """Returns the time left as people read it.

        Args:
            done: units done since this object was made, at least 1.
            remaining: units still to do.
        """
        return f"{duration((time.monotonic() - self._start) / done * remaining)} left"


class Beat:
    """Whether the last line was said long enough ago."""

    def __init__(self, *, silent_at_first: bool = False) -> None:
        self._last = time.monotonic() if silent_at_first else float("-inf")

    def due(self, *, after: float = SECONDS_BETWEEN_LINES) -> bool:
        """Returns whether so many seconds have passed; notes nothing."""
        return time.monotonic() - self._last >= after

    def said(self) -> None:
        """Notes that a line was said just now."""
        self._last = time.monotonic()


def duration(seconds: float) -> str:
    """Returns a length of time in its two largest units.

    >>> duration(7.4), duration(71), duration(3700)
    ('7s', '1m 11s', '1h 01m')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02}s"
    return f"{whole // 3600}h {whole % 3600 // 60:02}m"
