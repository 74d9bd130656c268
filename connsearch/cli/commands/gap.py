"""``connsearch gap``: what is lost between the searched network and a pruned one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from connsearch.cli.command import Command
from connsearch.cli.outcome import say_pictures
from connsearch.cli.terminal import Terminal
from connsearch.runs.formats.analyses import GapRow
from connsearch.runs.names import GAP, table
from connsearch.workflows.settings.gap import GapSettings


class Gap(GapSettings, Command):
    """Evaluates a search in stages: as searched, masked, recalibrated, fine-tuned, from scratch.

    Shows the validation accuracy of every stage for each threshold of the criterion, and what is
    left. The validation split was used for choosing, so the numbers compare stages only; the test
    split stays closed.

    After an interruption, rerun the same command to resume; other thresholds and stages add to what
    is there.
    """

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Judges every stage that is not filed yet; returns the table."""
        from connsearch.workflows.gap import judge_gap, run_gap

        found = run_gap(self, terminal.listener())
        _show(self, found.rows, terminal)
        place, pictures = self.output or Path(self.run) / GAP, map(Path, found.pictures)
        say_pictures(list(pictures), terminal)
        terminal.say(f"table: {place / table(GAP)}")
        judge_gap(self, found.rows, terminal.listener())
        return found.to_json()


def _show(asked: Gap, rows: Sequence[GapRow], terminal: Terminal) -> None:
    from connsearch.view.structures.tables import metrics_table, short

    shown = [
        {
            "share": f"{row.share:g}" if row.stage == "soft" else "",
            "stage": row.stage,
            **({} if row.mAP is None else {"mAP": round(row.mAP, 3)}),
            "accuracy": round(row.accuracy, 3),
            "95%": f"{row.low:.2f}-{row.high:.2f}",
            "edges": row.connections,
            "params": short(row.parameters),
            "MACs": short(row.macs),
            "dead": row.dead,
        }
        for row in rows
    ]
    by = "" if asked.scores == "weight" else f" by {asked.scores}"
    title = f"validation split ({rows[0].clips} clips), criterion {asked.criterion}{by}"
    terminal.show(metrics_table(shown, title=title))
    terminal.say("the validation split was used for choosing: the numbers only compare stages")
    if not asked.scratch:
        terminal.say("without training from scratch (--scratch): new weights may do as well")
