"""What the statistics of a data set can be asked for."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from connsearch.data.options import DataOptions
from connsearch.flags import Flag
from connsearch.workflows.settings.base import WorkflowSettings

_IN_TRAINING = """
    seed bad_share check_files size short_side keep_aspect crop_scale flip brightness contrast
    strides speed clips_per_video crops_per_clip pool_views augment augment_any augment_each
    batch_size workers memory_mb clip_labels eval_size eval_short_side eval_crop crop_from
    multi_scale rounding focus_frames
""".split()
"""Settings that decide what is done with clips, but not which there are."""


class DataStatsSettings(WorkflowSettings):
    """What :func:`~connsearch.workflows.data_stats.data_stats` can be asked for."""

    HIDDEN: ClassVar[frozenset[str]] = frozenset(f"data.{name}" for name in _IN_TRAINING)

    seed: int = Field(default=0, ge=0, lt=2**63)
    """Seed of planted data and of splits that the data does not give."""
    network: Annotated[str | None, Flag(metavar="NAME")] = None
    """Suggest settings for this structure (its name, a file or a run) or other network
    (`connsearch models` lists them); by default for starter_rgb_flow, or starter if there are
    object maps."""
    data: DataOptions = DataOptions()
