"""What an evaluation can be asked for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from connsearch.flags import Flag
from connsearch.workflows.settings.base import WorkflowSettings


class EvaluateSettings(WorkflowSettings):
    """What :func:`~connsearch.workflows.evaluate.evaluate` can be asked for."""

    run: Annotated[str, Flag(positional=True)]
    """The directory of a training, a search or a pruned network."""
    split: Literal["test", "val"] = "test"
    """The split to evaluate on."""
    source: Annotated[str | None, Flag(name="data")] = None
    """Where the data is now, if it was moved; it must be the same data."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute; auto takes a GPU if there is one."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """Number format of convolutions; auto: bf16 on hardware that has it, else fp32."""
    clips_per_video: int | None = Field(default=None, ge=1, le=64)
    """Clips per video, spread evenly over its length; by default as in the run."""
    crops_per_clip: int | None = Field(default=None, ge=1, le=16)
    """Crops per clip, spread evenly along its longer side; by default as in the run."""
    pool_views: Literal["mean", "max"] | None = None
    """How the probabilities of all clips and crops of a video are combined; by default as in the
    run."""
    again: Annotated[bool, Flag(switch=True)] = False
    """Evaluate again, although the split was opened before."""
