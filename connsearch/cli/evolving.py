"""Where an evolution is: a live table on a terminal, a line for every child in a pipe."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from connsearch.cli.progress import SECONDS_BETWEEN_LINES, duration
from connsearch.cli.terminal import Terminal
from connsearch.evolution.options import StopOptions
from connsearch.evolution.study.evolution import Evolution
from connsearch.evolution.study.worker import (
    Asked,
    EndedEarly,
    Failed,
    Inside,
    Lost,
    Swept,
    Told,
    Waiting,
    WorkerEvent,
    WorkerStopped,
)
from connsearch.view.evolution.standings import made, standings_table, valued
from connsearch.view.evolution.story import counted_children

SHOWN = 10
"""Members of the population in the live table."""

_REDRAW = 0.25
"""Seconds between two tables while nothing but steps of an evaluation is heard."""


def follow(
    events: Iterable[WorkerEvent],
    evolution: Evolution,
    stop: StopOptions,
    terminal: Terminal,
) -> None:
    """Shows what one worker and all others do until it ends."""
    show = _Lines(evolution, stop, terminal)
    if terminal.console.is_terminal:
        show = _Board(evolution, stop, terminal)
    with show:
        for event in events:
            show.hear(event)


class _Lines:
    """A line for everything that ends, and one now and then from inside of a long evaluation."""

    def __init__(self, evolution: Evolution, stop: StopOptions, terminal: Terminal) -> None:
        self._evolution, self._stop, self._terminal = evolution, stop, terminal
        self._began = self._last = time.monotonic()
        self._waits = False
        self._said: set[str] = set()

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def hear(self, event: WorkerEvent) -> None:
        """Shows one event."""
        self._waits = self._waits and isinstance(event, Waiting)
        match event:
            case Asked(task):
                self._began = self._last = time.monotonic()
            case Inside(task, inner):
                self._inside(task.child.number, inner)
            case Told(task, outcome, counts):
                values = self._named(outcome.values)
                way = made(task.child.parents, [step.operator for step in task.child.steps])
                again = f", evaluation {task.evaluation + 1}" if task.evaluation else ""
                spent = duration(time.monotonic() - self._began)
                self._say(f"child {task.child.number} ({way}{again}): {values}, {spent}")
                if not counts:
                    self._warn(
                        f"child {task.child.number}: somebody else has judged it meanwhile; this "
                        "result does not count"
                    )
            case EndedEarly(task, rung):
                self._say(f"child {task.child.number}: ended at rung {rung}")
            case Failed(task, cause, again):
                then = "it is tried again" if again else "it is given up"
                self._warn(f"child {task.child.number}: {cause}; {then}")
            case Lost(task):
                self._warn(f"child {task.child.number}: this worker was taken for dead; going on")
            case Swept(trials):
                for trial in trials:
                    facts = self._evolution.history.trials[trial.number].facts
                    then = "it is given up" if facts.get("given_up") else "it is tried again"
                    lost = facts.get("worker", "a worker")
                    self._warn(f"child {facts['child']}: {lost} died; {then}")
            case Waiting(tasks):
                self._wait(tasks)
            case WorkerStopped(reason):
                self._terminal.say(f"the evolution ends: {reason}")

    def _inside(self, number: int, event: object) -> None:
        step, total = getattr(event, "step", None), getattr(event, "total_steps", None)
        message = getattr(event, "message", None)
        now = time.monotonic()
        if step is not None and total and now - self._last >= SECONDS_BETWEEN_LINES:
            self._last = now
            self._terminal.say(f"child {number}: step {step}/{total}")
        elif message and (kind := _kind(message)) not in self._said:
            self._said.add(kind)
            self._note(f"child {number}: {message} (of later children: in their directories)")

    def _note(self, text: str) -> None:
        self._terminal.say(text)

    def _wait(self, tasks: int) -> None:
        if not self._waits:
            self._terminal.say(f"waiting for {counted_children(tasks)} that other workers judge")
        self._waits = True

    def _say(self, text: str) -> None:
        self._terminal.say(f"{text}  [{self._standing()}]")

    def _warn(self, text: str) -> None:
        self._terminal.warn(text)

    def _standing(self) -> str:
        history = self._evolution.history
        best = history.population.members[:1]
        leading = f"best {best[0].number} {self._of(best[0].number)}; " if best else ""
        return f"{leading}{history.entered} of {self._stop.rounds} children"

    def _of(self, number: int) -> str:
        return self._named(self._evolution.history.judged[number].mean)

    def _named(self, values: Iterable[float]) -> str:
        names = self._evolution.options.objectives
        return ", ".join(valued(n, v) for n, v in zip(names, values, strict=True))


class _Board(_Lines):
    """The population, what runs and what failed, drawn anew as they change."""

    def __init__(self, evolution: Evolution, stop: StopOptions, terminal: Terminal) -> None:
        super().__init__(evolution, stop, terminal)
        self._live = Live(console=terminal.console, refresh_per_second=4, transient=True)
        self._doing = ""
        self._drawn = 0.0

    def __enter__(self) -> _Board:
        self._live.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.__exit__(None, None, None)

    def hear(self, event: WorkerEvent) -> None:
        """Shows one event above the table, and the table as it is now."""
        super().hear(event)
        now = time.monotonic()
        if not isinstance(event, Inside) or now - self._drawn > _REDRAW:
            self._drawn = now
            self._live.update(self._picture())

    def _inside(self, number: int, event: object) -> None:
        step, total = getattr(event, "step", None), getattr(event, "total_steps", None)
        self._doing = f"child {number}: step {step}/{total}" if total else self._doing

    def _note(self, text: str) -> None:
        pass

    def _wait(self, tasks: int) -> None:
        self._doing = f"waiting for {counted_children(tasks)} that other workers judge"

    def _picture(self) -> RenderableType:
        history = self._evolution.history
        lost = sum(1 for one in history.judged.values() if one.lost)
        failed = sum(1 for t in history.trials.values() if t.state == "failed")
        voids = len(history.voids)
        counts = (
            f"{self._standing()}; {len(history.open)} under way; "
            f"{failed - voids} attempts failed, {lost} evaluations given up"
        )
        table = standings_table(history, self._evolution.options.objectives, most=SHOWN)
        return Group(table, Text(counts), Text(self._doing, style="dim"))


def _kind(message: str) -> str:
    """What a note of an evaluation is about, whatever the numbers in it: each is shown once.

    >>> _kind("8 of 43 connection weights undecided (between 0.4 and 0.6): 1->5")
    'of connection weights undecided'
    """
    return " ".join(re.sub(r"[\d(:].*?(?=\s|$)", "", message.partition("(")[0]).split())
