"""``connsearch early-exit``: when may clips stop, and what does that save?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connsearch.cli.command import Command
from connsearch.cli.outcome import say_pictures
from connsearch.cli.terminal import Terminal
from connsearch.runs.names import CURVE, table
from connsearch.workflows.settings.early_exit import EarlyExitSettings

_EXAMPLES = """\
Examples:

connsearch early-exit runs/focus --budget "macs<=10G" --budget "macs<=50%"

connsearch early-exit runs/focus --split val

connsearch predict runs/focus clip.mp4
"""


class EarlyExit(EarlyExitSettings, Command):
    """Lets clips stop early: a network that answers after several steps, at a mean cost of a clip.

    For every budget, thresholds of confidence are solved on the validation split: a clip stops at
    the first answer that is sure enough. Planned and realised cost, accuracy and where clips stop
    are reported on the test split, and the whole curve of accuracy over cost is drawn.

    Answers of all steps are kept in RUN/early-exit, so that further budgets compute nothing and the
    test split is opened once. connsearch predict uses the thresholds.
    """

    @classmethod
    def about(cls) -> str:
        """Returns the text of its help page, with examples."""
        return f"{super().about()}\n\n{_EXAMPLES}"

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Solves, reports, shows and draws; returns what is in the summary."""
        from connsearch.view.runs.early_exit import (
            WORDS,
            early_exit_table,
            speed_table,
            stopping_tables,
        )
        from connsearch.workflows.early_exit import run_early_exit

        found = run_early_exit(self, terminal.listener())
        terminal.show(early_exit_table(found))
        if found.budgets:
            for table_of_exits in stopping_tables(found):
                terminal.show(table_of_exits)
        if self.measure:
            terminal.show(speed_table(found))
        if found.area is not None:
            measure = WORDS.get(found.measure, found.measure)
            terminal.say(
                f"area under {measure} over realised cost, divided by the range of costs: "
                f"{found.area:.4f}"
            )
        terminal.say(f"table: {Path(found.output) / table(CURVE)}")
        say_pictures([Path(path) for path in found.pictures], terminal)
        if found.chosen is not None:
            terminal.say(f"connsearch predict {self.run} now stops clips early, by {found.chosen}")
        return found.to_json()
