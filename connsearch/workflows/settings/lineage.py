"""What can be asked about the origin of an evolution's child."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from connsearch.flags import Flag
from connsearch.workflows.settings.base import WorkflowSettings


class LineageSettings(WorkflowSettings):
    """What :func:`~connsearch.workflows.lineage.lineage` can be asked for."""

    run: Annotated[str, Flag(positional=True)]
    """The directory of an evolution."""
    child: Annotated[int, Flag(positional=True, metavar="ID"), Field(ge=0)]
    """Number of the child, as in tables and pictures."""
    connection: Annotated[str | None, Flag(metavar="S-T")] = None
    """Trace one of its connections, such as 3-7, through its ancestors."""
    storage: Annotated[str | None, Flag(metavar="PLACE")] = None
    """Where its study is kept, if that is not in the directory: as in the command that began it."""
    others: bool = True
    """Also draw the other children of the ancestors."""
    output: Annotated[Path | None, Flag(short="-o", metavar="FILE")] = None
    """The picture, ending in .svg, .png or .pdf; by default lineage-ID.svg and lineage-ID.png in
    the directory of the evolution."""
