"""What a curve of accuracy over cost can be asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from connsearch.flags import Flag
from connsearch.pruning.options import Mode
from connsearch.workflows.settings.base import WorkflowSettings


class CurveSettings(WorkflowSettings):
    """What :func:`~connsearch.workflows.curve.curve` can be asked for."""

    run: Annotated[str, Flag(positional=True)]
    """The directory of a search."""
    output: Annotated[Path | None, Flag(short="-o", metavar="DIR")] = None
    """Where table, pictures and results go; by default curve in the run."""
    points: int = Field(default=12, ge=2, le=1000)
    """Networks on the curve, the whole one among them, evenly spread in MACs."""
    rounds: int = Field(default=4, ge=1, le=1000)
    """Rounds of timing; each has five passes of every network."""
    mode: Mode = "pinned"
    """As in connsearch prune: pinned keeps every shape, published derives shapes anew."""
    peers: int = Field(default=1, ge=1)
    """Peers left to each connection (attention mode peer)."""
