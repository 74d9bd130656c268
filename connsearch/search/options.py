"""Settings of the one-shot search. Free of torch."""

from __future__ import annotations

from pydantic import Field

from connsearch.train.options import TrainOptions


class SearchOptions(TrainOptions):
    """How connections are searched: everything of training, and what is asked of connections."""

    epochs: int = Field(default=16, ge=1)
    """Passes over the training split."""
    over_connect: bool = True
    """First connect every node with all nodes of lower levels; otherwise the search weighs the
    connections the structure already has."""
    warm_start: bool = False
    """Connections with a stored weight start from it; otherwise all start undecided, at 0.5."""
