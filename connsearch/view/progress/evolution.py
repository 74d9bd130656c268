"""Where an evolution is: a live table of the population, or a line for every child in a pipe."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.text import Text

from connsearch.evolution.study.events import (
    Asked,
    EndedEarly,
    EvolutionBegan,
    Failed,
    Inside,
    Lost,
    Swept,
    Told,
    Waiting,
    WorkerEvent,
    WorkerStopped,
)
from connsearch.runs.events import NoteEvent, StepEvent, WarningEvent
from connsearch.view.evolution.standings import made, standings_table, valued
from connsearch.view.evolution.story import counted_children
from connsearch.view.progress.pace import Beat, duration
from connsearch.view.progress.screen import Screen

SHOWN = 10
"""Members of the population in the live table."""

_REDRAW = 0.25
"""Seconds between two tables while nothing but steps of an evaluation is heard."""


class Worker:
    """What one worker of an evolution does, and all others.

    Where something can be drawn, the population, what runs and what failed stand below the lines;
    notes of an evaluation are in its own directory. Elsewhere there is a line for everything that
    ends, one now and then from inside of a long evaluation, and each kind of note once.
    """

    def __init__(self, began: EvolutionBegan, screen: Screen) -> None:
        self._history, self._objectives = began.history, began.objectives
        self._rounds, self._screen = began.rounds, screen
        self._doing = ""
        self._began = time.monotonic()
        self._beat = Beat(silent_at_first=True)
        self._drawn = Beat()
        self._waits = False
        self._noted: set[str] = set()
        self._draws = screen.show(self._picture())

    def hear(self, event: WorkerEvent) -> None:
        """Shows one event, and the table as it is now."""
        self._waits = self._waits and isinstance(event, Waiting)
        self._tell(event)
        if self._draws and (not isinstance(event, Inside) or self._drawn.due(after=_REDRAW)):
            self._drawn.said()
            self._screen.show(self._picture())

    def stop(self) -> None:
        """Takes the table away."""
        self._screen.show(None)

    def _tell(self, event: WorkerEvent) -> None:
        warn = self._screen.warn
        match event:
            case Asked():
                self._began = time.monotonic()
                self._beat.said()
            case Inside(task, inner):
                self._inside(task.child.number, inner)
            case Told():
                self._told(event)
            case EndedEarly(task, rung):
                self._ended(f"child {task.child.number}: ended at rung {rung}")
            case Failed(task, cause, again):
                warn(f"child {task.child.number}: {cause}; {_then(again)}")
            case Lost(task):
                warn(
                    f"child {task.child.number}: this worker gave no sign of life for too long; "
                    "another worker judges the child, and this one continues with the next"
                )
            case Swept():
                self._swept(event)
            case Waiting(tasks):
                self._wait(tasks)
            case WorkerStopped(reason):
                self._screen.say(f"the evolution ends: {reason}")
            case EvolutionBegan():
                pass

    def _told(self, event: Told) -> None:
        task, child = event.task, event.task.child
        way = made(child.parents, [step.operator for step in child.steps])
        again = f", evaluation {task.evaluation}" if task.evaluation else ""
        spent = duration(time.monotonic() - self._began)
        values = self._named(event.outcome.values)
        self._ended(f"child {child.number} ({way}{again}): {values}, {spent}")
        if not event.counts:
            self._screen.warn(
                f"child {child.number}: another worker has judged it in the meantime; this result "
                "does not count"
            )

    def _swept(self, event: Swept) -> None:
        for trial in event.trials:
            facts = self._history.trials[trial.number].facts
            then, lost = _then(not facts.get("given_up")), facts.get("worker", "a worker")
            self._screen.warn(f"child {facts['child']}: {lost} died; {then}")

    def _inside(self, number: int, event: object) -> None:
        match event:
            case StepEvent():
                text = f"child {number}: step {event.step}/{event.total_steps}"
                if self._draws:
                    self._doing = text
                elif self._beat.due():
                    self._beat.said()
                    self._screen.say(text)
            case NoteEvent(message) | WarningEvent(message) if not self._draws:
                kind = _kind(message)
                if kind not in self._noted:
                    self._noted.add(kind)
                    later = "(such messages of later children are in their directories)"
                    self._screen.say(f"child {number}: {message} {later}")
            case _:
                pass

    def _wait(self, tasks: int) -> None:
        text = f"waiting for {counted_children(tasks)} that other workers judge"
        if self._draws:
            self._doing = text
        elif not self._waits:
            self._screen.say(text)
        self._waits = True

    def _ended(self, text: str) -> None:
        self._screen.say(f"{text}  [{self._standing()}]")

    def _standing(self) -> str:
        best = self._history.population.members[:1]
        leading = f"best {best[0].number} {self._mean(best[0].number)}; " if best else ""
        return f"{leading}{self._history.entered} of {self._rounds} children"

    def _mean(self, number: int) -> str:
        return self._named(self._history.judged[number].mean)

    def _named(self, values: Iterable[float]) -> str:
        return ", ".join(valued(n, v) for n, v in zip(self._objectives, values, strict=True))

    def _picture(self) -> RenderableType:
        history = self._history
        lost = sum(1 for one in history.judged.values() if one.lost)
        failed = sum(1 for t in history.trials.values() if t.state == "failed")
        counts = (
            f"{self._standing()}; {len(history.open)} under way; "
            f"{failed - len(history.voids)} attempts failed, {lost} evaluations given up"
        )
        table = standings_table(history, self._objectives, most=SHOWN)
        return Group(table, Text(counts), Text(self._doing, style="dim"))


def _then(again: bool) -> str:
    return "it will be tried again" if again else "it will not be tried again"


def _kind(message: str) -> str:
    """Returns what a note of an evaluation is about, whatever the numbers in it.

    >>> _kind("8 of 43 connection weights undecided (between 0.4 and 0.6): 1->5")
    'of connection weights undecided'
    """
    return " ".join(re.sub(r"[\d(:].*?(?=\s|$)", "", message.partition("(")[0]).split())
