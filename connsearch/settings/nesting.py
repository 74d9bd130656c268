"""Settings in groups by concern, and the flat names that people write for them.

A command, or whatever else is asked for, has a tree of settings: its data has clips, and clips have
a number of frames. People name the leaf alone: ``--frames`` on the command line, ``frames=16`` in
Python. So no two groups of one command have a leaf of the same name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Self, TypeVar, cast

from pydantic import BaseModel, ConfigDict, JsonValue
from pydantic.fields import FieldInfo

from connsearch.errors import SettingsError
from connsearch.registry import suggest

M = TypeVar("M", bound=BaseModel)

Path = tuple[str, ...]
"""Where a setting stands: the names of its groups, then its own."""

BASIC: dict[str, JsonValue] = {"basic": True}
"""In the ``json_schema_extra`` of a field: people need it, so a command's ``--help`` shows it."""


class Options(BaseModel):
    """Settings that belong together; a frozen value, its fields' docstrings are the help."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @classmethod
    def of(cls, **values: Any) -> Self:
        """Returns the settings with these values by name, whatever group a name belongs to.

        Raises:
            SettingsError: there is no setting of a name; the nearest are named.
            pydantic.ValidationError: a value is out of range, or contradicts another one.
        """
        return cls.model_validate(nested(cls, values))

    def with_values(self, **values: Any) -> Self:
        """Returns a copy with these values, by name as in :meth:`of`; they are not judged again.

        Raises:
            SettingsError: there is no setting of a name.
        """
        return _replaced(self, nested(type(self), values))


def group_of(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    """Returns the model of a group of settings; None where the field is a setting of its own."""
    kind = model.model_fields[name].annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def leaves(model: type[BaseModel]) -> Iterator[Path]:
    """Yields where each setting of a model stands, group by group, in the order of the fields."""
    for name in model.model_fields:
        group = group_of(model, name)
        if group is None:
            yield (name,)
        else:
            yield from ((name, *rest) for rest in leaves(group))


def flat_key(path: Path) -> str:
    """Returns the dotted key of a setting in messages and records: its part and its own name.

    >>> flat_key(("data", "clips", "frames")), flat_key(("run",))
    ('data.frames', 'run')
    """
    return path[0] if len(path) == 1 else f"{path[0]}.{path[-1]}"


def nested(model: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns flat settings in the groups where a model has them.

    A group may also be given as a whole: as a mapping, of names that are flat in their turn, or as
    its model. Values are placed, not judged.

    >>> from pydantic import create_model
    >>> clips = create_model("Clips", frames=(int, 8))
    >>> Search = create_model("Search", run=(str, ""), clips=(clips, clips()))
    >>> nested(Search, {"frames": 16, "run": "a"})
    {'clips': {'frames': 16}, 'run': 'a'}

    Args:
        model: has the settings. Of two with one name the one in fewer groups is meant.
        values: by name.

    Raises:
        SettingsError: no setting of a name, with the nearest and the known; all are told. Or one is
            given twice, by its name and within its group.
    """
    places = _places(model)
    found: dict[str, Any] = {}
    unknown: list[str] = []
    for name, value in values.items():
        group = group_of(model, name) if name in model.model_fields else None
        if group is not None and isinstance(value, Mapping):
            _put(found, {name: nested(group, cast("Mapping[str, Any]", value))}, name)
        elif group is not None and isinstance(value, group):
            _put(found, {name: {key: getattr(value, key) for key in group.model_fields}}, name)
        elif name in places:
            part: Any = value
            for step in reversed(places[name]):
                part = {step: part}
            _put(found, part, name)
        else:
            unknown.append(name)
    if unknown:
        known = sorted(places)
        raise SettingsError("\n".join(suggest("setting", name, known) for name in unknown))
    return found


def flat(options: BaseModel, *, without: Collection[str] = ()) -> dict[str, Any]:
    """Returns settings by their names alone, as JSON values, in the order of the fields.

    Ledgers and studies record them so.

    Args:
        options: with all their groups.
        without: names that are left out.

    >>> from pydantic import create_model
    >>> clips = create_model("Clips", speed=(tuple[float, float], (1.0, 1.0)))
    >>> Data = create_model("Data", clips=(clips, clips()), seed=(int, 0))
    >>> flat(Data(), without=["seed"])
    {'speed': [1.0, 1.0]}
    """
    found: dict[str, Any] = {}
    for name, value in options.model_dump(mode="json").items():
        if group_of(type(options), name) is not None:
            found |= flat(getattr(options, name), without=without)
        elif name not in without:
            found[name] = value
    return found


def by_name(options: BaseModel) -> dict[str, Any]:
    """Returns settings by their names alone, whatever groups they are in."""
    found: dict[str, Any] = {}
    for name in type(options).model_fields:
        value = getattr(options, name)
        found |= by_name(value) if isinstance(value, BaseModel) else {name: value}
    return found


def field_at(model: type[BaseModel], path: Path) -> FieldInfo:
    """Returns the field of a setting, by where it stands."""
    *groups, name = path
    return model_at(model, groups).model_fields[name]


def model_at(model: type[BaseModel], groups: Iterable[str]) -> type[BaseModel]:
    """Returns the model of a group, by the names of the groups that lead to it."""
    for step in groups:
        inner = group_of(model, step)
        assert inner is not None, f"{step} is no group of {model.__name__}"
        model = inner
    return model


def field_of(model: type[BaseModel], name: str) -> FieldInfo | None:
    """Returns the field of the setting of that name, whatever group it is in; None: no such."""
    path = _places(model).get(name)
    return None if path is None else field_at(model, path)


def merged(values: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings with those of ``over`` in their places, group by group.

    >>> merged({"seed": 0, "data": {"size": 32, "frames": 8}}, {"data": {"size": 64}})
    {'seed': 0, 'data': {'size': 64, 'frames': 8}}
    """
    found = dict(values)
    for name, value in over.items():
        below = found.get(name)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            value = merged(cast("Mapping[str, Any]", below), cast("Mapping[str, Any]", value))
        found[name] = value
    return found


def usual(model: type[BaseModel], name: str) -> Any:
    """Returns the default of the setting of that name, whatever group it is in."""
    return field_at(model, _places(model)[name]).get_default(call_default_factory=True)


def usual_values(model: type[BaseModel]) -> dict[str, Any]:
    """Returns the default of every setting that has one, in groups, as a command line has them."""
    found: dict[str, Any] = {}
    for path in leaves(model):
        field = field_at(model, path)
        if not field.is_required():
            part = found
            for name in path[:-1]:
                part = part.setdefault(name, {})
            part[path[-1]] = field.get_default(call_default_factory=True)
    return found


def _places(model: type[BaseModel]) -> dict[str, Path]:
    """Where the setting of each name stands; of several the one in fewer groups."""
    found: dict[str, Path] = {}
    for path in leaves(model):
        if path[-1] not in found or len(path) < len(found[path[-1]]):
            found[path[-1]] = path
    return found


def _put(into: dict[str, Any], part: Mapping[str, Any], name: str) -> None:
    """Adds a nested part to what is there already.

    Raises:
        SettingsError: one of its settings is there.
    """
    for key, value in part.items():
        there = into.get(key)
        if isinstance(value, Mapping) and isinstance(there, dict):
            _put(cast("dict[str, Any]", there), cast("Mapping[str, Any]", value), name)
        elif key in into:
            raise SettingsError(
                f"setting {key!r}: given twice, by name and in a group; read {name!r}\n"
                "  cure: leave one of them out"
            )
        else:
            into[key] = value


def _replaced(options: M, values: Mapping[str, Any]) -> M:
    update: dict[str, Any] = {}
    for name, value in values.items():
        part = getattr(options, name)
        update[name] = _replaced(part, value) if isinstance(part, BaseModel) else value
    return options.model_copy(update=update)
