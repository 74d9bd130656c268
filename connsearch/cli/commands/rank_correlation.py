"""``connsearch rank-correlation``: does the supernet rank sub-networks as training alone does?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connsearch.cli.command import Command
from connsearch.cli.outcome import say_pictures
from connsearch.cli.terminal import Terminal
from connsearch.workflows.settings.rank_correlation import RankCorrelationSettings


class RankCorrelation(RankCorrelationSettings, Command):
    """Tests whether the supernet ranks its sub-networks as training each of them alone does.

    Random sub-networks of various sizes are evaluated with the weights they inherit and batch-norm
    statistics computed again, and then trained alone for a short while.

    Kendall's tau of both rankings is compared with that of size alone: a supernet that ranks no
    better than the number of multiply-accumulates was not needed for the ranking.

    After an interruption, rerun the same command to resume; a larger --subnets adds to what is
    there.
    """

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Tests, or resumes, and returns the rows, the taus and the verdict."""
        from connsearch.view.structures.tables import metrics_table
        from connsearch.workflows.rank_correlation import run_rank_correlation, taus

        ranking, found = run_rank_correlation(self, terminal.listener())
        shown = [
            {"ranked by": name, "tau": tau.value, "95% interval": tau.interval}
            for name, tau in taus(ranking).items()
        ]
        terminal.show(metrics_table(shown, title=f"against {self.subnets} trained alone"))
        terminal.say(ranking.verdict)
        say_pictures([Path(path) for path in found.pictures], terminal)
        return found.to_json()
