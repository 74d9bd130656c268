"""What making object maps can be asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from connsearch.flags import Flag
from connsearch.workflows.settings.base import WorkflowSettings

_Side = Annotated[int, Field(ge=1, le=8192)]


class DataObjectsSettings(WorkflowSettings):
    """What :func:`~connsearch.workflows.data_objects.data_objects` can be asked for."""

    source: Annotated[Path, Flag(positional=True)]
    """A folder of PNG, or an npy or npz file."""
    output: Annotated[Path, Flag(short="-o", metavar="FILE")]
    """The file to write, ending in .npz."""
    map: Annotated[str | None, Flag(metavar="VALUE:CLASS,...")] = None
    """Class of each stored value, such as 0:0,255:1; all values must be named. By default the
    values are the classes."""
    levels: tuple[float, ...] = ()
    """Boundaries that turn measured values, such as temperatures, into classes: --levels 26 28 30
    makes four classes."""
    rate: float | None = Field(default=None, gt=0, le=1e6, allow_inf_nan=False)
    """Row r of the source was recorded at video frame RATE * r; every frame takes the row nearest
    to it. By default a row is a frame."""
    start: int = Field(default=0, ge=0)
    """Frame of the video at which the clip starts."""
    frames: int | None = Field(default=None, ge=1)
    """Number of frames in the clip; by default as many as there are rows for."""
    size: tuple[_Side, _Side] | None = None
    """Height and width to scale to; by default as stored. Training scales maps itself."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.map is not None and self.levels:
            raise ValueError("--map renumbers classes, --levels makes them: give one of them")
        if self.output.suffix != ".npz":
            raise ValueError(f"--output {self.output} does not end in .npz")
        return self
