"""Everything about a run in one HTML file: :func:`report`."""

from __future__ import annotations

from pathlib import Path

from connsearch.view.report.build import WrittenReport, write_report
from connsearch.workflows.given import RunLike, place_of
from connsearch.workflows.listening import Listener, Progress
from connsearch.workflows.settings.report import ReportSettings


def report(
    run: RunLike, output: str | Path | None = None, *, progress: Progress = True
) -> WrittenReport:
    """Returns where the report of a run is, once it is written: one HTML file.

    It is made of everything that was found out about the run. What is missing or damaged is said in
    its place, and heard as a warning; an unfinished run can be reported, too.

    Args:
        run: a search, a training or a pruned network.
        output: the file; by default report.html in the directory of the run.
        progress: True shows warnings, False nothing; a function hears every event.

    Raises:
        RunError: the directory is neither of these.
        UserError: the report cannot go there.
        Failure: it cannot be written.
    """
    asked = ReportSettings.of(run=place_of(run), output=None if output is None else Path(output))
    return run_report(asked, Listener.of(progress))


def run_report(asked: ReportSettings, listener: Listener) -> WrittenReport:
    """Returns the report that was asked for, once it is written.

    Raises:
        UserError: as for :func:`report`.
    """
    written = write_report(asked.run, asked.output)
    for noted in written.notes.values():
        for note in noted:
            listener.warn(note)
    return written
