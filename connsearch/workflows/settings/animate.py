"""What an animation can be asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from connsearch.flags import Flag
from connsearch.workflows.settings.base import WorkflowSettings


class AnimateSettings(WorkflowSettings):
    """What :func:`~connsearch.workflows.animate.animate` can be asked for."""

    run: Annotated[str, Flag(positional=True)]
    """The directory of a search."""
    output: Annotated[Path | None, Flag(short="-o", metavar="FILE")] = None
    """File to write, ending in .gif, .mp4, or .html (a page with a slider, in one file); by default
    animation.gif and animation.html in the directory of the run."""
    frames: int = Field(default=60, ge=2, le=1000)
    """Show at most this many logged steps, evenly spread, including the first and the last."""
    seconds: float = Field(default=8.0, gt=0, le=600)
    """Length of the animation in seconds."""
    criterion: str = "relative"
    """Draw connections that this pruning criterion would remove as dashed lines; see connsearch
    prune."""
