"""What is drawn in place, again and again: a part of a terminal, or an output of a notebook."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, Protocol

from rich.console import RenderableType
from rich.jupyter import JupyterRenderable
from rich.live import Live

from connsearch.view.console import Console, as_html, as_text

PER_SECOND = 4
"""Drawings a second at most."""

WIDE = 92
"""Characters of an output at most: as many as a notebook shows beside its other columns."""

Render = Callable[[], RenderableType]


class Canvas(Protocol):
    """Something that shows the newest of what a function returns, from its start to its stop."""

    def start(self) -> None:
        """Draws for the first time."""

    def touch(self) -> None:
        """Is told that there may be something new to draw."""

    def stop(self) -> None:
        """Draws for the last time; that stays."""


def canvas(console: Console, render: Render) -> Canvas | None:
    """Returns what draws on this console; None where nothing can be drawn in place.

    Nothing can in a pipe, in a file, on a terminal that cannot move its cursor (``TERM=dumb``) and
    where IPython is missing.

    Args:
        console: a terminal's or a notebook's.
        render: returns what is to be seen now. A terminal calls it from another thread.
    """
    if console.is_jupyter:
        return _Notebook(console, render) if find_spec("IPython") else None
    return _Terminal(console, render) if console.is_interactive else None


class _Terminal:
    """Some lines at the bottom of a terminal; all else that is printed goes above them."""

    def __init__(self, console: Console, render: Render) -> None:
        self._live = Live(console=console, get_renderable=render, refresh_per_second=PER_SECOND)

    def start(self) -> None:
        """Draws for the first time, and from now on every quarter of a second."""
        self._live.start(refresh=True)

    def touch(self) -> None:
        """Does nothing: it is drawn again soon."""

    def stop(self) -> None:
        """Draws for the last time and gives the cursor back."""
        self._live.stop()


class _Notebook:
    """One output of a notebook's cell, replaced as the work goes on.

    rich's own bars need ipywidgets in a notebook and leave nothing in the file that is saved. A
    display with a name (``display_id``) is known to every notebook, and what was shown last is
    saved with it.
    """

    def __init__(self, console: Console, render: Render) -> None:
        self._console, self._render = console, render
        self._handle: Any = None
        self._drawn = float("-inf")

    def start(self) -> None:
        """Puts the output where the cell has come to."""
        from IPython.display import display  # pyright: ignore  (only notebooks have it)

        self._drawn = time.monotonic()
        self._handle = display(self._picture(), display_id=True)

    def touch(self) -> None:
        """Draws again, unless it has just been done."""
        if time.monotonic() - self._drawn >= 1 / PER_SECOND:
            self._drawn = time.monotonic()
            self._handle.update(self._picture())

    def stop(self) -> None:
        """Draws for the last time."""
        self._handle.update(self._picture())

    def _picture(self) -> JupyterRenderable:
        found, width = self._render(), min(self._console.width, WIDE)
        return JupyterRenderable(as_html(found, width=width), as_text(found, width=width))
