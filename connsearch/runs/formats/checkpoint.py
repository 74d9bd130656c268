"""What a checkpoint keeps beside its tensors."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from connsearch.runs.formats.form import Form

_Count = Annotated[int, Field(ge=0)]
_Number = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class TallyRecord(Form):
    """Right answers of the running epoch."""

    epoch: _Count
    hits: _Count
    clips: _Count


class State(Form):
    """What a checkpoint keeps that decides what happens next.

    Attributes:
        tally: right answers of the running epoch.
        quarantine: split, index, reason, step of every clip that could not be read, and whether
            it is not tried again.
        ended: why the training ends here, if it does.
        hooks: what each hook keeps, by its name.
        guide: what the hooks of a search kept together, in runs of before.
        structure: the learned structure, where it is one.
        model: the model, where it is no structure.
    """

    tally: TallyRecord
    quarantine: list[Annotated[list[str | int | bool], Field(min_length=5, max_length=5)]]
    ended: str | None
    hooks: dict[str, dict[str, Any]] = {}
    guide: dict[str, Any] = {}
    structure: dict[str, Any] | None = None
    model: dict[str, Any] | None = None


class Notes(Form):
    """What a checkpoint keeps that decides nothing."""

    seconds: _Number
    logs: dict[str, _Count]
