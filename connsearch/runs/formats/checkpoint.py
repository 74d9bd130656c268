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
    """What a checkpoint keeps that decides what happens next."""

    tally: TallyRecord
    quarantine: list[Annotated[list[str | int | bool], Field(min_length=5, max_length=5)]]
    guide: dict[str, Any]
    ended: str | None
    structure: dict[str, Any]


class Notes(Form):
    """What a checkpoint keeps that decides nothing."""

    seconds: _Number
    logs: dict[str, _Count]
