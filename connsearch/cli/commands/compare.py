"""``connsearch compare``: is the found wiring better than random ones like it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from connsearch.cli.command import Command
from connsearch.cli.outcome import say_pictures
from connsearch.cli.terminal import Terminal
from connsearch.runs.formats.analyses import CompareRow
from connsearch.workflows.settings.compare import CompareSettings

MANY_SEEDS = 5
"""Up to this number of seeds have a column each in the table."""


class Compare(CompareSettings, Command):
    """Compares the wiring a search has found with random ones, and says whether it is better.

    Random wirings have the same nodes, the same number of connections and about the same cost.

    All are trained from scratch alike, with the same seeds; their connection weights learn from the
    start, so that only the wiring differs.

    After an interruption, rerun the same command to resume; larger counts add to what is there.
    """

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Compares, or resumes, and returns the rows, the difference and the verdict."""
        from connsearch.view.structures.tables import metrics_table
        from connsearch.workflows.compare import run_compare

        found = run_compare(self, terminal.listener())
        rows = _by_wiring(found.rows, by_seed=self.seeds <= MANY_SEEDS)
        terminal.show(metrics_table(rows, title=f"{found.measure} on {found.split}"))
        difference = found.difference
        if difference is not None and difference.p is not None:
            terminal.say(
                f"p = {difference.p:.3g} (by rank {difference.p_rank:.3g}); effect "
                f"{difference.effect_size:+.2f} standard deviations of random wirings"
            )
        terminal.say(found.verdict)
        say_pictures([Path(path) for path in found.pictures], terminal)
        return found.to_json()


def _by_wiring(rows: Sequence[CompareRow], *, by_seed: bool) -> list[dict[str, Any]]:
    """One row a wiring: its mean score, those of every seed if asked for, and its cost."""
    table: list[dict[str, Any]] = []
    for draw in sorted({row.draw for row in rows}):
        own = [row for row in rows if row.draw == draw]
        scores = {f"seed {row.seed}": row.accuracy for row in own}
        line = {"wiring": f"random {draw}" if draw else "found"}
        line |= {"mean": sum(scores.values()) / len(scores)} | (scores if by_seed else {})
        table.append({**line, "MACs": own[0].macs})
    return table
