"""``connsearch search``: which blocks of a structure should be connected?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connsearch.cli.command import Command
from connsearch.cli.folds import report_folds
from connsearch.cli.outcome import report_run
from connsearch.cli.terminal import Terminal
from connsearch.workflows.settings.search import SearchSettings


class Search(SearchSettings, Command):
    """Searches which blocks of a structure should be connected, and which should attend to which.

    Every block is first connected with all lower ones; the weights of these connections are learned
    together with the filters. Without arguments: a small structure, on built-in data.

    After an interruption, rerun the same command to resume; once finished, it shows the result.
    """

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Searches, or resumes, and returns where the result lies and how good it is."""
        from connsearch.workflows.search import run_search, run_search_folds

        if self.folds is not None:
            return report_folds(run_search_folds(self, terminal.listener()), terminal)
        return report_run("search", run_search(self, terminal.listener()), terminal)
