"""``connsearch evaluate``: how good is it, really? Opens the test split, once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connsearch.cli.command import Command
from connsearch.cli.outcome import report_evaluation
from connsearch.cli.terminal import Terminal
from connsearch.workflows.settings.evaluate import EvaluateSettings


class Evaluate(EvaluateSettings, Command):
    """Evaluates a trained network on clips that were used neither for training nor for choosing it.

    The test split is opened once: the result is kept in the run, and shown when asked again. With
    it goes a confusion matrix, confusion-SPLIT.png and .svg.
    """

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Evaluates, or finds what was found before, and returns the numbers."""
        from connsearch.workflows.evaluate import run_evaluate

        found = run_evaluate(self, terminal.listener())
        shown = report_evaluation(Path(self.run), self.split, found, terminal)
        return {"command": "evaluate", "run": self.run, "split": self.split, **shown}
