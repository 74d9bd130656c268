"""``connsearch evolve report``: an evolution as tables, pictures and one HTML file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from connsearch.cli.command import Command
from connsearch.cli.terminal import Terminal
from connsearch.workflows.settings.evolve_report import EvolveReportSettings

if TYPE_CHECKING:
    from connsearch.view.evolution.story import Story


class EvolveReport(EvolveReportSettings, Command):
    """Shows how an evolution went: writes tables, pictures, an animation and one HTML file.

    Reads the study and changes nothing in it: it may be finished, stopped or running. Run it
    again to include what was added.
    """

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Shows and writes; returns where everything is, and who is best."""
        from connsearch.workflows.evolve_report import run_evolve_report

        written = run_evolve_report(self)
        story, page, files = written.story, written.page, written.files
        _show(story, terminal)
        terminal.say(f"written: {', '.join(path.name for path in files)} in {page.parent}")
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


def _show(story: Story, terminal: Terminal) -> None:
    """Tables of whatever there is."""
    from connsearch.evolution.review.children import refusals
    from connsearch.view.evolution.survival_tables import survival_table, switches_table
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
        (story.mixes, survival_table),
        (story.switches, switches_table),
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
