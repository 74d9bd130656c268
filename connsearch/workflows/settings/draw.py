"""What a picture of a structure can be asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from connsearch.flags import Flag
from connsearch.workflows.settings.base import WorkflowSettings


class DrawSettings(WorkflowSettings):
    """What :func:`~connsearch.workflows.draw.draw` can be asked for."""

    structure: Annotated[str, Flag(positional=True)]
    """The name of a structure, a structure file, a run, a pruned network, or a checkpoint."""
    output: Annotated[Path | None, Flag(short="-o", metavar="FILE")] = None
    """The picture, ending in .svg, .png or .pdf; by default NAME.svg in the directory of the run,
    or beside the file; for the name of a structure, in this directory."""
    threshold: float = Field(default=0.5, ge=0, le=1)
    """Draw connections with a smaller weight as dashed lines."""
    title: str | None = None
    """Title of the picture; by default the name of the structure."""
