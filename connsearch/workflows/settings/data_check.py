"""What the check of a data set can be asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from connsearch.data.options import DataOptions
from connsearch.flags import Flag
from connsearch.workflows.settings.base import WorkflowSettings


class DataCheckSettings(WorkflowSettings):
    """What :func:`~connsearch.workflows.data_check.data_check` can be asked for."""

    data: DataOptions = DataOptions()
    output: Annotated[Path | None, Flag(short="-o", metavar="FILE")] = None
    """Report to write, one row per clip; by default NAME.check.csv beside the data."""
    readers: int = Field(default=1, ge=0, le=256)
    """Number of processes that read; with 0, a file that crashes the reader ends the check."""
    seeks: int = Field(default=0, ge=0, le=100_000)
    """Also read this many single frames of each file, as training does, and compare them bit for
    bit with one pass over the file."""
