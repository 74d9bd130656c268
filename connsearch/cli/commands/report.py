"""``connsearch report``: everything about a run in one HTML file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from connsearch.cli.command import Command, Flag
from connsearch.cli.terminal import Terminal


class Report(Command):
    """Writes one HTML file about a run and everything that was found out about it.

    It needs no network and no other file. What is missing or damaged is said in its place; an
    unfinished run can be reported, too. Made again, it takes in what was added since.
    """

    run: Annotated[str, Flag(positional=True)]
    """The directory of a search, a training or a pruned network."""
    output: Annotated[Path | None, Flag(short="-o", metavar="FILE")] = None
    """HTML file to write; by default report.html in the directory of the run."""

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Writes the report, and returns where it is and what could not be read."""
        from connsearch.view.report.build import write_report

        report = write_report(self.run, self.output)
        for noted in report.notes.values():
            for note in noted:
                terminal.warn(note)
        size = report.path.stat().st_size
        terminal.say(f"report: {report.path} ({size / 1e6:.1f} MB)")
        return {
            "command": "report",
            "run": self.run,
            "report": str(report.path),
            "bytes": size,
            "sections": list(report.sections),
            "notes": {anchor: list(noted) for anchor, noted in report.notes.items()},
        }
