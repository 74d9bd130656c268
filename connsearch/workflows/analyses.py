"""What the commands of an analysis share: where their results go, and refusals before any work."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connsearch.analysis.searched_run import SearchedRun
from connsearch.errors import SettingsError
from connsearch.files.places import strange
from connsearch.runs.names import LEDGER
from connsearch.runs.record import RunRecord
from connsearch.settings.nesting import flat
from connsearch.training.options import TrainOptions


def place_for(run: str, command: str, output: Path | None) -> Path:
    """Returns the directory of a command's results: ``output``, or one in the run.

    Raises:
        SettingsError: there is a directory that contains other files.
    """
    place = RunRecord(Path(run)).analysis(command) if output is None else output
    refuse_strange(place)
    return place


def refuse_strange(place: Path) -> None:
    """Refuses a directory that holds something other than results of its own.

    Raises:
        SettingsError: it has files and no ledger; what somebody leaves who is killed as it begins
            does not count.
    """
    if place.is_dir() and strange(place) and not (place / LEDGER).exists():
        raise SettingsError(
            f"{place}: contains other files\n  cure: name a new or an empty directory "
            "(--output, --run)"
        )


def require_val(searched: SearchedRun) -> None:
    """Refuses data that leaves nothing to judge on.

    Raises:
        SettingsError: the validation split is empty.
    """
    if not len(searched.data.val):
        raise SettingsError(
            f"{searched.directory}: its data has no validation split, so nothing can be judged\n"
            "  cure: search on data with clips for validation (--val-share, or a list)"
        )


def training_record(options: TrainOptions) -> Mapping[str, Any]:
    """Returns how networks are trained, as JSON values, without the seed they are trained with."""
    return flat(options, without=["seed"])
