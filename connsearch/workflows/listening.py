"""What a workflow says on its way: every word is an event that somebody hears."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from connsearch.errors import SettingsError
from connsearch.runs.events import (
    CountEvent,
    Event,
    NoteEvent,
    ResultEvent,
    WarningEvent,
    WorkBegan,
    WorkEnded,
)
from connsearch.view.progress.default import default_display, logged_display

T = TypeVar("T")

Hear = Callable[[object], None]
"""Hears every event, in order."""

Progress = bool | Hear
"""True: a bar on a terminal or in a notebook. False: no bar. A function hears every event.

Without a bar, warnings and notes go to the logger ``connsearch``.
"""


class Listener:
    """Hands events to whoever listens.

    Args:
        hear: is called with every event.
    """

    def __init__(self, hear: Hear) -> None:
        self.hear = hear

    @classmethod
    def of(cls, progress: Progress | Listener) -> Listener:
        """Returns the listener that ``progress`` asks for; one that is there already stays.

        Raises:
            SettingsError: it is neither a yes or no, nor a function.
        """
        if isinstance(progress, Listener):
            return progress
        if isinstance(progress, bool):
            return cls((default_display() if progress else logged_display()).hear)
        if not callable(progress):
            raise SettingsError(
                f"progress: read {progress!r}\n  allowed: True, False, or a function of an event"
            )
        return cls(progress)

    def say(self, text: str) -> None:
        """Tells what a person may want to know."""
        self.hear(NoteEvent(text))

    def warn(self, text: str) -> None:
        """Tells what a person should know that stops nothing."""
        self.hear(WarningEvent(text))

    @contextmanager
    def working(self, what: str) -> Generator[None]:
        """Tells that work begins, and that it has ended, however it ends."""
        self.hear(WorkBegan(what))
        try:
            yield
        finally:
            self.hear(WorkEnded())

    def count(self, items: Iterable[T], total: int, what: str = "videos") -> Iterator[T]:
        """Yields the items, and tells after each how many of them are done."""
        with self.working(what):
            for done, item in enumerate(items, start=1):
                yield item
                self.hear(CountEvent(done, total, what))

    def follow(self, events: Iterable[Event]) -> ResultEvent:
        """Tells the events of a training as they come; returns its result."""
        result: ResultEvent | None = None
        with self.working("steps"):
            for event in events:
                self.hear(event)
                if isinstance(event, ResultEvent):
                    result = event
        assert result is not None, "work ends with its result"
        return result

    def work_through(self, events: Generator[object, None, T], what: str) -> T:
        """Tells the events of work on many units; returns what the work returns."""
        with self.working(what):
            while True:
                try:
                    event = next(events)
                except StopIteration as end:
                    return end.value
                self.hear(event)
