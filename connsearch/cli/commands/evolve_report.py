"""``connsearch evolve report``: an evolution as tables, pictures, a film and one HTML file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from connsearch.cli.command import Command, Flag
from connsearch.cli.terminal import Terminal
from connsearch.errors import UserError
from connsearch.files.paths import check_path
from connsearch.files.places import make_directories
from connsearch.runs.names import EVOLUTION_REPORT

if TYPE_CHECKING:
    from connsearch.view.evolution.story import Story


class EvolveReport(Command):
    """Shows how an evolution went, and writes pictures, tables, a film and one HTML file about it.

    Reads the study and changes nothing in it: it may be finished, stopped or at work. Made again,
    it takes in what was added since.
    """

    run: Annotated[str, Flag(positional=True)]
    """The directory of an evolution."""
    storage: Annotated[str | None, Flag(metavar="PLACE")] = None
    """Where the study is kept, if not in the directory: the same --storage as in connsearch
    evolve."""
    output: Annotated[Path | None, Flag(short="-o", metavar="DIR")] = None
    """Directory of the results; by default report in the directory of the evolution."""
    pictures: bool = True
    """Write pictures as SVG and PNG; the HTML file has its own pictures in any case."""
    film: bool = True
    """Write the ancestors of the best child as a film, ancestry.gif."""
    mp4: bool = False
    """Also write the film as ancestry.mp4."""

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Shows and writes; returns where everything is, and who is best."""
        from connsearch.evolution.study.study_directory import reopen
        from connsearch.view.evolution.story import Story
        from connsearch.view.report.evolution import write_evolution_report

        opened = reopen(self.run, storage=self.storage)
        title = Path(self.run).resolve().name
        story = Story.of(opened.history(), opened.options, title=title)
        directory = self._directory()
        _show(story, terminal)
        files = self._write(story, directory)
        page = write_evolution_report(story, directory / EVOLUTION_REPORT)
        terminal.say(f"written: {', '.join(path.name for path in files)} in {directory}")
        terminal.say(f"report: {page} ({page.stat().st_size / 1e6:.1f} MB)")
        winner = story.winner
        return {
            "command": "evolve report",
            "run": self.run,
            "report": str(page),
            "files": [str(path) for path in files],
            "children": len(story.entries),
            "judged": len(story.rounds),
            "failed_attempts": len(story.mishaps),
            "best": list(story.best),
            "winner": winner,
            "values": None if winner is None else list(story.entries[winner].values or ()),
            "objectives": list(story.objectives),
        }

    def _directory(self) -> Path:
        """Where to write, made if it is not there."""
        directory = self.output or Path(self.run) / "report"
        check_path(directory, below=64)
        if directory.exists() and not directory.is_dir():
            raise UserError(f"{directory}: is a file\n  cure: name a directory")
        make_directories(directory)
        return directory

    def _write(self, story: Story, directory: Path) -> list[Path]:
        from connsearch.view.evolution.files import (
            evolution_film,
            evolution_pictures,
            evolution_tables,
        )

        files = evolution_tables(story, directory)
        if self.pictures:
            files += evolution_pictures(story, directory)
        suffixes = ["gif"] * self.film + ["mp4"] * self.mp4
        return files + evolution_film(story, directory, suffixes=suffixes)


def _show(story: Story, terminal: Terminal) -> None:
    """Tables of whatever there is."""
    from connsearch.evolution.review.children import refusals
    from connsearch.view.evolution.tables import (
        best_table,
        failures_table,
        operators_table,
        population_table,
        refused_table,
    )

    tables = (
        (story.history.population.members, population_table),
        (story.yields, operators_table),
        (story.mishaps, failures_table),
        (refusals(story.history), refused_table),
        (story.best, best_table),
    )
    for something, table in tables:
        if something:
            terminal.show(table(story))
    if not story.best:
        terminal.say("no child was judged yet")
    elif len(story.rounds) > 1:
        terminal.say(
            f"the best of {len(story.rounds)} measured values is too good on average: train "
            f"#{story.winner} again before you believe it"
        )
