"""An evolution as tables, pictures, an animation and one HTML file: :func:`evolve_report`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connsearch.errors import UserError
from connsearch.evolution.study.study_directory import reopen
from connsearch.files.paths import check_path
from connsearch.files.places import make_directories
from connsearch.runs.names import EVOLUTION_REPORT
from connsearch.view.evolution.files import evolution_film, evolution_pictures, evolution_tables
from connsearch.view.evolution.story import Story
from connsearch.view.report.evolution import write_evolution_report
from connsearch.workflows.settings.evolve_report import EvolveReportSettings


@dataclass(frozen=True)
class EvolutionReport:
    """What was written about an evolution.

    Attributes:
        page: the HTML file.
        files: tables, pictures and animations beside it.
        story: the evolution, retold.
    """

    page: Path
    files: tuple[Path, ...]
    story: Story


def evolve_report(
    run: str | Path, output: str | Path | None = None, **settings: Any
) -> EvolutionReport:
    """Returns what was written about an evolution: tables, pictures, an animation and a page.

    The study is read and not changed: it may be finished, stopped or at work.

    Args:
        run: the directory of an evolution.
        output: the directory it goes to; by default report in that of the evolution.
        settings: any option of ``connsearch evolve report`` by its name: ``animation=False``.

    Raises:
        UserError: a setting cannot be used, there is no such evolution, or nothing can be written
            there.
    """
    place = None if output is None else Path(output)
    return run_evolve_report(EvolveReportSettings.of(run=str(run), output=place, **settings))


def run_evolve_report(asked: EvolveReportSettings) -> EvolutionReport:
    """Returns the report that was asked for, once all of it is written.

    Raises:
        UserError: as for :func:`evolve_report`.
    """
    opened = reopen(asked.run, storage=asked.storage)
    title = Path(asked.run).resolve().name
    story = Story.of(opened.history(), opened.options, title=title)
    directory = _directory(asked)
    files = _write(asked, story, directory)
    page = write_evolution_report(story, directory / EVOLUTION_REPORT)
    return EvolutionReport(page, tuple(files), story)


def _directory(asked: EvolveReportSettings) -> Path:
    """Where to write, made if it is not there.

    Raises:
        UserError: it is a file, or its path is too long.
    """
    directory = asked.output or Path(asked.run) / "report"
    check_path(directory, below=64)
    if directory.exists() and not directory.is_dir():
        raise UserError(f"{directory}: is a file\n  cure: name a directory with --output")
    make_directories(directory)
    return directory


def _write(asked: EvolveReportSettings, story: Story, directory: Path) -> list[Path]:
    files = evolution_tables(story, directory)
    if asked.pictures:
        files += evolution_pictures(story, directory)
    suffixes = ["gif"] * asked.animation + ["mp4"] * asked.mp4
    return files + evolution_film(story, directory, suffixes=suffixes)
