"""Displays whose text a test can read: a terminal's, a pipe's, a notebook's."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable

from connsearch.view.console import Console
from connsearch.view.progress.display import Display

_OBEYED = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def display(*, interactive: bool = False, width: int = 100) -> tuple[Display, io.StringIO]:
    """Returns a display and what it writes into."""
    written = io.StringIO()
    console = Console(
        written,
        force_terminal=interactive,
        force_interactive=interactive,
        force_jupyter=False,
        width=width,
        color_system=None,
    )
    return Display(console), written


def told(events: Iterable[object], *, interactive: bool = False, width: int = 100) -> str:
    """Returns what a display has written when it has heard the events."""
    shown, written = display(interactive=interactive, width=width)
    for event in events:
        shown.hear(event)
    return written.getvalue()


def plain(text: str) -> str:
    """Returns what a terminal was told, without the sequences that it obeys."""
    return _OBEYED.sub("", text)
