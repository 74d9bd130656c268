"""What extracting the frames of a data set can be asked for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from connsearch.flags import Flag
from connsearch.workflows.settings.base import WorkflowSettings

_PATTERN = re.compile(r"(?:[^./\\%][^/\\%]*(?<!\d))?%0?\d?d\.(?:jpg|jpeg|JPG|JPEG)")


class DataExtractSettings(WorkflowSettings):
    """What :func:`~connsearch.workflows.data_extract.data_extract` can be asked for."""

    data: Annotated[str, Flag(positional=True, metavar="SOURCE")]
    """The data set, as for --data of a training: a folder, a CSV file, or NAME:PLACE."""
    target: Annotated[Path, Flag(positional=True, metavar="DIR")]
    """Folder to write the folders of frames and their lists to."""
    height: int | None = Field(default=None, ge=4, le=8192)
    """Height of the images in pixels; by default what was published for the list (360;
    Something-Something v2: 256). Smaller videos are not enlarged."""
    short_side: int | None = Field(default=None, ge=4, le=8192)
    """Shorter side of the images in pixels, in place of their height."""
    fps: float | None = Field(default=None, gt=0, le=1000, allow_inf_nan=False)
    """Images per second; by default every frame."""
    pattern: str | None = None
    """Name of an image by its number, from 1; by default that of the list, else img_%05d.jpg."""
    quality: int = Field(default=90, ge=1, le=100)
    """JPEG quality."""
    workers: int | None = Field(default=None, ge=1, le=256)
    """Number of processes; by default one per core."""
    bad_share: float = Field(default=0.05, ge=0.0, le=1.0)
    """Largest share of unreadable videos, which are left out and listed in quarantine.csv; above it
    no list is written."""
    patience: float = Field(default=600.0, gt=0, le=1e6)
    """Seconds to wait for one video, plus one second per 100 kB of it; then it counts as
    unreadable."""
    protocol: str | None = None
    """Use this protocol of a published list."""
    videos: Path | None = None
    """Folder of the videos of a list. The paths in the list are relative to it; of a published
    list, give it if the videos are not where its format says."""
    media_fps: float | None = Field(default=None, ge=1e-3, le=1e6, allow_inf_nan=False)
    """Frame rate of media that do not record one, such as folders of frames."""

    @field_validator("pattern")
    @classmethod
    def _a_number_of_a_jpeg(cls, value: str | None) -> str | None:
        if value is not None and not _PATTERN.fullmatch(value):
            raise ValueError(
                f"read {value!r}; allowed: the name of a JPEG with its number at the end, such as "
                "img_%05d.jpg, image_%05d.jpg or %06d.jpg"
            )
        return value

    @model_validator(mode="after")
    def _one_side(self) -> DataExtractSettings:
        if self.height is not None and self.short_side is not None:
            raise ValueError(
                f"height {self.height} with short_side {self.short_side}: each says the size; give "
                "--height or --short-side, not both"
            )
        return self
