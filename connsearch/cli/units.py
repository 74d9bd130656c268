"""Where work on a number of units is, when each of them may be a training of its own."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import ExitStack
from typing import Protocol, TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from connsearch.analysis.units import UnitEvent, UnitFinished, UnitStarted
from connsearch.cli.console import Console
from connsearch.cli.progress import SECONDS_BETWEEN_LINES, duration
from connsearch.runs.events import StepEvent, WarningEvent

T = TypeVar("T")

MANY, SHORT = 24, 1.0
"""Of more units than this, those that follow each other within so many seconds share a line."""


class Screen(Protocol):
    """What units are shown on: a terminal."""

    @property
    def console(self) -> Console:
        """Where bars are drawn."""
        ...

    def say(self, text: str) -> None:
        """Prints a line."""

    def warn(self, text: str) -> None:
        """Prints a warning."""


def follow_units(events: Generator[UnitEvent, None, T], what: str, terminal: Screen) -> T:
    """Shows each unit as it starts, goes on and ends; returns what the work returns."""
    with ExitStack() as stack:
        show = _Bar(what, terminal, stack) if terminal.console.is_terminal else _Lines(terminal)
        while True:
            try:
                event = next(events)
            except StopIteration as end:
                return end.value
            match event:
                case UnitStarted():
                    show.start(event)
                case StepEvent():
                    show.step(event)
                case UnitFinished():
                    show.finish(event)
                case WarningEvent():
                    terminal.warn(event.message)
                case _:
                    pass


class _Lines:
    """A line for every unit that is done, and one now and then from inside a long one."""

    def __init__(self, terminal: Screen) -> None:
        self._terminal = terminal
        self._start = self._last = time.monotonic()
        self._done = 0
        self._unit: UnitStarted | None = None

    def start(self, event: UnitStarted) -> None:
        self._unit = event

    def step(self, event: StepEvent) -> None:
        now, unit = time.monotonic(), self._unit
        if unit is not None and now - self._last >= SECONDS_BETWEEN_LINES:
            self._last = now
            place = f"{unit.number}/{unit.total} {unit.name}"
            self._terminal.say(f"{place}  step {event.step}/{event.total_steps}")

    def finish(self, event: UnitFinished) -> None:
        self._unit = None
        if event.filed:
            return
        self._done += 1
        now = time.monotonic()
        inside = 1 < event.number < event.total > MANY
        if inside and now - self._last < SHORT:
            return
        self._last = now
        spent = (now - self._start) / self._done
        left = f"  {duration(spent * (event.total - event.number))} left"
        place = f"{event.number}/{event.total} {event.name}"
        self._terminal.say(f"{place}: {event.summary}{left if event.number < event.total else ''}")


class _Bar(_Lines):
    """One bar over all units that also moves inside of them."""

    def __init__(self, what: str, terminal: Screen, stack: ExitStack) -> None:
        super().__init__(terminal)
        self._progress = stack.enter_context(
            Progress(
                TextColumn(what, markup=False),
                BarColumn(bar_width=None),
                MofNCompleteColumn(),
                TextColumn("{task.fields[state]}", markup=False),
                console=terminal.console,
                refresh_per_second=4,
            )
        )
        self._task = self._progress.add_task("", total=None, state="")

    def start(self, event: UnitStarted) -> None:
        super().start(event)
        self._progress.update(
            self._task, completed=event.number - 1, total=event.total, state=event.name
        )

    def step(self, event: StepEvent) -> None:
        if self._unit is not None:
            inside = event.step / event.total_steps
            state = f"{self._unit.name}: step {event.step}/{event.total_steps}"
            done = self._unit.number - 1 + inside
            self._progress.update(self._task, completed=done, state=state)

    def finish(self, event: UnitFinished) -> None:
        super().finish(event)
        self._progress.update(self._task, completed=event.number, total=event.total, state="")
