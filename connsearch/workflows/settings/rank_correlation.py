"""What a rank correlation can be asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from connsearch.flags import Flag
from connsearch.workflows.settings.base import WorkflowSettings


class RankCorrelationSettings(WorkflowSettings):
    """What :func:`~connsearch.workflows.rank_correlation.rank_correlation` can be asked for."""

    run: Annotated[str, Flag(positional=True)]
    """The directory of a search."""
    subnets: int = Field(default=12, ge=3, le=10_000)
    """Number of random sub-networks."""
    epochs: int | None = Field(default=None, ge=1)
    """Epochs of each training alone; by default a quarter of those of the search."""
    steps: int | None = Field(default=None, ge=1)
    """Stop each training after this many steps; by default after all epochs."""
    seed: int = Field(default=0, ge=0, lt=2**62)
    """Seed of the sub-networks, their first weights and the order of the clips."""
    output: Annotated[Path | None, Flag(short="-o", metavar="DIR")] = None
    """Directory of the results; by default RUN/rank_correlation."""
