"""What a comparison of two structures can be asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from connsearch.flags import Flag
from connsearch.workflows.settings.base import WorkflowSettings


class DiffSettings(WorkflowSettings):
    """What :func:`~connsearch.workflows.diff.diff` can be asked for."""

    before: Annotated[str, Flag(positional=True, metavar="A")]
    """A name of a structure, a structure file, a run, a pruned network, or a checkpoint."""
    after: Annotated[str, Flag(positional=True, metavar="B")]
    """The structure to compare with; connections that only this one has are called added."""
    tolerance: float = Field(default=0.0, ge=0, le=1)
    """Largest difference between weights or peer coefficients that still counts as equal."""
    ignore: Literal["nothing", "weights"] = "nothing"
    """Parts that are not compared: with weights, only wiring and shapes are."""
    output: Annotated[Path | None, Flag(short="-o", metavar="FILE")] = None
    """The picture, ending in .svg, .png or .pdf; by default diff.svg and diff.png in the directory
    of B, or beside its file; if B is the name of a structure, likewise with A."""
    picture: bool = True
    """Draw both in one picture, if there is a difference."""
