"""Settings of a network by name, checked; every fault is named at once, with the nearest name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field, ValidationError

from connsearch.errors import SettingsError, UserError
from connsearch.registry import suggest

Depth = Annotated[int, Field(strict=True, ge=1, le=100)]
"""Blocks of a stage."""
Width = Annotated[int, Field(strict=True, ge=1, le=8192)]
"""Channels."""
Share = Annotated[float, Field(strict=True, ge=0, le=1)]
"""Mean of a colour, for pixels of 0 to 1."""
Spread = Annotated[float, Field(strict=True, gt=0, le=1)]
"""Standard deviation of a colour, likewise."""

M = TypeVar("M", bound=BaseModel)

SHOWN = 5
"""Faults of a message at most."""


def valid(form: type[M], values: Mapping[str, Any], what: str) -> M:
    """Returns the settings in their form.

    Args:
        form: what they must be.
        values: by name, as JSON has them.
        what: is the matter, the first line of a message.

    Raises:
        SettingsError: a setting is missing, unknown, or out of range.
    """
    try:
        return form.model_validate(values)
    except ValidationError as error:
        faults: list[Any] = error.errors()
        lines = [f"  {_told(fault, form)}" for fault in faults[:SHOWN]]
        more = [f"  and {len(faults) - SHOWN} more"] if len(faults) > SHOWN else []
        raise SettingsError("\n".join([f"{what}:", *lines, *more])) from None
    except UserError as error:  # of a value inside that has a check of its own
        raise SettingsError(f"{what}:\n  {error}") from None


def _told(fault: Mapping[str, Any], form: type[BaseModel]) -> str:
    name = ".".join(map(str, fault["loc"]))
    if fault["type"] == "value_error" and not name:
        return str(fault["ctx"]["error"])  # of several settings; it names them
    if fault["type"] == "extra_forbidden" and len(fault["loc"]) == 1:
        return f"{name}: {suggest('setting', name, list(form.model_fields))}"
    if fault["type"] == "unexpected_keyword_argument" and len(fault["loc"]) == 2:
        owner, name = map(str, fault["loc"])
        return f"{owner}.{name}: {suggest('setting', name, _known_inside(form, owner))}"
    return f"{name}: {fault['msg']}; read: {fault['input']!r:.60}"


def _known_inside(form: type[BaseModel], owner: str) -> list[str]:
    """Names of the fields of a setting that is a dataclass."""
    kind: Any = form.model_fields[owner].annotation
    return [field.name for field in fields(kind)] if is_dataclass(kind) else []
