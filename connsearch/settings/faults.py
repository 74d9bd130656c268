"""What is wrong with settings, in words: every fault of a validation with its setting and cure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from connsearch.errors import SHOWN
from connsearch.registry import suggest
from connsearch.settings.nesting import group_of, leaves, model_at

Location = Sequence[str | int]
"""Where a fault is: groups, the setting, and perhaps the place in its value."""

_LONG = 300
"""A longer text is not repeated whole."""


def explained(
    model: type[BaseModel], error: ValidationError, name_of: Callable[[Location], str]
) -> str:
    """Returns every fault with the setting it is about, what was read, and what is allowed.

    Args:
        model: that was validated.
        error: of the validation.
        name_of: how people spell the setting at a location: ``--frames``, or ``frames``.
    """
    faults = error.errors(include_url=False)
    lines = [f"{len(faults):,} setting{'s' if len(faults) != 1 else ''} cannot be used"]
    for fault in faults[:SHOWN]:
        name, read = name_of(fault["loc"]), fault["input"]
        message = fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "extra_forbidden":
            *group, unknown = fault["loc"]
            known = [path[-1] for path in leaves(model_at(model, map(str, group)))]
            name, message = "settings", suggest("setting", str(unknown), known)
        elif fault["type"] in ("literal_error", "enum"):
            known = choices(_field(model, fault["loc"]))
            message = suggest(f"value of {name}", str(read), known)
        elif not isinstance(read, Mapping) and not message.startswith("read "):
            allowed = message.replace("Input should", "it should")
            message = (
                f"read {_short(read)}; {allowed.replace('a valid tuple', 'a list or a tuple')}"
            )
        lines.append(f"  {name}: {message}")
    if len(faults) > SHOWN:
        lines.append(f"  and {len(faults) - SHOWN:,} more")
    return "\n".join(lines)


def keyword(model: type[BaseModel], location: Location) -> str:
    """Returns how a setting is written in Python: ``frames`` for ("data", "clips", "frames")."""
    inner: type[BaseModel] | None = model
    name = "settings"
    for part in location:
        if inner is None or part not in inner.model_fields:
            break
        inner = group_of(inner, str(part))
        name = f"{part} settings" if inner is not None else str(part)
    return name


def choices(field: FieldInfo) -> list[str]:
    """Returns the texts a setting can be, where they can be counted."""
    return list(choices_in(field.annotation))


def choices_in(annotation: Any) -> Iterator[str]:
    """Yields the texts that a type allows, where they can be counted."""
    if get_origin(annotation) is Literal:
        yield from (str(value) for value in get_args(annotation))
    elif isinstance(annotation, type) and issubclass(annotation, Enum):
        yield from (str(member.value) for member in annotation)
    else:
        yield from (value for kind in get_args(annotation) for value in choices_in(kind))


def _field(model: type[BaseModel], location: Location) -> FieldInfo:
    *groups, name = (part for part in location if isinstance(part, str))
    return model_at(model, groups).model_fields[name]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) < _LONG else f"{text[: _LONG // 2]}... ({len(text):,} characters)"
