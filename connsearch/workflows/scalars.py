"""The events of a run, also written for TensorBoard if that is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from connsearch.runs.events import Event
from connsearch.runs.names import TENSORBOARD


def for_tensorboard(events: Iterable[Event], directory: Path, *, wanted: bool) -> Iterable[Event]:
    """Returns the events as they come; ``wanted``: they are written to ``tensorboard/`` too."""
    if not wanted:
        return events
    from connsearch.view.runs.scalars import with_scalars  # needs the extra tensorboard

    return with_scalars(events, directory / TENSORBOARD)
