"""What people read: text and tables, and the events of long work as they come."""

from __future__ import annotations

import sys
from functools import cached_property
from typing import TYPE_CHECKING

from rich.console import RenderableType

from connsearch.cli.output import shown
from connsearch.view.console import Console

if TYPE_CHECKING:
    from connsearch.view.progress.display import Display
    from connsearch.workflows.listening import Listener


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
