"""What a look at a focus model can be asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from connsearch.flags import Flag
from connsearch.workflows.settings.base import WorkflowSettings


class FocusShowSettings(WorkflowSettings):
    """What :func:`~connsearch.workflows.focus_show.focus_show` can be asked for."""

    run: Annotated[str, Flag(positional=True)]
    """The directory of a training of a focus model, such as adafocus."""
    videos: Annotated[tuple[str, ...], Flag(positional=True)] = ()
    """Look at these videos, which need no labels, instead of a split: files, stores of frames,
    folders of frames, or folders with any of these below them."""
    output: Annotated[Path | None, Flag(short="-o", metavar="DIR")] = None
    """Directory of pictures, film, table and results; by default RUN/focus, and for videos that are
    named RUN/focus/videos."""
    split: Literal["train", "val", "test"] = "val"
    """Look at the clips of this split. The test split must have been opened by connsearch evaluate
    before."""
    clips: int = Field(default=6, ge=1, le=200)
    """Number of clips in the contact sheet and the film, spread over the classes."""
    names: tuple[str, ...] = ()
    """Show the clips of the split with these names instead."""
    sample: int | None = Field(default=None, ge=1)
    """Count the places of this many clips of the split only, spread over the classes; by default
    of all."""
    columns: int = Field(default=8, ge=1, le=64)
    """Frames beside each other in the contact sheet."""
    film: Literal["auto", "mp4", "gif", "none"] = "auto"
    """Format of the film; auto: mp4, or gif where H.264 cannot be written here."""
    film_fps: float = Field(default=2.0, gt=0, le=60, allow_inf_nan=False)
    """Windows a second in the film."""
    budget: str | None = None
    """Let clips stop by the thresholds that connsearch early-exit has solved for this budget; by
    default for its first one."""
    all_steps: Annotated[bool, Flag(switch=True)] = False
    """Let no clip stop early, although the run has thresholds."""
    source: Annotated[str | None, Flag(name="data")] = None
    """Where the data is now, if it was moved; it must be the same data."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """Seed of the choice of clips."""
    batch_size: int | None = Field(default=None, ge=1, le=65536)
    """Clips in a batch; by default as in the run."""
    workers: int | None = Field(default=None, ge=0, le=256)
    """Extra processes that decode clips; by default as in the run."""
    media_fps: float | None = Field(default=None, ge=1e-3, le=1e6, allow_inf_nan=False)
    """Frame rate of media that do not record one, such as folders of frames; by default as in the
    run."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute; auto takes a GPU if there is one."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """Number format of convolutions; auto: bf16 on hardware that has it, else fp32."""
    threads: int | None = Field(default=None, ge=1, le=4096)
    """Processor threads; by default what torch finds."""

    @model_validator(mode="after")
    def _one_of_both(self) -> FocusShowSettings:
        if self.budget is not None and self.all_steps:
            raise ValueError(
                f"--budget {self.budget} stops clips early, --all-steps stops none\n"
                "  cure: leave one of the two out"
            )
        return self

    @model_validator(mode="after")
    def _videos_or_a_split(self) -> FocusShowSettings:
        usual = type(self).model_fields["split"].default
        given = {
            "--names": bool(self.names),
            "--data": self.source is not None,
            "--sample": self.sample is not None,
            "--split": self.split != usual,
        }
        wrong = ", ".join(name for name, is_given in given.items() if is_given)
        if self.videos and wrong:
            raise ValueError(
                f"{wrong}: for the clips of a split, but videos are named\n"
                f"  cure: leave {wrong} out, or the videos"
            )
        return self
