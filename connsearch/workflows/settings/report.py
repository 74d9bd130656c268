"""What a report about a run can be asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from connsearch.flags import Flag
from connsearch.workflows.settings.base import WorkflowSettings


class ReportSettings(WorkflowSettings):
    """What :func:`~connsearch.workflows.report.report` can be asked for."""

    run: Annotated[str, Flag(positional=True)]
    """The directory of a search, a training or a pruned network."""
    output: Annotated[Path | None, Flag(short="-o", metavar="FILE")] = None
    """HTML file to write; by default report.html in the directory of the run."""
