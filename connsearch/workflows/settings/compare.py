"""What a comparison with random wirings can be asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from connsearch.analysis.score_options import LearnedScore
from connsearch.flags import Flag
from connsearch.pruning.options import PruneOptions
from connsearch.workflows.settings.base import WorkflowSettings


class CompareSettings(WorkflowSettings):
    """What :func:`~connsearch.workflows.compare.compare` can be asked for."""

    run: Annotated[str, Flag(positional=True)]
    """The directory of a search."""
    random: int = Field(default=5, ge=2, le=1000)
    """Number of random wirings, at least two."""
    seeds: int = Field(default=3, ge=2, le=1000)
    """Number of trainings of each wiring, with different first weights and order of clips."""
    seed: int = Field(default=0, ge=0, lt=2**62)
    """First seed; the other trainings use the seeds after it. It also decides the random
    wirings."""
    epochs: int | None = Field(default=None, ge=1)
    """Epochs of each training; by default as in the search."""
    steps: int | None = Field(default=None, ge=1)
    """Stop each training after this many steps; by default as in the search, or after all epochs if
    --epochs is given."""
    macs_tolerance: float = Field(default=0.1, gt=0, le=10)
    """Largest difference in MACs between a random wiring and the found one, as a share."""
    pruned: Annotated[Path | None, Flag(metavar="DIR")] = None
    """A pruned network of this search, from connsearch prune; by default the search is pruned by
    --criterion or --budget."""
    scores: LearnedScore = "weight"
    """What the criterion compares: the learned weight; or gate: the weight times the share of val
    for which the temporal gate of the connection is open."""
    open_test: Annotated[bool, Flag(switch=True)] = False
    """Evaluate on the test split instead of val. Do this once, at the end."""
    output: Annotated[Path | None, Flag(short="-o", metavar="DIR")] = None
    """Directory of the results; by default RUN/compare."""
    pruning: PruneOptions = PruneOptions()
