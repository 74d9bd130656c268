"""What a training that may be cross-validated can be asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from connsearch.flags import Flag
from connsearch.settings.earlier import without
from connsearch.workflows.settings.evaluated import EvaluatedSettings

MOST = 1000
"""Folds at most."""


def self_divided(recorded: Mapping[str, Any], values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns recorded settings without how they divide the data, where folds do that.

    Args:
        recorded: settings of an earlier run.
        values: those asked for.
    """
    if values.get("folds") is None:
        return recorded
    return without(recorded, frozenset({"data.fold", "data.test_share"}))


class FoldedSettings(EvaluatedSettings):
    """A training, or one for each fold of a cross-validation."""

    folds: Annotated[int | Literal["csv"] | None, Flag(metavar="K")] = None
    """Cross-validate: divide the groups into K parts, train K times without one of them, and test
    on it; csv takes the parts that a CSV names in its column cv. The directory has a run for each
    (fold-1 ...) and the table of all predictions."""

    from_epoch: Annotated[int | None, Flag(metavar="E", rare=True)] = Field(default=None, ge=1)
    """Go on from the state that the run kept after epoch E (--save-every), as that run did, but in
    a directory of its own beside it: with 10 a run in DIR is continued in DIR-from-0010."""
    initial_weights: Annotated[str | None, Flag(metavar="FILE", rare=True)] = None
    """Begin with these weights, as far as they fit by name and shape: a run, a pruned network,
    converted weights, or a file of ours or of a publication (.safetensors, .pth). What was loaded
    is shown and recorded; another number of classes leaves the classifier out."""

    @field_validator("initial_weights", mode="before")
    @classmethod
    def _path_as_text(cls, value: Any) -> Any:
        place = getattr(value, "directory", value)  # of a run that is given as a value
        return os.fspath(place) if isinstance(place, os.PathLike) else place

    @field_validator("folds", mode="before")
    @classmethod
    def _several(cls, value: object) -> object:
        number = int(value) if isinstance(value, str) and value.strip().isdecimal() else value
        if number is None or number == "csv":
            return number
        if isinstance(number, bool) or not isinstance(number, int) or not 2 <= number <= MOST:
            raise ValueError(
                f"read {value!r}; allowed: 2 to {MOST:,}, or csv (the column cv of a CSV); without "
                "it there is one training"
            )
        return number

    @model_validator(mode="after")
    def _all_or_one(self) -> FoldedSettings:
        if self.folds is not None and self.data.split.fold is not None:
            raise ValueError(
                f"folds {self.folds} trains all folds, fold {self.data.split.fold} one of them: "
                "give one of the two"
            )
        if self.folds is not None and self.from_epoch is not None:
            raise ValueError(
                f"from_epoch {self.from_epoch} with folds {self.folds}: every fold has a run and "
                "epochs of its own; give --fold and the --run of one of them"
            )
        if self.folds is not None and self.evaluate:
            raise ValueError(
                f"evaluate {' '.join(self.evaluate)} with folds {self.folds}: every fold is tested "
                "on its own part; leave evaluate out"
            )
        return self
