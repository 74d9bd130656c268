"""``connsearch search``: which blocks of a structure should be connected?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

from connsearch.cli.command import Flag
from connsearch.cli.outcome import report_run
from connsearch.cli.target import open_structure
from connsearch.cli.terminal import Terminal
from connsearch.cli.work import RUNS, Work, prepare, suit
from connsearch.oneshot.options import SearchOptions


class Search(Work):
    """Searches which blocks of a structure should be connected, and which should attend to which.

    Every block is first connected with all lower ones; the weights of these connections are learned
    together with the filters. Without arguments: a small structure, on built-in data.

    Interrupted or killed, the same line goes on where it was; once finished, it shows the result.
    """

    NAMED: ClassVar[tuple[str, ...]] = ("structure",)

    structure: Annotated[str, Flag(positional=True)] = "starter"
    """The name of a structure (see `connsearch inspect`), a structure file, or an earlier run."""
    training: SearchOptions = SearchOptions()

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Searches, or goes on, and returns where the result lies and how good it is."""
        from connsearch.oneshot.alarms import Alarm
        from connsearch.oneshot.search import search
        from connsearch.runs.run import Run

        structure = open_structure(self.structure)
        directory = self.directory(RUNS / f"search-{Path(self.structure).stem}")
        options = self.training.with_values(seed=self.seed)
        config = {"command": "search", "settings": self.settings()}
        data = prepare(directory, config, self.data_options(), terminal)
        with Run.open(directory, config) as run:
            if data is None:
                result = run.result()
                for alarm in result.report.alarms:
                    terminal.warn(str(Alarm.read(alarm)))
            else:
                structure = suit(structure, data, self)
                events = search(structure, data, options, run=run)
                result = terminal.follow(self.heard(events, directory))
            return report_run("search", directory, result, terminal)
