"""Command line -> settings. tyro reads the words, pydantic judges them: all faults at once.

The models know nothing of the command line. Each is mirrored by a plain dataclass of texts: tyro
fills that, and what it was given goes to the model in one piece.
"""

from __future__ import annotations

import dataclasses
import inspect
import io
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin

import tyro
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from connsearch.cli.command import Command
from connsearch.errors import SHOWN, SettingsError
from connsearch.evolution.study.address import without_secrets
from connsearch.files.text import visible
from connsearch.flags import Flag
from connsearch.graph.checks import show
from connsearch.registry import suggest
from connsearch.settings import merged
from connsearch.view.console import Console

C = TypeVar("C", bound=Command)

_Values = Mapping[str, Any]

_WORDS: Mapping[Any, str] = {
    int: "N",
    float: "X",
    str: "TEXT",
    Path: "PATH",
    bool: "{True,False}",  # a yes/no setting that can also be left to something else
}


def parse(command: type[C], arguments: Sequence[str], *, program: str) -> C:
    """Returns the settings of a command: its defaults, what is recorded, then the flags.

    Raises:
        SettingsError: values that cannot be read, are out of range, or contradict each other; all
            are named.
        SystemExit: an unknown or a missing option (2), or ``--help`` (0).
    """
    values = _read(command, arguments, program, {})
    recorded = command.recorded(values)
    if recorded:
        # What a file says is judged before any of it becomes the default of a flag.
        where = f"{values.get('config') or 'recorded settings'}: "
        judged = _judged(command, merged(values, recorded), where=where)
        values = _read(command, arguments, program, _like(recorded, judged.model_dump()))
    return _judged(command, values)


def _judged(command: type[C], values: Mapping[str, Any], *, where: str = "") -> C:
    try:
        return command.model_validate(values)
    except ValidationError as error:
        raise SettingsError(where + _explain(command, error)) from None


def _like(names: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Only those of the values that ``names`` has."""
    return {
        name: _like(cast(_Values, part), values[name])
        if isinstance(part, Mapping)
        else values[name]
        for name, part in names.items()
    }


def option_name(command: type[BaseModel], path: Sequence[str | int]) -> str:
    """Returns how a person spells a setting: ``--frames`` for ("data", "frames")."""
    model: type[BaseModel] | None = command
    name = "settings"
    for part in path:
        if model is None or part not in model.model_fields:
            break
        field = model.model_fields[str(part)]
        flag = _flag(field)
        model = _nested(field)
        if model is not None:
            name = f"{part} settings"
        elif flag.positional:
            name = str(part).upper()
        else:
            name = "--" + (flag.name or str(part)).replace("_", "-")
    return name


def _read(
    command: type[Command], arguments: Sequence[str], program: str, start: Mapping[str, Any]
) -> dict[str, Any]:
    """The values by name, as deep as the groups are, still as texts."""
    with _repeated_visibly(arguments):
        filled: Any = tyro.cli(
            _mirror(command, start, "", command.HIDDEN),
            prog=program,
            description=command.about(),
            args=list(arguments),
            config=(tyro.conf.OmitArgPrefixes,),
        )
    return _values(command, filled)


@contextmanager
def _repeated_visibly(arguments: Sequence[str]) -> Generator[None]:
    """Shows what the parser says about words in which a terminal would obey something, or URLs.

    It repeats them as they are, so it is heard here first; other words it may print itself.
    """
    if all(visible(without_secrets(word)) == word for word in arguments):
        yield
        return
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            yield
    finally:
        for line in said.getvalue().splitlines():
            Console().print(line, soft_wrap=True)


def _values(model: type[BaseModel], filled: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in dataclasses.fields(filled):
        value, kind = getattr(filled, field.name), model.model_fields[field.name]
        inner = _nested(kind)
        if inner is not None:
            value = _values(inner, value)
        elif value in ("none", "None") and _is_optional(kind) and "none" not in _choices(kind):
            value = None
        found[field.name] = value
    return found


def _mirror(
    model: type[BaseModel], start: Mapping[str, Any], prefix: str, hidden: frozenset[str]
) -> type[Any]:
    """Returns a dataclass with the model's settings as texts, starting from ``start``."""
    entries: list[tuple[str, Any, Any]] = []
    for name, field in sorted(model.model_fields.items(), key=_rank):
        if prefix + name in hidden:
            continue
        inner = _nested(field)
        if inner is not None:
            group = _mirror(inner, start.get(name, {}), f"{prefix}{name}.", hidden)
            entries.append((name, group, dataclasses.field(default_factory=group)))
        elif name in start or not field.is_required():
            value = start.get(name, field.get_default(call_default_factory=True))
            default = dataclasses.field(default=_as_text(value))
            entries.append((name, _option(name, field), default))
        else:
            entries.append((name, _option(name, field), dataclasses.field()))
    mirror = dataclasses.make_dataclass(model.__name__, entries, kw_only=True)
    mirror.__doc__ = inspect.getdoc(model)
    return mirror


def _rank(item: tuple[str, FieldInfo]) -> int:
    """What stands first on a help page: arguments, own options, those of every command, groups."""
    name, field = item
    if _nested(field) is not None:
        return 3
    return 0 if _flag(field).positional else 2 if name in Command.model_fields else 1


def _option(name: str, field: FieldInfo) -> Any:
    """The type tyro reads a setting as, with what the help says about it."""
    flag = _flag(field)
    note = " ".join((field.description or "").replace("``", "").split())
    argument: dict[str, Any] = {"help": note, "name": flag.name}
    if flag.switch or (field.default is None and not field.is_required()):
        argument["help_behavior_hint"] = ""
    if flag.short is not None:
        argument["aliases"] = (flag.short,)
    kind = _as_read(field.annotation)
    if kind is not bool:
        word = flag.metavar or _word(field.annotation)
        if flag.positional:
            word = name.upper() if field.is_required() else f"[{name.upper()}]"
        argument["metavar"] = word
    extra: list[Any] = [tyro.conf.arg(**argument)]
    if flag.positional:
        extra.append(tyro.conf.Positional)
    if flag.switch:
        extra.append(tyro.conf.FlagCreatePairsOff)
    if flag.repeats:
        extra.append(tyro.conf.UseAppendAction)
    return Annotated[(kind, *extra)]


def _as_read(annotation: Any) -> Any:
    """The type of a setting with every single value a text; yes/no settings stay what they are."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return _as_read(next(kind for kind in inner if kind is not NoneType)) | None
    if origin is tuple:
        if inner[-1] is Ellipsis:
            return tuple[str, ...]
        return tuple[(str,) * len(inner)]
    return bool if annotation is bool else str


def _as_text(value: Any) -> Any:
    """A default as tyro would have read it."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, tuple | list):
        return tuple(str(_as_text(part)) for part in cast("Sequence[Any]", value))
    return str(value.value if isinstance(value, Enum) else value)


def _word(annotation: Any) -> str:
    """What stands for a setting's value in the help."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return "|".join(_word(kind) for kind in inner if kind is not NoneType)
    if origin is Annotated:
        return _word(inner[0])
    if origin is tuple:
        if inner[-1] is Ellipsis:
            return f"{_word(inner[0])} ..."
        return " ".join(map(_word, inner))
    return _WORDS.get(annotation) or "{" + ",".join(_values_of(annotation)) + "}"


def _values_of(annotation: Any) -> list[str]:
    """The texts a setting can be, where they can be counted."""
    if get_origin(annotation) is Literal:
        return [str(value) for value in get_args(annotation)]
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return [str(member.value) for member in annotation]
    return [value for kind in get_args(annotation) for value in _values_of(kind)]


def _choices(field: FieldInfo) -> list[str]:
    return _values_of(field.annotation)


def _is_optional(field: FieldInfo) -> bool:
    return NoneType in get_args(field.annotation)


def _nested(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _flag(field: FieldInfo) -> Flag:
    """How a setting appears; models below ``cli`` only say an ``option``'s name and ``repeats``."""
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, Mapping) else {}
    name, repeats = extra.get("option"), bool(extra.get("repeats"))
    said = Flag(name=None if name is None else str(name), repeats=repeats)
    return next((m for m in field.metadata if isinstance(m, Flag)), said)


_LONG = 300
"""A longer text is not repeated whole."""


def _explain(command: type[Command], error: ValidationError) -> str:
    """Every fault with the option it is about, what was read, and what is allowed."""
    faults = error.errors(include_url=False)
    count = f"{len(faults):,} setting" + ("s" if len(faults) != 1 else "")
    lines = [f"{count} cannot be used"]
    for fault in faults[:SHOWN]:
        name, read = option_name(command, fault["loc"]), fault["input"]
        message = fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "extra_forbidden":
            *group, unknown = fault["loc"]
            known = list(_model(command, group).model_fields)
            name, message = "settings", suggest("setting", str(unknown), known)
        elif fault["type"] in ("literal_error", "enum"):
            known = _choices(_field(command, fault["loc"]))
            message = suggest(f"value of {name}", str(read), known)
        elif not isinstance(read, Mapping) and not message.startswith("read "):
            text = repr(read) if not isinstance(read, str) or len(read) < _LONG else show(read)
            message = f"read {text}; {message.replace('Input should', 'it should')}"
        lines.append(f"  {name}: {message}")
    if len(faults) > SHOWN:
        lines.append(f"  and {len(faults) - SHOWN:,} more")
    return "\n".join(lines)


def _field(command: type[BaseModel], path: Sequence[str | int]) -> FieldInfo:
    names = [str(part) for part in path if isinstance(part, str)]
    return _model(command, names[:-1]).model_fields[names[-1]]


def _model(command: type[BaseModel], groups: Sequence[str | int]) -> type[BaseModel]:
    model = command
    for group in groups:
        model = _nested(model.model_fields[str(group)]) or model
    return model
