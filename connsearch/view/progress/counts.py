"""How many of a number of things are done, and how long the rest will take."""

from __future__ import annotations

from connsearch.runs.events import CountEvent
from connsearch.view.progress.pace import Pace
from connsearch.view.progress.screen import BarPlace, Screen


class Counts:
    """Things of one kind, counted from the first to the last."""

    def __init__(self, screen: Screen, pace: Pace) -> None:
        self._row, self._pace = screen.add(), pace
        self._last = 0

    def hear(self, event: CountEvent) -> None:
        """Shows how many there are by now."""
        if event.done <= self._last:  # others of the kind
            self._pace = Pace(begun=False)
        self._last = event.done
        left = self._pace.left(event.done, event.total - event.done)
        state = "  ".join(part for part in (event.state, left) if part)
        line = f"{event.what} {event.done}/{event.total}  {state}".rstrip()
        place = BarPlace(event.what, event.done, event.total, state, line)
        self._row.move(place, now=event.done == event.total)

    def remove(self) -> None:
        """Takes the bar away."""
        self._row.remove()
