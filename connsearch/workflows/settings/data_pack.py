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
    """Folder to write the stores and their list, clips.csv, to."""
    data: Annotated[str, Flag(metavar="SOURCE")]
    """The data set, as for --data of a training: a folder, a CSV file, or NAME:PLACE."""
    short_side: int = Field(default=360, ge=4, le=8192)
    """Shorter side of the stored frames in pixels; smaller videos are not enlarged."""
    quality: int = Field(default=90, ge=1, le=100)
    """JPEG quality."""
    workers: int | None = Field(default=None, ge=1, le=256)
    """Number of processes; by default one per core."""
    bad_share: float = Field(default=0.05, ge=0.0, le=1.0)
    """Largest share of unreadable videos, which are left out and listed; above it no list is
    written."""
    patience: float = Field(default=600.0, gt=0, le=1e6)
    """Seconds to wait for one video, plus one second per 100 kB of it; then it counts as
    unreadable."""
    protocol: str | None = None
    """Use this protocol of a published list."""
    videos: Path | None = None
    """Folder of the videos of a list. The paths in the list are relative to it; of a published
    list, give it if the videos are not where its format says."""
    media_fps: float | None = Field(default=None, ge=1e-3, le=1e6, allow_inf_nan=False)
    """Frame rate of media that do not record one, such as folders of frames; it is kept in the
    stores."""
