"""A run directory as read by those who do not continue it: pruning, pictures, reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from connsearch.files.disk import is_there
from connsearch.errors import RunError
from connsearch.graph.files import read_structure
from connsearch.graph.spec import Structure
from connsearch.runs.checkpoint import load_checkpoint
from connsearch.runs.config import read_config
from connsearch.runs.files import (
    CHECKPOINTS,
    CONFIG,
    LEARNED,
    RESULT,
    STRUCTURE,
    WEIGHTS,
    load_weights,
    read_result,
    stored_structure,
)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What a run directory holds.

    Attributes:
        directory: where it lies.
        config: its ``config.json``.
        structure: what it trains.
        learned: the structure with learned weights: the result, or that of the newest checkpoint
            while the run is unfinished; None before the first.
        result: its ``result.json``; None while it is unfinished.
    """

    directory: Path
    config: Mapping[str, Any]
    structure: Structure
    learned: Structure | None
    result: Mapping[str, Any] | None

    def weights(self) -> dict[str, Tensor]:
        """Returns the result's ``state_dict``.

        Raises:
            RunError: the run is unfinished.
        """
        if self.result is None:
            raise RunError(
                f"{self.directory}: the run is not finished, so it has no result yet\n"
                "  cure: repeat the command that started it, it goes on where it was"
            )
        return load_weights(self.directory / WEIGHTS)


def read_run(directory: str | Path) -> RunRecord:
    """Returns what a run directory holds, finished or not, without touching it.

    Raises:
        RunError: it is no run directory, it never got as far as a structure, or it is of another
            version.
    """
    directory = Path(directory)
    if not is_there(directory / CONFIG):
        raise RunError(
            f"{directory}: not a run directory, it has no {CONFIG}\n"
            "  cure: give the directory that search or train wrote"
        )
    config = read_config(directory / CONFIG)
    if not is_there(directory / STRUCTURE):
        raise RunError(
            f"{directory}: the run stopped before it had a structure\n"
            "  cure: repeat the command that started it"
        )
    structure = read_structure(directory / STRUCTURE)
    if is_there(directory / RESULT):
        result = read_result(directory / RESULT)
        return RunRecord(directory, config, structure, read_structure(directory / LEARNED), result)
    loaded = load_checkpoint(directory / CHECKPOINTS)
    learned = None if loaded is None else stored_structure(loaded.path)
    return RunRecord(directory, config, structure, learned, None)
