"""What a prediction can be asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from connsearch.flags import Flag
from connsearch.workflows.settings.base import WorkflowSettings

PICTURES = (".svg", ".png", ".pdf")


class PredictSettings(WorkflowSettings):
    """What :func:`~connsearch.workflows.predict.predict` can be asked for."""

    run: Annotated[str, Flag(positional=True)]
    """The directory of a search, a training or a pruned network."""
    videos: Annotated[tuple[str, ...], Flag(positional=True)]
    """Videos, stores of frames, folders of frames, or folders with any of these below them."""
    top: int = Field(default=5, ge=1)
    """Number of classes that are shown and written of each answer, the likeliest first."""
    csv: Annotated[Path | None, Flag(metavar="FILE")] = None
    """Write all answers to this CSV file, with the columns path, start, end, rank, label and
    probability; times are in seconds."""
    timeline: Annotated[bool, Flag(switch=True)] = False
    """Answer for every part of a video that is as long as one clip, in place of one answer for
    the whole."""
    hop: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Seconds from one part of a timeline to the next; by default the length of a clip. Implies
    --timeline."""
    picture: Annotated[Path | None, Flag(metavar="FILE")] = None
    """Draw the timeline to this file (.svg, .png or .pdf). Implies --timeline."""
    annotate: Annotated[Path | None, Flag(metavar="FILE")] = None
    """Write the video with the answers on its frames to this .mp4 file, or, of several videos,
    into this folder. Implies --timeline."""
    budget: str | None = None
    """By whose thresholds clips stop early: one of those that connsearch early-exit has solved for
    the run, such as macs<=50%; by default its first."""
    all_steps: Annotated[bool, Flag(switch=True)] = False
    """Compute all steps, although the run has thresholds by which clips stop early."""
    clips_per_video: int | None = Field(default=None, ge=1, le=64)
    """Clips per video, spread evenly over its length; by default as in the run. A timeline has
    one clip for each of its parts."""
    crops_per_clip: int | None = Field(default=None, ge=1, le=16)
    """Crops per clip, spread evenly along its longer side; by default as in the run."""
    pool_views: Literal["mean", "max"] | None = None
    """How the probabilities of all clips and crops of a video are combined; by default as in the
    run."""
    media_fps: float | None = Field(default=None, ge=1e-3, le=1e6, allow_inf_nan=False)
    """Frame rate of media that do not record one, such as folders of frames; by default as in the
    run."""
    batch_size: int | None = Field(default=None, ge=1, le=65536)
    """Clips in a batch; by default as in the run."""
    workers: int | None = Field(default=None, ge=0, le=256)
    """Extra processes that decode clips; by default as in the run."""
    timeout: float | None = Field(default=None, gt=0, le=86400)
    """Seconds to wait for one batch of clips of a video; by default as in the run."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute; auto takes a GPU if there is one."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """Number format of convolutions; auto: bf16 on hardware that has it, else fp32."""
    threads: int | None = Field(default=None, ge=1, le=4096)
    """Processor threads; by default what torch finds."""

    @property
    def in_parts(self) -> bool:
        """Whether a timeline is asked for, by whatever option."""
        return self.timeline or any(x is not None for x in (self.hop, self.picture, self.annotate))

    @field_validator("videos")
    @classmethod
    def _some(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("no video named; allowed: files, folders of frames, folders of these")
        return value

    @field_validator("picture")
    @classmethod
    def _picture(cls, value: Path | None) -> Path | None:
        if value is not None and value.suffix.lower() not in PICTURES:
            raise ValueError(f"allowed are files that end with {', '.join(PICTURES)}")
        return value

    @field_validator("annotate")
    @classmethod
    def _film(cls, value: Path | None) -> Path | None:
        if value is not None and value.suffix.lower() not in ("", ".mp4"):
            raise ValueError("allowed are a file that ends with .mp4, and a folder")
        return value

    @model_validator(mode="after")
    def _stop_or_not(self) -> PredictSettings:
        if self.budget is not None and self.all_steps:
            raise ValueError(
                f"--budget {self.budget} stops clips early, --all-steps stops none\n"
                "  cure: leave one of the two out"
            )
        return self

    @model_validator(mode="after")
    def _one_clip_a_part(self) -> PredictSettings:
        if self.in_parts and (self.clips_per_video or 1) > 1:
            raise ValueError(
                "clips_per_video has no effect on a timeline, which has one clip for each of its "
                "parts\n  cure: omit it, or the timeline"
            )
        return self
