"""A run directory as read by those who do not continue it: pruning, pictures, reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from connsearch.files.disk import is_there
from connsearch.errors import RunError
from connsearch.graph.spec import Structure
from connsearch.models.document import ModelDocument
from connsearch.runs.checkpoint import load_checkpoint
from connsearch.runs.config import read_config
from connsearch.runs.files import (
    CHECKPOINTS,
    CONFIG,
    LEARNED,
    MODEL,
    RESULT,
    STRUCTURE,
    WEIGHTS,
    load_weights,
    read_model,
    read_result,
    stored_model,
)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What a run directory holds.

    Attributes:
        directory: where it lies.
        config: its ``config.json``.
        model: what it trains.
        outcome: the same with what was learned: the result, or that of the newest checkpoint while
            the run is unfinished; None before the first.
        result: its ``result.json``; None while it is unfinished.
    """

    directory: Path
    config: Mapping[str, Any]
    model: ModelDocument
    outcome: ModelDocument | None
    result: Mapping[str, Any] | None

    @property
    def structure(self) -> Structure:
        """The structure it trains.

        Raises:
            RunError: it trains another kind of model.
        """
        return self._structure(self.model)

    @property
    def learned(self) -> Structure | None:
        """The structure with learned weights; None while there are none.

        Raises:
            RunError: it trains another kind of model.
        """
        return None if self.outcome is None else self._structure(self.outcome)

    def _structure(self, model: ModelDocument) -> Structure:
        if model.structure is None:
            raise RunError(
                f"{self.directory}: trains {model.name}, a {model.kind}: it has no connections to "
                "show, search or prune\n  allowed here: runs of a structure"
            )
        return model.structure

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
    found = [directory / name for name in (STRUCTURE, MODEL) if is_there(directory / name)]
    if not found:
        raise RunError(
            f"{directory}: the run stopped before it had a model\n"
            "  cure: repeat the command that started it"
        )
    model = read_model(found[0])
    if is_there(directory / RESULT):
        result = read_result(directory / RESULT)
        return RunRecord(directory, config, model, read_model(directory / LEARNED), result)
    loaded = load_checkpoint(directory / CHECKPOINTS)
    outcome = None if loaded is None else stored_model(loaded.path)
    return RunRecord(directory, config, model, outcome, None)
