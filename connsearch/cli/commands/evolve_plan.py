"""``connsearch evolve plan``: how long an evolution takes, before anybody waits for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connsearch.cli.command import Command
from connsearch.cli.terminal import Terminal
from connsearch.view.progress.pace import duration
from connsearch.workflows.settings.evolve_plan import EvolvePlanSettings


class EvolvePlan(EvolvePlanSettings, Command):
    """Estimates what an evolution takes, by simulating it with several numbers of workers.

    Evaluations last as long as those of the published search (10,000 steps in four hours), as you
    say, or as those that an evolution of yours has measured. Fitness is planted.
    """

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Simulates, and returns the rows of the table."""
        from connsearch.view.structures.tables import metrics_table
        from connsearch.workflows.evolve_plan import run_evolve_plan

        found = run_evolve_plan(self, terminal.listener())
        told = "" if found.measured is None else f", measured on {found.measured} children"
        words = f"{duration(found.seconds)} each ({self.steps} steps{told})"
        terminal.say(f"{self.rounds} children, {words}; {self.seeds} simulated evolutions each")
        terminal.show(metrics_table(found.rows, title="what it takes"))
        terminal.say("best: true value of the best child, on planted preferences")
        return {
            "command": "evolve plan",
            "seconds": found.seconds,
            "spread": found.spread,
            "rows": list(found.rows),
        }
