"""What packing a data set can be asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from connsearch.flags import Flag
from connsearch.workflows.settings.base import WorkflowSettings


class DataPackSettings(WorkflowSettings):
    """What :func:`~connsearch.workflows.data_pack.data_pack` can be asked for."""

    target: Annotated[Path, Flag(positional=True)]
    """The folder the stores and their list, clips.csv, are written to."""
    data: Annotated[str, Flag(metavar="SOURCE")]
    """The data set, as for --data of a training: a folder, a CSV file, or NAME:PLACE."""
    short_side: int = Field(default=360, ge=4, le=8192)
    """Shorter side of the stored frames in pixels; smaller videos are not enlarged."""
    quality: int = Field(default=90, ge=1, le=100)
    """Quality of the JPEGs."""
    workers: int | None = Field(default=None, ge=1, le=256)
    """Processes that pack; by default one for every core."""
    bad_share: float = Field(default=0.05, ge=0.0, le=1.0)
    """Unreadable videos are left out and listed. With more than this share of them no list is
    written."""
    patience: float = Field(default=600.0, gt=0, le=1e6)
    """Seconds after which a video that is not packed counts as unreadable; a second longer for
    every 100 kB of it."""
    protocol: str | None = None
    """Which of a published list's own protocols."""
    videos: Path | None = None
    """Where the videos of a list lie: what its paths are relative to, or for a published list, if
    not where its format says."""
    media_fps: float | None = Field(default=None, ge=1e-3, le=1e6, allow_inf_nan=False)
    """Frames a second of media that do not say it, such as folders of frames; kept in the
    stores."""
