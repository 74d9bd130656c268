"""The settings of a data set; free of torch so that the command line can read them at once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Short = Literal["repeat", "loop", "refuse"]
"""What becomes of a video with fewer frames than a clip needs: its last frame is repeated, it is
played again from the start, or it is refused."""

SplitBy = Literal["group", "clip"]
Share = Annotated[float, Field(ge=0.0, lt=1.0)]


def default_cache() -> Path:
    """Returns ``$XDG_CACHE_HOME/connsearch``, or ``~/.cache/connsearch`` where that is not set."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "connsearch"


class DataOptions(BaseModel):
    """Where the clips come from, how they are cut, and how they are split."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    source: str = "synthetic:mix"
    """``synthetic:appearance``, ``synthetic:motion``, ``synthetic:object`` or ``synthetic:mix``; a
    folder with one sub-folder per class (or with a clips.csv); or a CSV file with the columns path
    and label, and optionally group, split and object. ``folder:PATH`` and ``csv:PATH`` say
    which."""
    frames: int = Field(default=8, ge=1, le=4096)
    """Frames of a clip."""
    stride: int = Field(default=1, ge=1, le=1024)
    """Every how manyth frame of the video is taken."""
    size: int = Field(default=32, ge=4, le=4096)
    """Height and width of a clip in pixels, after the crop."""
    short_side: int | None = Field(default=None, ge=4, le=8192)
    """Shorter side of the decoded frames in pixels, before the crop; by default 9/8 of the size."""
    keep_aspect: bool = True
    """Keep the aspect ratio of a video; otherwise the whole picture is made square."""
    short: Short = "repeat"
    """A video with fewer frames than a clip needs: repeat its last frame, loop it, or refuse it."""
    crop_scale: tuple[float, float] = (1.0, 1.0)
    """In training the side of the crop is the size times a number drawn from this range."""
    flip: bool = False
    """Mirror half of the training clips left to right; not where direction is the class."""
    brightness: float = Field(default=0.1, ge=0.0, le=1.0)
    """Training clips are made lighter or darker by up to this share of the full range."""
    contrast: float = Field(default=0.1, ge=0.0, lt=1.0)
    """Training clips have their contrast multiplied by a number within 1 plus or minus this."""
    batch_size: int = Field(default=16, ge=1, le=65536)
    """Clips of a batch."""
    workers: int = Field(default=0, ge=0, le=256)
    """Processes that decode beside the training; 0: the training process itself."""
    memory_mb: int = Field(default=1024, ge=0)
    """Decoded frames are kept in memory when all of them fit into this many MB (0 workers only)."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """Decides the planted data and every split that a file does not give."""
    split_by: SplitBy = "group"
    """Split and check by the group column (no group in two splits), or clip by clip."""
    select_share: Share = 0.15
    """Share of the clips for selection where the file gives no such split."""
    test_share: Share = 0.2
    """Share of the clips for the test where the file gives no such split."""
    object_classes: int | None = Field(default=None, ge=2, le=256)
    """Classes of the object maps; by default one more than the greatest value in them."""
    check_files: bool = True
    """Open every video once before any work and refuse the unreadable ones together, by name."""
    train_clips: int = Field(default=96, ge=1, le=100_000)
    """Planted data: training clips of a class."""
    select_clips: int = Field(default=24, ge=1, le=100_000)
    """Planted data: clips of a class for selection."""
    test_clips: int = Field(default=32, ge=1, le=100_000)
    """Planted data: clips of a class for the test."""
    cache: Path | None = None
    """Where planted data is written once; by default $XDG_CACHE_HOME/connsearch or
    ~/.cache/connsearch."""

    @property
    def decoded_side(self) -> int:
        """The shorter side of decoded frames in pixels."""
        return self.short_side if self.short_side is not None else -(-self.size * 9 // 8)

    @property
    def cache_directory(self) -> Path:
        """The cache directory in force."""
        return self.cache if self.cache is not None else default_cache()

    @field_validator("source")
    @classmethod
    def _named(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("the source is empty; allowed: synthetic:TASK, a folder, a CSV file")
        return value

    @field_validator("crop_scale")
    @classmethod
    def _ordered(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not 0.1 <= value[0] <= value[1] <= 10.0:
            raise ValueError(
                f"read {value}; allowed: two numbers in [0.1, 10], the smaller one first"
            )
        return value

    @model_validator(mode="after")
    def _consistent(self) -> DataOptions:
        if self.decoded_side < self.size:
            raise ValueError(
                f"short_side {self.decoded_side} is smaller than size {self.size}: a crop cannot "
                "be larger than the frame; leave short_side out, or raise it"
            )
        if self.select_share + self.test_share >= 1.0:
            raise ValueError(
                f"select_share {self.select_share} and test_share {self.test_share} leave nothing "
                "to train on; together they must stay below 1"
            )
        return self
