"""What a curve of accuracy over cost can be asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from connsearch.analysis.score_options import LearnedScore
from connsearch.flags import Flag
from connsearch.pruning.options import Mode, PeerOnly
from connsearch.workflows.settings.base import WorkflowSettings


class CurveSettings(WorkflowSettings):
    """What :func:`~connsearch.workflows.curve.curve` can be asked for."""

    run: Annotated[str, Flag(positional=True)]
    """The directory of a search."""
    output: Annotated[Path | None, Flag(short="-o", metavar="DIR")] = None
    """Directory of table, pictures and results; by default RUN/curve."""
    points: int = Field(default=12, ge=2, le=1000)
    """Number of networks on the curve, including the whole one, evenly spaced in MACs."""
    rounds: int = Field(default=4, ge=1, le=1000)
    """Rounds of timing; in each round every network runs five times."""
    scores: LearnedScore = "weight"
    """By what connections go: the learned weight; or gate: the weight times the share of val for
    which the temporal gate of the connection is open."""
    mode: Mode = "pinned"
    """As in connsearch prune: pinned keeps all shapes, published derives them again."""
    peers: int = Field(default=1, ge=1)
    """Number of peers to keep for each connection (attention mode peer)."""
    peer_only: PeerOnly | None = None
    """As in connsearch prune: whether a node that is needed only because it gates goes or stays. By
    default it goes (reassign), unless an earlier version has begun the curve in this directory."""
