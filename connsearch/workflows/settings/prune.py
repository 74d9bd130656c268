"""What a pruning can be asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from connsearch.analysis.score_options import ScoreOptions
from connsearch.flags import Flag
from connsearch.pruning.options import PruneOptions
from connsearch.workflows.settings.base import WorkflowSettings


class PruneSettings(WorkflowSettings):
    """What :func:`~connsearch.workflows.prune.prune` can be asked for."""

    run: Annotated[str, Flag(positional=True)]
    """The directory of a search or a training; a structure's name or file is pruned by its stored
    weights, without a network."""
    output: Annotated[Path | None, Flag(short="-o", metavar="DIR")] = None
    """Where the pruned network goes; by default pruned in the run, and after it what is not
    default."""
    recalibrate: int = Field(default=0, ge=0, le=10**6)
    """Training clips to set the batch-norm statistics of the pruned network from; 0 keeps those of
    the original."""
    pruning: PruneOptions = PruneOptions()
    scoring: ScoreOptions = ScoreOptions()
