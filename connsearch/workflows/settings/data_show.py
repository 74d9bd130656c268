"""What a contact sheet can be asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from connsearch.data.options import DataOptions
from connsearch.data.records import Split
from connsearch.flags import Flag
from connsearch.workflows.settings.base import WorkflowSettings


class DataShowSettings(WorkflowSettings):
    """What :func:`~connsearch.workflows.data_show.data_show` can be asked for."""

    HIDDEN: ClassVar[frozenset[str]] = frozenset(
        {
            "data.seed",
            "data.bad_share",
            "data.batch_size",
            "data.workers",
            "data.clips_per_video",
            "data.crops_per_clip",
            "data.pool_views",
        }
    )

    output: Annotated[Path | None, Flag(short="-o", metavar="FILE")] = None
    """The picture, ending in .png; by default NAME.contact-sheet.png beside the data."""
    split: Split = "train"
    """Show clips of this split."""
    clips: int = Field(default=6, ge=1, le=200)
    """Number of clips, spread over the classes."""
    names: tuple[str, ...] = ()
    """Show the clips with these names instead, from any split."""
    columns: int = Field(default=8, ge=1, le=64)
    """Show at most this many frames of a clip, spread evenly over it."""
    epoch: int = Field(default=0, ge=0)
    """Show the clips as in this epoch of a training."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """Seed of the choice of clips, their augmentation, planted data and splits."""
    data: DataOptions = DataOptions()
