"""What people read: text and tables, and the events of long work as they come."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from rich.console import RenderableType

from connsearch.cli.console import Console
from connsearch.cli.counting import counting
from connsearch.cli.output import shown
from connsearch.cli.progress import Bar, Lines

if TYPE_CHECKING:
    from connsearch.analysis.units import UnitEvent
    from connsearch.runs.events import Event, ResultEvent
    from connsearch.workflows.listening import Listener

T = TypeVar("T")


class Terminal:
    """Standard output for people, or the error stream when ``--json`` takes standard output."""

    def __init__(self, *, json_line: bool = False) -> None:
        self.stream = sys.stderr if json_line else sys.stdout
        self.console = Console(self.stream)

    def say(self, text: str) -> None:
        """Prints text as it is: no line is broken, nothing in it is read as markup or obeyed."""
        with shown(self.stream):
            self.console.print(text, soft_wrap=True)

    def warn(self, text: str) -> None:
        """Prints something a person should know that stops nothing."""
        text = f"warning: {text}"
        with shown(self.stream):
            self.console.print(text, soft_wrap=True, style="yellow")

    def show(self, *parts: RenderableType) -> None:
        """Prints tables and whatever else rich can lay out."""
        for part in parts:
            with shown(self.stream):
                self.console.print(part)

    def listener(self) -> Listener:
        """Returns what a workflow tells its events to: they are shown here."""
        from connsearch.workflows.listening import Listener

        return Listener(self.hear)

    def hear(self, event: object) -> None:
        """Shows an event."""
        from connsearch.runs.events import EvaluationEvent, NoteEvent, WarningEvent

        match event:
            case EvaluationEvent():
                found = f"{event.metrics.measure} {event.metrics}"
                self.say(f"after epoch {event.epoch + 1}: {event.split} {found}")
            case NoteEvent():
                self.say(event.message)
            case WarningEvent():
                self.warn(event.message)
            case _:
                pass

    def count(self, items: Iterable[T], total: int, what: str = "videos") -> Iterator[T]:
        """Yields the items, showing how many of them are done and how long the rest will take."""
        with counting(self.console, what) as show:
            for done, item in enumerate(items, start=1):
                yield item
                show(done, total)

    def follow(self, events: Iterable[Event]) -> ResultEvent:
        """Shows the events of long work as they come; returns the last one, the result."""
        from connsearch.runs.events import (
            EvaluationEvent,
            NoteEvent,
            ResultEvent,
            StepEvent,
            WarningEvent,
        )

        result: ResultEvent | None = None
        with Bar(self.console) if self.console.is_terminal else Lines(self.say) as progress:
            for event in events:
                match event:
                    case StepEvent():
                        progress.step(event)
                    case EvaluationEvent():
                        found = f"{event.metrics.measure} {event.metrics}"
                        self.say(f"after epoch {event.epoch + 1}: {event.split} {found}")
                    case WarningEvent():
                        self.warn(event.message)
                    case NoteEvent():
                        self.say(event.message)
                    case ResultEvent():
                        result = event
                    case _:
                        pass
        assert result is not None, "work ends with its result"
        return result

    def work_through(self, events: Generator[UnitEvent, None, T], what: str) -> T:
        """Shows the units of long work as they are done; returns what the work returns."""
        from connsearch.cli.units import follow_units

        return follow_units(events, what, self)
