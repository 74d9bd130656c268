"""``connsearch report``: everything about a run in one HTML file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connsearch.cli.command import Command
from connsearch.cli.terminal import Terminal
from connsearch.workflows.settings.report import ReportSettings


class Report(ReportSettings, Command):
    """Writes one HTML file about a run and everything that was found out about it.

    It needs no network and no other file. It says what is missing or damaged; unfinished runs
    can be reported, too. Run it again to include what was added.
    """

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Writes the report, and returns where it is and what could not be read."""
        from connsearch.workflows.report import run_report

        written = run_report(self, terminal.listener())
        size = written.path.stat().st_size
        terminal.say(f"report: {written.path} ({size / 1e6:.1f} MB)")
        return {
            "command": "report",
            "run": self.run,
            "report": str(written.path),
            "bytes": size,
            "sections": list(written.sections),
            "notes": {anchor: list(noted) for anchor, noted in written.notes.items()},
        }
