"""``connsearch train``: a pruned network further, or any network from scratch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connsearch.cli.command import Command
from connsearch.cli.folds import report_folds
from connsearch.cli.outcome import report_run
from connsearch.cli.terminal import Terminal
from connsearch.workflows.settings.train import TrainSettings


class Train(TrainSettings, Command):
    """Trains a pruned network further with the weights it has, or any network from scratch.

    What a run or a pruning left is trained on the data it was found with unless flags say
    otherwise. The test split stays closed; `connsearch evaluate` opens it.

    After an interruption, rerun the same command to resume; once finished, it shows the result.
    """

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Trains, or resumes, and returns where the result lies and how good it is."""
        from connsearch.workflows.train import run_train, run_train_folds

        if self.folds is not None:
            return report_folds(run_train_folds(self, terminal.listener()), terminal)
        return report_run("train", run_train(self, terminal.listener()), terminal)
