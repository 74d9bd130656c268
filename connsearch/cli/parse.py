"""Command line -> settings. tyro reads the flags, pydantic judges the values, all faults at once.

The models know nothing of the command line. Each is mirrored by a plain dataclass without any
rule: tyro fills that, and its values go to the model in one piece.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin

import docstring_parser
import tyro
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from connsearch.cli.command import Command, Flag
from connsearch.errors import SettingsError

C = TypeVar("C", bound=Command)

_MARKERS = (tyro.conf.OmitArgPrefixes, tyro.conf.EnumChoicesFromValues)
_METAVARS: Mapping[Any, str] = {int: "N", float: "X", str: "TEXT", Path: "PATH"}


def parse(command: type[C], arguments: Sequence[str], *, program: str) -> C:
    """Returns the settings of a command: its defaults, what is recorded, then the flags.

    Raises:
        SettingsError: values out of range, or that contradict each other; all are named.
        SystemExit: an unknown flag or a value of the wrong type (2), or ``--help`` (0).
    """
    values = _read(command, arguments, program, {})
    recorded = command.recorded(values)
    if recorded:
        values = _read(command, arguments, program, recorded)
    return validated(command, values)


def validated(command: type[C], values: Mapping[str, Any]) -> C:
    """Returns the command with these settings.

    Raises:
        SettingsError: values out of range, or that contradict each other; all are named.
    """
    try:
        return command.model_validate(values)
    except ValidationError as error:
        raise SettingsError(_explain(command, error)) from None


def option_name(command: type[BaseModel], path: Sequence[str | int]) -> str:
    """Returns how a person spells a setting: ``--frames`` for ("data", "frames")."""
    model: type[BaseModel] | None = command
    name = "settings"
    for part in path:
        if model is None or part not in model.model_fields:
            break
        field = model.model_fields[str(part)]
        flag = _flag(field)
        name = flag.name or str(part).replace("_", "-")
        name = name.upper() if flag.positional else f"--{name}"
        model = _nested(field)
    return name


def _read(
    command: type[Command], arguments: Sequence[str], program: str, start: Mapping[str, Any]
) -> dict[str, Any]:
    mirror = _mirror(command, start, "", command.HIDDEN)
    filled = tyro.cli(
        mirror, prog=program, description=_text(command), args=list(arguments), config=_MARKERS
    )
    return {**_hidden(command, start), **_as_dict(filled)}


def _hidden(command: type[Command], start: Mapping[str, Any]) -> dict[str, Any]:
    return {key: start[key] for key in command.HIDDEN if key in start}


def _as_dict(filled: Any) -> dict[str, Any]:
    """The mirror's values by name, as deep as its groups are."""
    values = {field.name: getattr(filled, field.name) for field in dataclasses.fields(filled)}
    return {k: _as_dict(v) if dataclasses.is_dataclass(v) else v for k, v in values.items()}


def _mirror(
    model: type[BaseModel], start: Mapping[str, Any], prefix: str, hidden: frozenset[str]
) -> type[Any]:
    """Returns a dataclass with the model's settings, free of rules, starting from ``start``."""
    notes = _notes(model)
    entries: list[tuple[str, Any, Any]] = []
    for name, field in sorted(model.model_fields.items(), key=_rank):
        if prefix + name in hidden:
            continue
        inner = _nested(field)
        if inner is not None:
            group = _mirror(inner, start.get(name, {}), f"{prefix}{name}.", hidden)
            entries.append((name, group, dataclasses.field(default_factory=group)))
            continue
        annotation = _annotation(name, field, field.description or notes.get(name, ""))
        if name in start:
            value = _plain(field.annotation, start[name])
            entries.append((name, annotation, dataclasses.field(default=value)))
        elif field.is_required():
            entries.append((name, annotation, dataclasses.field()))
        else:
            value = field.get_default(call_default_factory=True)
            entries.append((name, annotation, dataclasses.field(default=value)))
    mirror = dataclasses.make_dataclass(model.__name__, entries, kw_only=True)
    mirror.__doc__ = _text(model)
    return mirror


def _rank(item: tuple[str, FieldInfo]) -> int:
    """What stands first on a help page: arguments, own options, those of every command, groups."""
    name, field = item
    if _nested(field) is not None:
        return 3
    return 0 if _flag(field).positional else 2 if name in Command.model_fields else 1


def _annotation(name: str, field: FieldInfo, note: str) -> Any:
    """The setting's type with what tyro should say about it."""
    flag = _flag(field)
    optional = field.default is None and not field.is_required()
    metavar = flag.metavar or _metavar(field.annotation)
    if flag.positional and flag.metavar is None:
        metavar = name.upper() if field.is_required() else f"[{name.upper()}]"
    help_text = " ".join(note.replace("``", "").split())
    argument: dict[str, Any] = {"help": help_text, "name": flag.name}
    if optional or flag.switch:
        argument["help_behavior_hint"] = ""
    elif flag.positional and field.is_required():
        argument["help_behavior_hint"] = "(required)"
    if metavar and field.annotation is not bool:
        argument["metavar"] = metavar
    if flag.short is not None:
        argument["aliases"] = (flag.short,)
    extra: list[Any] = [tyro.conf.arg(**argument)]
    if flag.positional:
        extra.append(tyro.conf.Positional)
    if flag.switch:
        extra.append(tyro.conf.FlagCreatePairsOff)
    return Annotated[(field.annotation, *extra)]


def _metavar(annotation: Any) -> str:
    """The word for a setting's value; tyro's own would be ``{None}|INT``."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        kinds = [kind for kind in inner if kind is not type(None)]
        return "|".join(_metavar(kind) for kind in kinds)
    if origin is Annotated:
        return _metavar(inner[0])
    if origin is Literal:
        return "{" + ",".join(map(str, inner)) + "}"
    if origin is tuple:
        if inner[-1] is Ellipsis:
            return f"{_metavar(inner[0])} ..."
        return " ".join(_metavar(kind) for kind in inner)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return "{" + ",".join(str(member.value) for member in annotation) + "}"
    return _METAVARS.get(annotation, "")


def _plain(annotation: Any, value: Any) -> Any:
    """A value from JSON as the type the flag would have given: tuples and paths."""
    kinds = [annotation, *get_args(annotation)]
    if isinstance(value, list) and any(get_origin(k) is tuple for k in kinds):
        return tuple(cast(list[Any], value))
    if isinstance(value, str) and Path in kinds:
        return Path(value)
    return value


def _nested(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _flag(field: FieldInfo) -> Flag:
    return next((m for m in field.metadata if isinstance(m, Flag)), Flag())


def _notes(model: type[BaseModel]) -> dict[str, str]:
    """What the docstrings of a model and its parents say about each setting."""
    notes: dict[str, str] = {}
    for kind in reversed(model.__mro__):
        if issubclass(kind, BaseModel) and kind is not BaseModel and kind.__doc__:
            found = docstring_parser.parse(kind.__doc__).params
            notes |= {p.arg_name: p.description or "" for p in found}
    return notes


def _text(model: type[BaseModel]) -> str:
    """The docstring without its list of settings: those have their own lines."""
    text = docstring_parser.parse(model.__doc__ or "")
    return "\n\n".join(t for t in (text.short_description, text.long_description) if t)


def _explain(command: type[Command], error: ValidationError) -> str:
    """Every fault with the option it is about, what was read, and what is allowed."""
    faults = error.errors(include_url=False, include_context=False)
    count = f"{len(faults)} setting" + ("s" if len(faults) != 1 else "")
    lines = [f"{count} cannot be used"]
    for fault in faults:
        message = fault["msg"].removeprefix("Value error, ")
        message = message.replace("Input should be", "should be")
        read = fault["input"]
        shown = "" if isinstance(read, Mapping) else f"read {read!r}; "
        lines.append(f"  {option_name(command, fault['loc'])}: {shown}{message}")
    return "\n".join(lines)
