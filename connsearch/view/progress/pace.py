"""How long the rest of some work will take, and when it is time to say so again."""

from __future__ import annotations

import time

SECONDS_BETWEEN_LINES = 10.0
"""How often work in a pipe says where it is."""


class Pace:
    """The time left, from what was done since the work began here.

    Work that was resumed did not do all of it: what was done before the first look does not count.

    Args:
        begun: the work begins now; otherwise with the first look, which then cannot know the pace.
    """

    def __init__(self, *, begun: bool = True) -> None:
        self._start = time.monotonic() if begun else None
        self._before: int | None = None

    def left(self, done: int, remaining: int) -> str:
        """Returns the time left as people read it, or nothing where it cannot be known yet.

        Args:
            done: units done so far, the resumed ones too.
            remaining: units still to do.
        """
        if self._before is None:
            self._before = done if self._start is None else done - 1
        if self._start is None:
            self._start = time.monotonic()
        here = done - self._before
        if here < 1:
            return ""
        return f"{duration((time.monotonic() - self._start) / here * remaining)} left"


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
