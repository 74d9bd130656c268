"""Settings as tyro reads them: a plain dataclass of texts for every model, flat, group by group."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Union, cast, get_args, get_origin

import tyro
from pydantic.fields import FieldInfo

from connsearch.cli.command import Command
from connsearch.flags import Flag
from connsearch.settings import nesting
from connsearch.settings.faults import choices, choices_in
from connsearch.settings.nesting import field_at, flat_key, leaves

_ORDER = """
    focus source clips augment split loading planted evolution stop relaxation space schedule
    optimiser rates loss balance choice gates multigrid compute logging pruning scoring
""".split()
"""Groups by name, as a help page has them: first what is looked at, then what is done with it."""

_WORDS: Mapping[Any, str] = {
    int: "N",
    float: "X",
    str: "TEXT",
    Path: "PATH",
    bool: "{True,False}",  # a yes/no setting that can also be left to something else
}

_BETWEEN = "__"
"""Between the steps of a path, in the name that a group has in the mirror."""


@dataclasses.dataclass(frozen=True, slots=True)
class Option:
    """One setting as the command line has it.

    Attributes:
        path: where it stands in the command's settings.
        field: of its model.
    """

    path: nesting.Path
    field: FieldInfo

    @property
    def name(self) -> str:
        """What it is called, in its own group."""
        return self.path[-1]

    @property
    def flag(self) -> Flag:
        """How it appears."""
        return flag_of(self.field)


def options_of(command: type[Command]) -> list[Option]:
    """Returns what a command's line may say: arguments, own options, everybody's, then groups."""
    found = [
        Option(path, field_at(command, path))
        for path in leaves(command)
        if flat_key(path) not in command.HIDDEN
    ]
    return sorted(found, key=_rank)


def is_basic(command: type[Command], option: Option) -> bool:
    """Returns whether people need an option: whether a long command's ``--help`` shows it."""
    if option.flag.positional:
        return True
    if command.BASIC:
        return option.name in command.BASIC
    if len(option.path) == 1:
        return not option.flag.rare
    extra = option.field.json_schema_extra
    return isinstance(extra, Mapping) and bool(extra.get("basic"))


def mirror(
    command: type[Command],
    options: Sequence[Option],
    start: Mapping[str, Any],
    *,
    told: bool = True,
) -> type[Any]:
    """Returns a dataclass with these options as texts, which tyro can fill.

    Args:
        command: whose they are.
        options: in the order of the help page.
        start: recorded settings, in their groups, that are the defaults.
        told: with a sentence about each group.
    """
    groups: dict[nesting.Path, list[tuple[str, Any, Any]]] = {(): []}
    for option in options:
        entry = (option.name, _as_option(option), _default(option, start))
        groups.setdefault(option.path[:-1], []).append(entry)
    entries = groups.pop(())
    for path, fields in groups.items():
        model = nesting.model_at(command, path)
        group = dataclasses.make_dataclass(model.__name__, fields, kw_only=True)
        group.__doc__ = (model.__doc__ or "") if told else ""
        title = str(model.model_config.get("title") or path[-1])
        kind = Annotated[(group, tyro.conf.arg(name=title))]
        entries.append((_BETWEEN.join(path), kind, dataclasses.field(default_factory=group)))
    made = dataclasses.make_dataclass(command.__name__, entries, kw_only=True)
    made.__doc__ = ""
    return made


def values_of(filled: Any, options: Sequence[Option]) -> dict[str, Any]:
    """Returns what tyro has filled in, in its groups, still as texts."""
    found: dict[str, Any] = {}
    for option in options:
        *groups, name = option.path
        holder = getattr(filled, _BETWEEN.join(groups)) if groups else filled
        value, into = getattr(holder, name), found
        optional, known = _is_optional(option.field), choices(option.field)
        if option.flag.bare is not None and isinstance(value, tuple):
            value = _one_or_bare(cast("tuple[str, ...]", value), option.flag.bare)
        if option.flag.repeats and optional and value == ():
            value = None
        if value in ("none", "None") and optional and "none" not in known:
            value = None
        for step in groups:
            into = into.setdefault(step, {})
        into[name] = value
    return found


def _one_or_bare(values: tuple[str, ...], bare: str) -> str | tuple[str, ...]:
    """The value of an option that may stand alone; several are left to be refused."""
    return bare if not values else values[0] if len(values) == 1 else values


def flag_of(field: FieldInfo) -> Flag:
    """Returns how a setting appears.

    Models below ``cli`` only say an ``option``'s name and whether it ``repeats``.
    """
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, Mapping) else {}
    name, repeats = extra.get("option"), bool(extra.get("repeats"))
    said = Flag(name=None if name is None else str(name), repeats=repeats)
    return next((m for m in field.metadata if isinstance(m, Flag)), said)


def _rank(option: Option) -> tuple[int, int]:
    if len(option.path) == 1:
        own = option.name not in Command.model_fields
        return (0 if option.flag.positional else 1 if own else 2, 0)
    group = option.path[-2]
    return 3, _ORDER.index(group) if group in _ORDER else len(_ORDER)


def _default(option: Option, start: Mapping[str, Any]) -> Any:
    """The field of a dataclass: with what is recorded, with the default, or with none."""
    found: Any = start
    for step in option.path:
        if not isinstance(found, Mapping) or step not in found:
            break
        found = cast("Mapping[str, Any]", found)[step]
    else:
        return dataclasses.field(default=_as_filled(found, option.flag))
    if option.field.is_required():
        return dataclasses.field()
    usual = option.field.get_default(call_default_factory=True)
    return dataclasses.field(default=_as_filled(usual, option.flag))


def _as_filled(value: Any, flag: Flag) -> Any:
    """A default as tyro would have read it, in an option that may stand alone or repeatedly."""
    text = _as_text(value)
    if flag.repeats and text is None:
        return ()
    return (text,) if flag.bare is not None and text is not None else text


def _as_option(option: Option) -> Any:
    """The type tyro reads a setting as, with what the help says about it."""
    flag, field = option.flag, option.field
    note = " ".join((field.description or "").replace("``", "").split())
    argument: dict[str, Any] = {"help": note, "name": flag.name}
    empty = field.default is None or field.default == ()
    if flag.switch or (empty and not field.is_required()):
        argument["help_behavior_hint"] = ""
    elif field.is_required() and get_origin(field.annotation) is tuple:
        argument["help_behavior_hint"] = "(required)"  # the parser would take none of them
    if flag.short is not None:
        argument["aliases"] = (flag.short,)
    kind = _as_read(field.annotation)
    if flag.bare is not None:
        kind = tuple[str, ...] | None
    elif flag.repeats:
        kind = tuple[str, ...]  # an action that appends has no use for none
    if kind is not bool:
        word = flag.metavar or _word(field.annotation)
        if flag.positional:
            word = option.name.upper() if field.is_required() else f"[{option.name.upper()}]"
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
    return _WORDS.get(annotation) or "{" + ",".join(choices_in(annotation)) + "}"


def _is_optional(field: FieldInfo) -> bool:
    return NoneType in get_args(field.annotation)
