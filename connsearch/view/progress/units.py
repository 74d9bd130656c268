"""Where work on a number of units is, when each of them may be a training of its own."""

from __future__ import annotations

from connsearch.analysis.units import UnitFinished, UnitStarted
from connsearch.runs.events import StepEvent
from connsearch.view.progress.pace import Beat, Pace
from connsearch.view.progress.screen import BarPlace, Screen

MANY, SHORT = 24, 1.0
"""Of more units than this, those that follow each other within so many seconds share a line."""


class Units:
    """A bar over all units that also moves inside of them, and a line for each that is done."""

    def __init__(self, screen: Screen, pace: Pace, what: str) -> None:
        self._row, self._pace = screen.add(silent_at_first=True), pace
        self._what, self._say = what, screen.say
        self._spoken = Beat()
        self._done = self._last = 0
        self._unit: UnitStarted | None = None

    @property
    def inside(self) -> bool:
        """Whether a unit is under way."""
        return self._unit is not None

    def start(self, event: UnitStarted) -> None:
        """Shows which unit begins."""
        self._unit = event
        self._number(event.number)
        self._move(event.number - 1, event.total, event.name)

    def step(self, event: StepEvent) -> None:
        """Shows how far the training of the unit is."""
        unit = self._unit
        assert unit is not None, "a step of no unit"
        place = f"step {event.step}/{event.total_steps}"
        line = f"{unit.number}/{unit.total} {unit.name}  {place}"
        done = unit.number - 1 + event.step / event.total_steps
        self._move(done, unit.total, f"{unit.name}: {place}", line)

    def finish(self, event: UnitFinished) -> None:
        """Says what came out of a unit that was done here, and moves on."""
        self._unit = None
        self._number(event.number)
        if not event.filed:
            self._done += 1
            inside = 1 < event.number < event.total > MANY
            if not inside or self._spoken.due(after=SHORT):
                self._spoken.said()
                self._row.said()
                self._tell(event)
        self._move(event.number, event.total, "")

    def remove(self) -> None:
        """Takes the bar away."""
        self._row.remove()

    def _number(self, number: int) -> None:
        """Begins anew where the units do."""
        if number < self._last:
            self._pace, self._done = Pace(begun=False), 0
        self._last = number

    def _tell(self, event: UnitFinished) -> None:
        remaining = event.total - event.number
        left = self._pace.left(self._done, remaining) if remaining else ""
        self._say(f"{event.number}/{event.total} {event.name}: {event.summary}  {left}".rstrip())

    def _move(self, done: float, total: int, state: str, line: str = "") -> None:
        self._row.move(BarPlace(self._what, done, total, state, line))
