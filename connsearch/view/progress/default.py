"""The display that ``progress=True`` means: a bar where somebody watches, a log elsewhere."""

from __future__ import annotations

import logging

from connsearch.evolution.study.address import without_secrets
from connsearch.files.text import visible_lines
from connsearch.view.console import Console
from connsearch.view.progress.display import Display

LOGGER = "connsearch"
"""The logger that hears what nobody watches."""


def default_display() -> Display:
    """Returns the display of a program that says nothing about where it shows its progress.

    On a terminal (standard error) and in a notebook there are bars, notes and warnings. Elsewhere
    nothing is printed but warnings: everything goes to the logger ``connsearch``, warnings as
    warnings, which Python writes to standard error unless a program decides otherwise, and all else
    as ``INFO``, which is seen by those who ask for it. They are not Python's own warnings, because
    a filter that turns those into errors would end a run of many hours over a word of caution.
    """
    console = Console()
    return Display(console) if console.is_interactive or console.is_jupyter else logged_display()


def logged_display() -> Display:
    """Returns a display without bars that says everything to the logger ``connsearch``."""
    log = logging.getLogger(LOGGER)
    return Display(
        None, say=lambda text: log.info(_shown(text)), warn=lambda text: log.warning(_shown(text))
    )


def _shown(text: str) -> str:
    return visible_lines(without_secrets(text))
