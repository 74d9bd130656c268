"""What every form has in common: unknown keys are read past, but never written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, TypeVar, cast

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

F = TypeVar("F", bound="Form")


class Form(BaseModel):
    """A JSON object in a file of a run, or a row of one of its tables.

    Further keys in a file of a newer version are accepted when it is read, but cannot be
    written: :meth:`to_json` refuses them.
    """

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)

    LEFT_OUT: ClassVar[frozenset[str]] = frozenset()
    """Fields that are only written where a value was given."""

    @model_serializer(mode="wrap")
    def _given(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        sparse = isinstance(self, GivenForm)
        absent = (set(type(self).model_fields) if sparse else self.LEFT_OUT) - self.model_fields_set
        return {key: value for key, value in handler(self).items() if key not in absent}

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Yields what its ``repr`` shows: single values that were given, no tables and lists."""
        for name in type(self).model_fields:
            value = getattr(self, name)
            if name in self.model_fields_set and isinstance(value, str | int | float):
                yield name, value

    def to_json(self) -> dict[str, Any]:
        """Returns the values as they are written, in the order of the fields.

        Raises:
            ValueError: it has a key without a field.
        """
        unknown = list(undeclared(self))
        if unknown:
            raise ValueError(
                f"{type(self).__name__}: no field is declared for {', '.join(unknown)}"
                "\n  cure: declare it in connsearch/runs/formats; this is a bug in connsearch"
            )
        return self.model_dump(by_alias=True)


class GivenForm(Form):
    """A form of which only the given values are written, not its defaults."""


class OpenForm(GivenForm):
    """A form with further keys that other models define: the settings of a command."""


def undeclared(value: object, place: str = "") -> Iterator[str]:
    """Yields the place of every key in a form that has no field.

    >>> class Point(Form):
    ...     x: int
    >>> list(undeclared(Point.model_validate({"x": 1, "y": 2})))
    ['y']
    """
    start = f"{place}." if place else ""
    if isinstance(value, Form):
        if not isinstance(value, OpenForm):
            yield from (f"{start}{key}" for key in value.model_extra or {})
        for name in type(value).model_fields:
            yield from undeclared(getattr(value, name), f"{start}{name}")
    elif isinstance(value, Mapping):
        for key, entry in cast("Mapping[object, object]", value).items():
            yield from undeclared(entry, f"{start}{key}")
    elif isinstance(value, list | tuple):
        for number, entry in enumerate(cast("list[object]", value)):
            yield from undeclared(entry, f"{start}{number}")


def columns(kind: type[Form]) -> tuple[str, ...]:
    """Returns the columns of a table whose rows have this form."""
    return tuple(kind.model_fields)
