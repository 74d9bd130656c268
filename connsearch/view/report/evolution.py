"""An evolution as one HTML file that needs nothing else, made of the templates of every report."""

from __future__ import annotations

from pathlib import Path

from connsearch.errors import Failure, UserError
from connsearch.graph.files import atomic_write_text
from connsearch.view.evolution.story import Story
from connsearch.view.report.evolution_sections import EVOLUTION_SECTIONS
from connsearch.view.report.page import Page, Shown
from connsearch.view.report.section import in_order


def write_evolution_report(story: Story, path: Path) -> Path:
    """Returns ``path`` after writing the report of an evolution there, finished or not.

    Raises:
        UserError: ``path`` lies in no directory, or is one.
        Failure: it could not be written.
    """
    if path.is_dir() or not path.parent.is_dir():
        fault = "is a directory" if path.is_dir() else f"there is no directory {path.parent}"
        raise UserError(
            f"{path}: {fault}\n  cure: name a file in a directory that exists with --output"
        )
    page = Page()
    sections = [maker.make(story) for maker in in_order(EVOLUTION_SECTIONS)]
    shown = [Shown(section, page.show(section)) for section in sections if section is not None]
    try:
        atomic_write_text(path, page.whole(f"{story.title}: connsearch evolution", shown, {}))
    except OSError as error:
        raise Failure(f"{path}: the report could not be written: {error.strerror}") from None
    return path
