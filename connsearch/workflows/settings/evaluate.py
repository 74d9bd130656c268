"""What an evaluation can be asked for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from connsearch.flags import Flag
from connsearch.workflows.settings.base import WorkflowSettings


class EvaluateSettings(WorkflowSettings):
    """What :func:`~connsearch.workflows.evaluate.evaluate` can be asked for."""

    run: Annotated[str, Flag(positional=True)]
    """The directory of a training, a search or a pruning."""
    split: Literal["test", "val"] = "test"
    """The clips to judge on."""
    source: Annotated[str | None, Flag(name="data")] = None
    """Where the data is now, if it has moved since; it must be the same data."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute; auto takes a GPU where there is one."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Number format of the convolutions; auto takes bf16 where the processor is made for it."""
    clips_per_video: int | None = Field(default=None, ge=1, le=64)
    """Clips of a video, spread evenly over its length; by default as the run recorded."""
    crops_per_clip: int | None = Field(default=None, ge=1, le=16)
    """Crops of a clip, spread evenly along its longer side; by default as the run recorded."""
    pool_views: Literal["mean", "max"] | None = None
    """How the probabilities of a video's clips and crops become one answer; by default as the run
    recorded."""
    again: Annotated[bool, Flag(switch=True)] = False
    """Open the split once more although it was opened before."""
