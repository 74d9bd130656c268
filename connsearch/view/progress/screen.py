"""What is seen of work at one time: a bar for each piece where something can be drawn, or lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from rich.console import Group, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from connsearch.view.console import Console
from connsearch.view.progress.canvas import Canvas, canvas
from connsearch.view.progress.pace import Beat

Say = Callable[[str], None]
"""Prints a line."""


@dataclass(frozen=True, slots=True)
class BarPlace:
    """Where a piece of work is.

    Attributes:
        label: before the bar.
        done: how much is done; a part of a unit counts as such a part.
        total: how much there is to do; None: nobody knows yet.
        state: behind the bar.
        line: the same in a pipe; empty: nothing is said there.
        below: below all bars; None: nothing.
    """

    label: str
    done: float
    total: int | None
    state: str
    line: str = ""
    below: Text | None = None


class BarRow(Protocol):
    """Shows one piece of work."""

    def move(self, place: BarPlace, *, now: bool = False) -> None:
        """Shows where it is; in a pipe if it is time to, or ``now``."""

    def said(self) -> None:
        """Is told that a line about it was said just now."""

    def remove(self) -> None:
        """Takes it away."""


class Screen:
    """Bars, one below the other, and above them a picture if there is one.

    The first of them begins the drawing. What the bars show when it ends stays; a picture goes.

    Args:
        console: where it is drawn; None: lines are all there is.
        say: prints a line.
        warn: prints a warning.
    """

    def __init__(self, console: Console | None, say: Say, warn: Say) -> None:
        self._console, self.say, self.warn = console, say, warn
        self._drawn: tuple[Progress, Canvas] | None = None
        self._picture: RenderableType | None = None

    def add(self, *, silent_at_first: bool = False) -> BarRow:
        """Returns a new row; in a pipe its first line comes at once, or after some time."""
        drawn = self._begun()
        if drawn is None:
            return _Lines(self.say, Beat(silent_at_first=silent_at_first))
        return _Bar(*drawn)

    def show(self, picture: RenderableType | None) -> bool:
        """Returns whether a picture can be drawn, and draws it; None takes the last one away."""
        self._picture = picture
        drawn = self._drawn if picture is None else self._begun()
        if drawn is None:
            return False
        drawn[1].touch()
        return True

    def stop(self) -> None:
        """Ends the drawing."""
        if self._drawn is not None:
            _, on = self._drawn
            self._drawn = self._picture = None
            on.stop()

    def _begun(self) -> tuple[Progress, Canvas] | None:
        """The bars and what they are drawn on; None where nothing can be drawn."""
        if self._drawn is not None or self._console is None:
            return self._drawn
        table = Progress(
            TextColumn("{task.fields[label]}", markup=False),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[state]}", markup=False),
            console=self._console,
            auto_refresh=False,
        )
        on = canvas(self._console, lambda: self._all(table))
        if on is None:
            return None
        self._drawn = table, on
        on.start()
        return self._drawn

    def _all(self, table: Progress) -> RenderableType:
        parts = [table.get_renderable(), *(below for below in _belows(table) if below is not None)]
        if self._picture is not None:
            parts.insert(0, self._picture)
        return parts[0] if len(parts) == 1 else Group(*parts)


def _belows(table: Progress) -> Iterator[Text | None]:
    """What stands below the bars, for each of them."""
    for task in table.tasks:
        yield task.fields["below"]


class _Bar:
    """A row of the table of bars."""

    def __init__(self, table: Progress, on: Canvas) -> None:
        self._table, self._canvas = table, on
        self._task = table.add_task("", total=None, label="", state="", below=None, visible=False)

    def move(self, place: BarPlace, *, now: bool = False) -> None:
        """Moves the bar."""
        self._table.update(
            self._task,
            completed=place.done,
            total=place.total,
            label=place.label,
            state=place.state,
            below=place.below,
            visible=True,
        )
        self._canvas.touch()

    def said(self) -> None:
        """Does nothing: a bar stands beside what is said."""

    def remove(self) -> None:
        """Takes the bar away."""
        self._table.remove_task(self._task)


class _Lines:
    """Plain lines: one every few seconds, and those that are asked for."""

    def __init__(self, say: Say, beat: Beat) -> None:
        self._say, self._beat = say, beat

    def move(self, place: BarPlace, *, now: bool = False) -> None:
        """Says where the work is, if it is time to and there is something to say."""
        if place.line and (now or self._beat.due()):
            self._beat.said()
            self._say(place.line)

    def said(self) -> None:
        """The next line waits as long as after one of its own."""
        self._beat.said()

    def remove(self) -> None:
        """Does nothing: what was said is said."""
