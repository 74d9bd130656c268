"""The console of every command: what others called their files never reaches a terminal as is."""

from __future__ import annotations

import io
import sys
import warnings
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import IO, Any

import rich.console
from rich.console import ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from connsearch.evolution.study.address import without_secrets
from connsearch.files.text import visible_lines


class Console(rich.console.Console):
    r"""rich's console without markup and emoji codes, in which control characters are visible.

    Colours and cursor movements of rich's own go through; those that stand in a text are shown as
    escapes such as ``\x1b``. Of a URL the user and the values of its query are not shown.

    Args:
        file: where it writes; None: the error stream.
    """

    def __init__(self, file: IO[str] | None = None, **settings: Any) -> None:
        super().__init__(
            file=file,
            stderr=file is None,
            highlight=False,
            markup=False,
            emoji=False,
            **settings,
        )

    def on_broken_pipe(self) -> None:
        """Raises the error again, where the original would end the process."""
        raise

    def render_str(self, text: str, **settings: Any) -> Text:
        """Returns a text as rich prints it, before it is laid out."""
        return super().render_str(visible_lines(without_secrets(text)), **settings)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yields what is printed; a text that somebody laid out himself is made visible here."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else _shown(segment)


@contextmanager
def visible_output() -> Generator[None]:
    """Warnings of libraries are shown as all else is, and no character ends a command.

    A stream that cannot say a character (standard output in ASCII) says its escape.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors="backslashreplace")
    usual = warnings.formatwarning
    warnings.formatwarning = lambda *about, **more: visible_lines(usual(*about, **more))
    try:
        yield
    finally:
        warnings.formatwarning = usual


def _shown(segment: Segment) -> Segment:
    text = "\n".join(visible_lines(line) for line in segment.text.split("\n"))
    return segment if text == segment.text else Segment(text, segment.style, segment.control)


_THEME = TerminalTheme(
    (255, 255, 255),
    (0, 0, 0),
    [
        *((0, 0, 0), (200, 40, 40), (31, 143, 63), (140, 120, 0)),
        *((60, 110, 210), (160, 70, 170), (0, 135, 145), (128, 128, 128)),
    ],
)
"""Colours that can be read on white and on black."""

_PAGE = (
    '<pre style="white-space:pre;overflow-x:auto;line-height:normal;margin:0;font-family:'
    "Menlo,'DejaVu Sans Mono',Consolas,'Courier New',monospace\">{code}</pre>"
)


def as_html(renderable: RenderableType, *, width: int = 100) -> str:
    """Returns what the console would print as HTML that can stand in a page or a notebook.

    Text without a style has no colour of its own: it is as light or dark as the page.

    Args:
        renderable: a text, a table, or whatever else rich can lay out.
        width: in characters.
    """
    return _printed(renderable, width).export_html(
        theme=_THEME, code_format=_PAGE, inline_styles=True
    )


def as_text(renderable: RenderableType, *, width: int = 100) -> str:
    """Returns what the console would print, without colours; arguments as for :func:`as_html`."""
    return _printed(renderable, width).export_text()


def _printed(renderable: RenderableType, width: int) -> Console:
    console = Console(
        io.StringIO(), record=True, width=width, force_jupyter=False, color_system="truecolor"
    )
    console.print(renderable)
    return console
