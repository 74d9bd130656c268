"""``connsearch data stats``: what a data set is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar

from pydantic import Field

from connsearch.cli.command import Command
from connsearch.cli.terminal import Terminal
from connsearch.data.options import DataOptions

_IN_TRAINING = """
    seed bad_share check_files size short_side keep_aspect crop_scale flip brightness contrast
    strides speed clips_per_video crops_per_clip pool_views augment augment_any augment_each
    batch_size workers memory_mb clip_labels
""".split()
"""Settings that decide what is done with clips, but not which there are."""


class DataStats(Command):
    """Counts a data set: clips of each class on each list, lengths, sizes, rates, media, faults.

    Videos are opened, and decoded once where their packets do not tell how many frames there
    are (docs/datasets.md). What cannot be read is listed and stops nothing.
    """

    HIDDEN: ClassVar[frozenset[str]] = frozenset(f"data.{name}" for name in _IN_TRAINING)

    seed: int = Field(default=0, ge=0, lt=2**63)
    """Seed of planted data and of splits that the data does not give."""
    data: DataOptions = DataOptions()

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Shows the tables and returns the numbers."""
        from connsearch.data.loading.load import load_data
        from connsearch.data.tools.summary import describe
        from connsearch.view.clips.data_tables import classes_table, files_table

        always = {"seed": self.seed, "bad_share": 1.0, "check_files": True}
        summary = describe(load_data(self.data.with_values(**always)))
        terminal.show(classes_table(summary), files_table(summary))
        for note in summary.notes:  # the unreadable are among them; each has its line below
            terminal.warn(note.splitlines()[0])
        for fault in summary.faults:
            terminal.say(f"  {fault.split}: {fault.reason}")
        return {"command": "data stats", **asdict(summary)}
