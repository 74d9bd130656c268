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

    output: Annotated[Path, Flag(short="-o", metavar="FILE")] = Path("contact-sheet.png")
    """The picture, ending in .png."""
    split: Split = "train"
    """The list the clips are taken from."""
    clips: int = Field(default=6, ge=1, le=200)
    """How many, spread over the classes."""
    names: tuple[str, ...] = ()
    """Show these clips instead, by name, whatever list they are on."""
    columns: int = Field(default=8, ge=1, le=64)
    """The most frames of a clip that are shown, spread evenly over it."""
    epoch: int = Field(default=0, ge=0)
    """The epoch of training that is shown."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """Decides which clips, their augmentation, planted data and splits."""
    data: DataOptions = DataOptions()
