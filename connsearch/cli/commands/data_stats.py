"""``connsearch data stats``: what a data set is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from connsearch.cli.command import Command
from connsearch.cli.terminal import Terminal
from connsearch.workflows.settings.data_stats import DataStatsSettings


class DataStats(DataStatsSettings, Command):
    """Counts a data set: clips of each class in each split, lengths, sizes, rates, media, faults.

    Then suggests frames, stride, size, batch and epochs that fit these clips, each with its reason,
    as a line that can be run.

    Videos are opened, and decoded once where their packets do not tell how many frames there
    are (docs/datasets.md). What cannot be read is listed, and the rest is counted.
    """

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Shows the tables and returns the numbers."""
        from connsearch.view.clips.data_tables import classes_table, files_table, suggestion_table
        from connsearch.workflows.data_stats import run_data_stats

        summary = run_data_stats(self)
        terminal.show(classes_table(summary), files_table(summary))
        if summary.suggestion is not None:
            found = summary.suggestion
            terminal.say(f"to begin with {found.network} (--network NAME suggests for another):")
            terminal.show(suggestion_table(found))
            terminal.say(f"  {found.line}")
            for one in found.further:
                terminal.say(f"  {one}")
        for note in summary.notes:  # the unreadable are among them; each has its line below
            terminal.warn(note.splitlines()[0])
        for fault in summary.faults:
            terminal.say(f"  {fault.split}: {fault.reason}")
        return {"command": "data stats", **asdict(summary)}
