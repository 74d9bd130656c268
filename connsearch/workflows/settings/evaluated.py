"""What a command can be asked for that trains one network and can evaluate it, too."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from connsearch.settings.nesting import BASIC
from connsearch.workflows.settings.run import RunSettings


class EvaluatedSettings(RunSettings):
    """A training, and the splits it is evaluated on when it is finished."""

    evaluate: tuple[Literal["val", "test"], ...] = Field(default=(), json_schema_extra=BASIC)
    """Evaluate on these splits at the end, as `connsearch evaluate` does: every view, by class,
    with a confusion matrix, kept in the run. --evaluate test opens the test split."""
