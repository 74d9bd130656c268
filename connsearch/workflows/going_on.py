"""Where the run of a training is: in its own place, or beside it if it goes on from an epoch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connsearch.runs.epochs import begin_from, place_from
from connsearch.workflows.listening import Listener
from connsearch.workflows.settings.folds import FoldedSettings


def run_place(
    asked: FoldedSettings, usual: Path, config: Mapping[str, Any], listener: Listener
) -> Path:
    """Returns the directory of the run that was asked for.

    With ``from_epoch`` it is one beside that, and is begun there with the state of that epoch.

    Args:
        asked: all settings.
        usual: the directory by default.
        config: of the run, as for ``Run.open``.
        listener: hears that a run goes on from another one.

    Raises:
        UserError: there is no such state, or the directory is something else.
    """
    directory = asked.directory(usual)
    if asked.from_epoch is None:
        return directory
    place = place_from(directory, asked.from_epoch)
    if begin_from(directory, asked.from_epoch, place, config):
        listener.say(f"goes on from epoch {asked.from_epoch} of {directory}, which stays as it is")
    return place
