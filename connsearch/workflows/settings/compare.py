"""What a comparison with random wirings can be asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from connsearch.flags import Flag
from connsearch.pruning.options import PruneOptions
from connsearch.workflows.settings.base import WorkflowSettings


class CompareSettings(WorkflowSettings):
    """What :func:`~connsearch.workflows.compare.compare` can be asked for."""

    run: Annotated[str, Flag(positional=True)]
    """The directory of a search."""
    random: int = Field(default=5, ge=2, le=1000)
    """Random wirings. How much they differ decides what can be said, so at least two."""
    seeds: int = Field(default=3, ge=2, le=1000)
    """Trainings of every wiring, each from other first weights and in another order."""
    seed: int = Field(default=0, ge=0, lt=2**62)
    """The first seed, the others follow; it also decides the random wirings."""
    epochs: int | None = Field(default=None, ge=1)
    """Passes over the training split, for every wiring; by default as in the search."""
    steps: int | None = Field(default=None, ge=1)
    """Stop each training after so many steps; by default as in the search, or all epochs where
    --epochs is given."""
    macs_tolerance: float = Field(default=0.1, gt=0, le=10)
    """Share by which the cost of a random wiring may differ from that of the found one."""
    pruned: Annotated[Path | None, Flag(metavar="DIR")] = None
    """What connsearch prune has left of this search; by default pruned anew as --criterion says."""
    open_test: Annotated[bool, Flag(switch=True)] = False
    """Judge on the test split, once, and not on val."""
    output: Annotated[Path | None, Flag(short="-o", metavar="DIR")] = None
    """Where the results go; by default compare in the run."""
    pruning: PruneOptions = PruneOptions()
