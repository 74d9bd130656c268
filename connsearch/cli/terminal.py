"""What people read: text and tables, and the events of long work as they come."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from rich.console import RenderableType

from connsearch.cli.output import shown
from connsearch.view.console import Console

if TYPE_CHECKING:
    from connsearch.analysis.units import UnitEvent
    from connsearch.runs.events import Event, ResultEvent
    from connsearch.view.progress.display import Display
    from connsearch.workflows.listening import Listener

T = TypeVar("T")


class Terminal:
    """Standard output for people, or the error stream when ``--json`` takes standard output.

    Args:
        json_line: standard output belongs to a script.
        console: prints in the place of the stream's own.
    """

    def __init__(self, *, json_line: bool = False, console: Console | None = None) -> None:
        self.stream = sys.stderr if json_line else sys.stdout
        self.console = console or Console(self.stream)

    @cached_property
    def _display(self) -> Display:
        from connsearch.view.progress.display import Display

        return Display(self.console, say=self.say, warn=self.warn)

    def hear(self, event: object) -> None:
        """Shows an event of long work."""
        self._display.hear(event)

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

    @contextmanager
    def work(self, what: str) -> Generator[None]:
        """Shows what is heard inside as one piece of work, with a bar where there can be one."""
        from connsearch.runs.events import WorkBegan, WorkEnded

        self.hear(WorkBegan(what))
        try:
            yield
        finally:
            self.hear(WorkEnded())

    def count(self, items: Iterable[T], total: int, what: str = "videos") -> Iterator[T]:
        """Yields the items, showing how many of them are done and how long the rest will take."""
        from connsearch.runs.events import CountEvent

        with self.work(what):
            for done, item in enumerate(items, start=1):
                yield item
                self.hear(CountEvent(done, total, what))

    def follow(self, events: Iterable[Event]) -> ResultEvent:
        """Shows the events of long work as they come; returns the last one, the result."""
        from connsearch.runs.events import ResultEvent

        result: ResultEvent | None = None
        with self.work("steps"):
            for event in events:
                self.hear(event)
                if isinstance(event, ResultEvent):
                    result = event
        assert result is not None, "work ends with its result"
        return result

    def work_through(self, events: Generator[UnitEvent, None, T], what: str) -> T:
        """Shows the units of long work as they are done; returns what the work returns."""
        with self.work(what):
            while True:
                try:
                    event = next(events)
                except StopIteration as end:
                    return end.value
                self.hear(event)
