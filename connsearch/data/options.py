"""The settings of a data set; free of torch so that the command line can read them at once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Short = Literal["repeat", "loop", "shrink", "refuse"]
"""What becomes of a video with fewer frames than a clip needs: its last frame is repeated, it is
played again from the start, the stride is made smaller until it fits (then the last frame is
repeated), or it is refused."""

Sampler = Literal["random", "normal", "segments", "sequential", "centre"]
"""Where a training clip lies in time."""

SplitBy = Literal["group", "clip"]
Share = Annotated[float, Field(ge=0.0, lt=1.0)]


def default_cache() -> Path:
    """Returns ``$XDG_CACHE_HOME/connsearch``, or ``~/.cache/connsearch`` where that is not set."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "connsearch"


class DataOptions(BaseModel):
    """Where the clips come from, how they are cut, and how they are split."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    source: str = Field(default="synthetic:mix", json_schema_extra={"option": "data"})
    """The clips: a folder with one sub-folder per class (or with a clips.csv); a CSV file with the
    columns path and label; NAME:PATH for a published list, such as ucf101:lists; or planted data,
    synthetic:appearance, synthetic:motion, synthetic:object or synthetic:mix. docs/datasets.md
    has all formats."""
    frames: int = Field(default=8, ge=1, le=4096)
    """Frames of a clip."""
    stride: int = Field(default=1, ge=1, le=1024)
    """Every how manyth frame of the video is taken."""
    strides: tuple[Annotated[int, Field(ge=1, le=1024)], ...] = ()
    """In training the stride is drawn from these, clip by clip; none given: the stride itself."""
    speed: tuple[float, float] = (1.0, 1.0)
    """In training the stride is multiplied by a number drawn from this range."""
    fps: float | None = Field(default=None, gt=0, le=1000, allow_inf_nan=False)
    """Count frames on a clock of so many a second, whatever the rate of the video; by default its
    own rate (on average, by its timestamps, where the rate varies)."""
    media_fps: float | None = Field(default=None, ge=1e-3, le=1e6, allow_inf_nan=False)
    """Frames a second of media that do not say it: folders of frames, stores without a rate, videos
    without a clock. It is the rate of the video; a folder that holds every fifth of its frames has
    a fifth of it. A column fps of a list comes first; what a medium says itself comes before
    both."""
    sampler: Sampler = "random"
    """Where a training clip lies in time: anywhere, around the middle (normal), one frame out of
    each of as many segments as the clip has frames, one window after another from epoch to epoch
    (sequential), or always in the centre. Evaluation takes the centre (of every segment)."""
    clips_per_video: int = Field(default=1, ge=1, le=64)
    """In evaluation: clips of a video, spread evenly over its length."""
    crops_per_clip: int = Field(default=1, ge=1, le=16)
    """In evaluation: crops of a clip, spread evenly along its longer side."""
    pool_views: Literal["mean", "max"] = "mean"
    """How the probabilities of the clips and crops of one video become one answer."""
    size: int = Field(default=32, ge=4, le=4096)
    """Height and width of a clip in pixels, after the crop."""
    short_side: int | None = Field(default=None, ge=4, le=8192)
    """Shorter side of the decoded frames in pixels, before the crop; by default 9/8 of the size."""
    keep_aspect: bool = True
    """Keep the aspect ratio of a video; otherwise the whole picture is made square."""
    short: Short = "repeat"
    """A video with fewer frames than a clip needs: repeat its last frame, loop it, shrink the
    stride, or refuse it."""
    crop_scale: tuple[float, float] = (1.0, 1.0)
    """In training the side of the crop is the size times a number drawn from this range."""
    flip: bool = False
    """Mirror half of the training clips left to right; not where direction is the class."""
    brightness: float = Field(default=0.1, ge=0.0, le=1.0)
    """Training clips are made lighter or darker by up to this share of the full range."""
    contrast: float = Field(default=0.1, ge=0.0, lt=1.0)
    """Training clips have their contrast multiplied by a number within 1 plus or minus this."""
    augment: tuple[str, ...] = ()
    """Further changes to training clips, one draw for all frames of a clip, by name (see
    `connsearch data show --help`); srtg_large and srtg_small are the published sets."""
    augment_any: float = Field(default=0.9, ge=0.0, le=1.0)
    """Share of the training clips on which these changes are tried at all."""
    augment_each: float = Field(default=0.4, ge=0.0, le=1.0)
    """Chance of each single change on such a clip."""
    batch_size: int = Field(default=16, ge=1, le=65536)
    """Clips of a batch."""
    workers: int = Field(default=0, ge=0, le=256)
    """Processes that decode beside the training; 0: the training process itself."""
    memory_mb: int = Field(default=1024, ge=0)
    """Decoded frames are kept in memory when all of them fit into this many MB (0 workers only)."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """Decides the planted data and every split that a file does not give."""
    split_by: SplitBy = "group"
    """Split and check by the group column (no group in two splits), or clip by clip. Clips of one
    video file stay together in any case."""
    val_share: Share = 0.15
    """Share of the clips for selection where the file gives no such split."""
    test_share: Share = 0.2
    """Share of the clips for the test where the file gives no such split."""
    object_classes: int | None = Field(default=None, ge=2, le=256)
    """Classes of the object maps; by default one more than the greatest value in them."""
    fingerprint: Literal["sample", "full"] = "sample"
    """What of every file belongs to the fingerprint of the data: its size and 64 KiB from the
    beginning, the middle and the end, or all of it (every byte is read once)."""
    check_files: bool = True
    """Open every video once before any work and refuse the unreadable ones together, by name."""
    timeout: float = Field(default=60.0, gt=0, le=86400)
    """Seconds that reading one clip may take; the file is then quarantined."""
    bad_share: float = Field(default=0.05, ge=0.0, le=1.0)
    """Unreadable files are quarantined: replaced in training by another clip of the class, left
    out of evaluations, and listed. More than this share of them stops the work."""
    protocol: str | None = None
    """Which of a published list's own protocols: of ucf101 and hmdb51 the split 1, 2 or 3, of
    kinetics 200, 400, 600 or 700, of smarthome cs, cv1 or cv2 ..."""
    videos: Path | None = None
    """Where the videos of a list lie: what its paths are relative to, or for a published list, if
    not where its format says."""
    clip_labels: Literal["video", "clip"] = "video"
    """Multi-label data with time spans: a training clip has all classes of its video, or only
    those that are seen in the clip."""
    train_clips: int = Field(default=96, ge=1, le=100_000)
    """Planted data: training clips of a class."""
    val_clips: int = Field(default=24, ge=1, le=100_000)
    """Planted data: clips of a class for selection."""
    test_clips: int = Field(default=32, ge=1, le=100_000)
    """Planted data: clips of a class for the test."""
    cache: Path | None = None
    """Where planted data is written once, and what many videos said is remembered; by default
    $XDG_CACHE_HOME/connsearch or ~/.cache/connsearch."""

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
            raise ValueError(
                "no data named; allowed: a folder, a CSV file, NAME:PATH, synthetic:TASK"
            )
        return value

    @field_validator("crop_scale", "speed")
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
        if self.val_share + self.test_share >= 1.0:
            raise ValueError(
                f"val_share {self.val_share} and test_share {self.test_share} leave nothing "
                "to train on; together they must stay below 1"
            )
        return self
