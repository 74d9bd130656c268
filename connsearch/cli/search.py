"""``connsearch search``: which blocks of a structure should be connected?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

from connsearch.cli.command import Flag
from connsearch.cli.outcome import report_run
from connsearch.cli.target import open_structure
from connsearch.cli.terminal import Terminal
from connsearch.cli.work import RUNS, Work, open_data, suit
from connsearch.search.options import SearchOptions


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
        from connsearch.search.one_shot import search
        from connsearch.train.run import Run

        structure = open_structure(self.structure)
        default = RUNS / f"search-{Path(self.structure).stem}"
        options = self.training.model_copy(update={"seed": self.seed})
        config = {"command": "search", "settings": self.settings()}
        with Run.open(self.directory(default), config) as run:
            terminal.say(f"run: {run.directory}")
            if run.finished:
                terminal.say("this search is finished; its result:")
                result = run.result()
                for alarm in result.report.get("alarms", []):
                    count = f"{len(alarm['edges'])} of {alarm['of']}"
                    terminal.warn(f"{count} {alarm['what']} {alarm['kind']}")
            else:
                data = open_data(self.data_options(), terminal)
                structure = suit(structure, data, self)
                result = terminal.follow(search(structure, data, options, run=run))
            return report_run("search", run.directory, result, terminal)
