"""What a report about an evolution can be asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from connsearch.flags import Flag
from connsearch.workflows.settings.base import WorkflowSettings


class EvolveReportSettings(WorkflowSettings):
    """What :func:`~connsearch.workflows.evolve_report.evolve_report` can be asked for."""

    run: Annotated[str, Flag(positional=True)]
    """The directory of an evolution."""
    storage: Annotated[str | None, Flag(metavar="PLACE")] = None
    """Where its study is kept, if that is not in the directory: as in the command that began it."""
    output: Annotated[Path | None, Flag(short="-o", metavar="DIR")] = None
    """Directory of the results; by default report in the directory of the evolution."""
    pictures: bool = True
    """Write pictures as SVG and PNG; the HTML file has its own pictures in any case."""
    animation: bool = True
    """Write the ancestors of the best child as an animation, ancestry.gif."""
    mp4: bool = False
    """Also write the animation as ancestry.mp4."""
