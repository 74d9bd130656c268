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
    """The directory of a search or a training, or the name or file of a structure, which is pruned
    by its stored weights, without a network."""
    output: Annotated[Path | None, Flag(short="-o", metavar="DIR")] = None
    """Directory of the pruned network; by default RUN/pruned, followed by the settings that are not
    the default ones."""
    recalibrate: int = Field(default=0, ge=0, le=10**6)
    """Compute the batch-norm statistics of the pruned network from this many training clips; 0
    keeps those of the original."""
    pruning: PruneOptions = PruneOptions()
    scoring: ScoreOptions = ScoreOptions()
