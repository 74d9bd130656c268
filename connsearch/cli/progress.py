"""Where long work is: a bar on a terminal, a plain line now and then in a pipe."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
)

from connsearch.cli.console import Console

if TYPE_CHECKING:
    from connsearch.runs.events import StepEvent

SECONDS_BETWEEN_LINES = 10.0
"""How often work in a pipe says where it is."""


class Pace:
    """Time left, from the steps done since this process started: a resumed run did not do all."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._before: int | None = None

    def left(self, event: StepEvent) -> str:
        """Returns the time left as people read it, evaluations included as they came so far."""
        if self._before is None:
            self._before = event.step - 1
        if event.step == event.total_steps:
            return "last evaluation"
        done = event.step - self._before
        seconds = (time.monotonic() - self._start) / done * (event.total_steps - event.step)
        return f"{duration(seconds)} left"


class Lines:
    """Plain lines: the first step, one every few seconds, and the last."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._last = float("-inf")
        self._pace = Pace()

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def step(self, event: StepEvent) -> None:
        """Says where the work is, if it is time to."""
        left = self._pace.left(event)
        now = time.monotonic()
        if event.step < event.total_steps and now - self._last < SECONDS_BETWEEN_LINES:
            return
        self._last = now
        self._say(
            f"epoch {_epoch(event)}  step {event.step}/{event.total_steps}  {_state(event)}  {left}"
        )


class Bar:
    """A bar that grows, with what a person wants to know: how good, how fast, how long still."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("epoch {task.fields[epoch]}", markup=False),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[state]}  {task.fields[left]}", markup=False),
            console=console,
            refresh_per_second=4,
        )
        self._task: TaskID | None = None
        self._pace = Pace()

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def step(self, event: StepEvent) -> None:
        """Moves the bar."""
        if self._task is None:
            total = event.total_steps
            self._task = self._progress.add_task("", total=total, epoch="", state="", left="")
        self._progress.update(
            self._task,
            completed=event.step,
            epoch=_epoch(event),
            state=_state(event),
            left=self._pace.left(event),
        )


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


def _epoch(event: StepEvent) -> str:
    return f"{event.epoch + 1}/{event.epochs}"


def _state(event: StepEvent) -> str:
    return (
        f"loss {event.loss:.3f}  accuracy {event.accuracy:.3f}  "
        f"{event.clips_per_second:.1f} clips/s"
    )
