"""The settings of a data set, by concern. Free of torch: the command line reads them at once.

Whoever reads something is handed the part it is about: a splitter :class:`SplitOptions`, whoever
cuts clips :class:`ClipOptions`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, field_validator, model_validator

from connsearch.settings.nesting import BASIC, Options

Short = Literal["repeat", "loop", "shrink", "first", "refuse"]
"""What becomes of a video with fewer frames than a clip needs: its last frame is repeated, it is
played again from the start, the stride is made smaller until it fits (then the last frame is
repeated), its first frame is all that is shown, or it is refused."""

Sampler = Literal["random", "normal", "segments", "tsn", "sequential", "centre"]
"""Where a training clip lies in time."""

Rounding = Literal["nearest", "torchvision"]
"""How sizes and places that are no whole pixels are rounded: to the nearest, and the centre down;
or as torchvision's Resize and CenterCrop do: sizes down, and the centre to the nearest, halves to
even numbers."""

SplitBy = Literal["group", "clip"]
ClipLabels = Literal["video", "clip"]
Share = Annotated[float, Field(ge=0.0, lt=1.0)]


def default_cache() -> Path:
    """Returns ``$XDG_CACHE_HOME/connsearch``, or ``~/.cache/connsearch`` where that is not set."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "connsearch"


class Sides(NamedTuple):
    """Sides of squares in pixels, on the way from a video to a clip.

    Attributes:
        decoded: the shorter side of the decoded frames.
        crop: what is cut out of them.
        size: height and width of the clip, which the crop is resized to.
    """

    decoded: int
    crop: int
    size: int


def _around(size: int) -> int:
    """The usual shorter side of frames that crops of that size are cut out of."""
    return -(-size * 9 // 8)


class SourceOptions(Options, title="source"):
    """Where the clips come from, and what their labels mean."""

    source: str = Field(default="synthetic:mix", json_schema_extra={"option": "data", **BASIC})
    """The data set: a folder with one sub-folder per class (or with a clips.csv); a CSV file with
    the columns path and label; NAME:PATH for a published list, such as ucf101:lists; or planted
    data: synthetic:appearance, motion, object, mix, order, unrelated, still or mark
    (synthetic:TASK).
    docs/datasets.md has all formats."""
    protocol: str | None = None
    """Use this protocol of a published list: for ucf101 and hmdb51 the split 1, 2 or 3, for
    kinetics 200, 400, 600 or 700, for smarthome cs, cv1 or cv2 ..."""
    videos: Path | None = None
    """Folder of the videos of a list. The paths in the list are relative to it; of a published
    list, give it if the videos are not where its format says."""
    media_fps: float | None = Field(default=None, ge=1e-3, le=1e6, allow_inf_nan=False)
    """Frame rate of media that do not record one: folders of frames, stores without a rate, videos
    without a clock. It is the rate of the video: a folder with every fifth frame of a video has a
    fifth of it. A rate in the medium comes first, then a column fps of the list, then this."""
    object_classes: int | None = Field(default=None, ge=2, le=256)
    """Number of classes in the object maps; by default one more than the largest value in them."""
    clip_labels: ClipLabels = "video"
    """Classes of a training clip in multi-label data with time spans: all classes of its video, or
    only those that are seen in the clip."""
    fingerprint: Literal["sample", "full"] = "sample"
    """What the fingerprint of the data covers: of every file its size and 64 KiB from its start,
    middle and end, or every byte."""

    @field_validator("source")
    @classmethod
    def _named(cls, value: str) -> str:
        if not value.strip():
            raise ValueError(
                "no data named; allowed: a folder, a CSV file, NAME:PATH, synthetic:TASK"
            )
        return value


class SplitOptions(Options, title="split"):
    """How clips are put on the lists train, val and test, where the data does not say."""

    split_by: SplitBy = "group"
    """Split and check by the group column (no group is in two splits), or clip by clip. Clips of
    one video file always stay together."""
    val_share: Share = Field(default=0.15, json_schema_extra=BASIC)
    """Share of the clips for validation, if the data has no such list."""
    test_share: Share = Field(default=0.2, json_schema_extra=BASIC)
    """Share of the clips for the test, if the data has no such list."""
    fold: str | None = None
    """Make this fold of a cross-validation the test split, such as 2/5: the second of five parts of
    the groups. train --folds 5 and search --folds 5 do it for all five."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """Decides the planted data and every split that the data does not give."""

    @property
    def fold_of(self) -> tuple[int, int] | None:
        """The number of the fold, from 1, and of how many; None: there are no folds."""
        if self.fold is None:
            return None
        number, _, count = self.fold.partition("/")
        return int(number), int(count)

    @field_validator("fold")
    @classmethod
    def _one_of_several(cls, value: str | None) -> str | None:
        if value is None:
            return None
        number, _, count = value.strip().partition("/")
        small = all(
            text.isascii() and text.isdecimal() and len(text) < 5 for text in (number, count)
        )
        if not small or not 1 <= int(number) <= int(count) or int(count) < 2:
            raise ValueError(f"read {value!r}; allowed: a fold and how many there are, such as 2/5")
        return f"{int(number)}/{int(count)}"

    @model_validator(mode="after")
    def _something_to_train_on(self) -> SplitOptions:
        if self.val_share + self.test_share >= 1.0:
            raise ValueError(
                f"--val-share {self.val_share} and --test-share {self.test_share} leave nothing "
                "to train on; together they must stay below 1"
            )
        return self


class ClipOptions(Options, title="clip"):
    """How clips are cut from a video: which frames, and which size."""

    frames: int = Field(default=8, ge=1, le=4096, json_schema_extra=BASIC)
    """Frames in a clip."""
    focus_frames: int | None = Field(default=None, ge=1, le=4096)
    """Frames of its own for the local network of a focus model (stream focus): so many, one from
    each of N equal segments of what the clip covers, seen like the clip; by default it has none."""
    stride: int = Field(default=1, ge=1, le=1024, json_schema_extra=BASIC)
    """Take every N-th frame of the video."""
    strides: tuple[Annotated[int, Field(ge=1, le=1024)], ...] = ()
    """Draw the stride of each training clip from these values; by default --stride is used."""
    speed: tuple[float, float] = (1.0, 1.0)
    """Multiply the stride of each training clip by a random number in this range."""
    fps: float | None = Field(
        default=None, gt=0, le=1000, allow_inf_nan=False, json_schema_extra=BASIC
    )
    """Count frames at this rate per second, whatever the rate of the video; by default at its own
    rate (the average, by its timestamps, if the rate varies)."""
    sampler: Sampler = "random"
    """Position of a training clip in its video: anywhere (random), around the middle (normal), one
    frame from each of N equal segments (segments; tsn: by the rule of TSN, whose segments have
    whole numbers of frames), one window after another from epoch to epoch (sequential), or the
    centre. Evaluations use the centre (of each segment)."""
    size: int = Field(default=32, ge=4, le=4096, json_schema_extra=BASIC)
    """Height and width of a clip in pixels, after the crop."""
    short_side: int | None = Field(default=None, ge=4, le=8192)
    """Shorter side of the decoded frames in pixels, before the crop; by default 9/8 of the size."""
    eval_size: int | None = Field(default=None, ge=4, le=4096)
    """Height and width of a clip in evaluations; by default --size."""
    eval_short_side: int | None = Field(default=None, ge=4, le=8192)
    """Shorter side of the decoded frames in evaluations; by default --short-side, or 9/8 of
    --eval-size."""
    eval_crop: int | None = Field(default=None, ge=4, le=8192)
    """Side of what evaluations cut out of the decoded frames, in pixels; it is then resized to
    their size. By default their size: nothing is resized."""
    keep_aspect: bool = True
    """Keep the aspect ratio of the video; otherwise the whole picture is made square."""
    rounding: Rounding = "nearest"
    """How the longer side of decoded frames, and the place of a crop in the middle, become whole
    pixels: to the nearest (the place down), or as torchvision does (the side down, the place to the
    nearest even one)."""
    short: Short = "repeat"
    """What to do if a video is too short for a clip: repeat its last frame, loop it, shrink the
    stride, show its first frame alone, or refuse it."""
    clips_per_video: int = Field(default=1, ge=1, le=64)
    """Clips per video in evaluations, spread evenly over its length."""
    crops_per_clip: int = Field(default=1, ge=1, le=16)
    """Crops per clip in evaluations, spread evenly along its longer side."""
    pool_views: Literal["mean", "max"] = "mean"
    """How the probabilities of all clips and crops of a video are combined."""

    @property
    def sides(self) -> Sides:
        """The sides of training clips; a scaled crop (``crop_scale``) is cut around ``crop``."""
        decoded = _around(self.size) if self.short_side is None else self.short_side
        return Sides(decoded, self.size, self.size)

    @property
    def eval_sides(self) -> Sides:
        """The sides of clips in evaluations, by default those of training."""
        size = self.size if self.eval_size is None else self.eval_size
        crop = size if self.eval_crop is None else self.eval_crop
        usual = _around(size) if self.short_side is None else self.short_side
        decoded = usual if self.eval_short_side is None else self.eval_short_side
        return Sides(decoded, crop, size)

    @field_validator("speed")
    @classmethod
    def _ordered(cls, value: tuple[float, float]) -> tuple[float, float]:
        return _range(value)

    @model_validator(mode="after")
    def _crop_fits(self) -> ClipOptions:
        training, evaluation = self.sides, self.eval_sides
        law = "a crop cannot be larger than the frame"
        if training.decoded < training.crop:
            raise ValueError(
                f"--short-side {training.decoded} is smaller than --size {self.size}: {law}; leave "
                "--short-side out, or raise it"
            )
        if evaluation.decoded < evaluation.crop:
            option = "eval-size" if self.eval_crop is None else "eval-crop"
            raise ValueError(
                f"--{option} {evaluation.crop}, and decoded frames of {evaluation.decoded} pixels "
                f"in evaluations: {law}; give a larger --eval-short-side, or a smaller --{option}"
            )
        return self


class AugmentOptions(Options, title="augmentation"):
    """How training clips are changed at random; evaluations see them as they are."""

    crop_scale: tuple[float, float] = (1.0, 1.0)
    """Range of the side of a random crop, as a factor of the size."""
    crop_from: Literal["frame", "square"] = "frame"
    """Where random crops lie: anywhere in the decoded frame, or inside the largest square in its
    middle."""
    multi_scale: tuple[Annotated[float, Field(gt=0, le=1)], ...] = ()
    """Draw height and width of a training crop from these shares of the shorter side of the decoded
    frame, at most one step of the list apart, and its place from 13: corners, edges, centre,
    quarters. Published: --multi-scale 1 0.875 0.75 0.66. In place of --crop-scale."""
    flip: bool = False
    """Mirror half of the training clips left to right; not useful where direction is the class."""
    brightness: float = Field(default=0.1, ge=0.0, le=1.0)
    """Largest change of brightness, as a share of the full range."""
    contrast: float = Field(default=0.1, ge=0.0, lt=1.0)
    """Largest change of contrast: the factor is drawn from 1 minus this to 1 plus this."""
    augment: tuple[str, ...] = Field(default=(), json_schema_extra=BASIC)
    """Further changes by name (`connsearch data show --help` lists them), the same for all frames
    of a clip; srtg_large and srtg_small are the published sets."""
    augment_any: float = Field(default=0.9, ge=0.0, le=1.0)
    """Share of the training clips that --augment may change."""
    augment_each: float = Field(default=0.4, ge=0.0, le=1.0)
    """Probability of each change for such a clip."""

    @field_validator("crop_scale")
    @classmethod
    def _ordered(cls, value: tuple[float, float]) -> tuple[float, float]:
        return _range(value)

    @model_validator(mode="after")
    def _one_kind_of_crop(self) -> AugmentOptions:
        if self.multi_scale and (self.crop_scale != (1.0, 1.0) or self.crop_from != "frame"):
            other = "crop_scale" if self.crop_scale != (1.0, 1.0) else "crop_from"
            raise ValueError(
                f"multi_scale with {other}: both say what is cut out; give --multi-scale or "
                f"--{other.replace('_', '-')}, not both"
            )
        return self


class LoadingOptions(Options, title="loading"):
    """How clips are read and batched, and what happens to files that cannot be read."""

    batch_size: int = Field(default=16, ge=1, le=65536, json_schema_extra=BASIC)
    """Clips in a batch."""
    workers: int = Field(default=0, ge=0, le=256, json_schema_extra=BASIC)
    """Extra processes that decode clips; 0 decodes in the training process."""
    memory_mb: int = Field(default=1024, ge=0)
    """Keep decoded frames in memory if all of them fit into this many MB (only with 0 workers)."""
    check_files: bool = True
    """Open every video once at the start, and report all unreadable files together."""
    timeout: float = Field(default=60.0, gt=0, le=86400)
    """Seconds to wait for one clip; a file that takes longer is quarantined."""
    bad_share: float = Field(default=0.05, ge=0.0, le=1.0)
    """Largest share of unreadable files before the work stops. Until then they are quarantined:
    replaced by another clip of the class in training, left out of evaluations, and listed."""
    cache: Path | None = None
    """Folder for planted data and for what was measured of many videos; by default
    $XDG_CACHE_HOME/connsearch or ~/.cache/connsearch."""

    @property
    def cache_directory(self) -> Path:
        """The cache directory in force."""
        return self.cache if self.cache is not None else default_cache()


class PlantedOptions(Options, title="planted data"):
    """How large the built-in data sets (synthetic:TASK) are."""

    train_clips: int = Field(default=96, ge=1, le=100_000)
    """Planted data: training clips per class."""
    val_clips: int = Field(default=24, ge=1, le=100_000)
    """Planted data: validation clips per class."""
    test_clips: int = Field(default=32, ge=1, le=100_000)
    """Planted data: test clips per class."""


class DataOptions(Options, title="data"):
    """Where the clips come from, how they are split, cut, changed and read."""

    source: SourceOptions = SourceOptions()
    clips: ClipOptions = ClipOptions()
    augment: AugmentOptions = AugmentOptions()
    split: SplitOptions = SplitOptions()
    loading: LoadingOptions = LoadingOptions()
    planted: PlantedOptions = PlantedOptions()


def _range(value: tuple[float, float]) -> tuple[float, float]:
    """The two numbers, refused where they are no range of factors."""
    if not 0.1 <= value[0] <= value[1] <= 10.0:
        raise ValueError(f"read {value}; allowed: two numbers in [0.1, 10], the smaller one first")
    return value
