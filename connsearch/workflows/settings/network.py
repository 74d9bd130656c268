"""Settings of a network by name, as a command line, Python and a settings file give them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, cast

from pydantic import AfterValidator, BeforeValidator

from connsearch.flags import Flag


def setting_of(text: str) -> tuple[str, Any]:
    """Returns name and value of ``NAME=VALUE``; what is not JSON is a word.

    Raises:
        ValueError: it is something else.

    >>> setting_of("stem_pool=false"), setting_of("place=mid"), setting_of("mean=[0.5, 0.4, 0.4]")
    (('stem_pool', False), ('place', 'mid'), ('mean', [0.5, 0.4, 0.4]))
    """
    name, equals, value = text.partition("=")
    if not equals or not name.strip().isidentifier() or not value.strip():
        raise ValueError(
            f"read {text!r}; allowed: NAME=VALUE with a value in JSON, such as stem_pool=false "
            "dropout=0.2 place=mid"
        )
    try:
        return name.strip(), json.loads(value)
    except (ValueError, RecursionError):
        return name.strip(), value.strip()


def settings_in(texts: Iterable[str] | None) -> dict[str, Any]:
    """Returns the values by name.

    Raises:
        ValueError: one that :func:`setting_of` cannot read, or a name that is given twice.
    """
    found: dict[str, Any] = {}
    for text in texts or ():
        name, value = setting_of(text)
        if name in found:
            raise ValueError(f"{name} is given twice; leave one of them out")
        found[name] = value
    return found


def _as_texts(value: Any) -> Any:
    """A mapping, or a single text, as the texts of the command line."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, Mapping):
        pairs = cast("Mapping[Any, Any]", value)
        return tuple(f"{name}={json.dumps(one)}" for name, one in pairs.items())
    return value


def _in_order(texts: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The texts by name, each in one spelling, so that equal settings are equal texts."""
    found = settings_in(texts)
    return tuple(f"{name}={json.dumps(found[name])}" for name in sorted(found)) or None


NetworkSettings = Annotated[
    tuple[str, ...] | None,
    BeforeValidator(_as_texts),
    AfterValidator(_in_order),
    Flag(metavar="NAME=VALUE", rare=True),
]
"""Texts ``NAME=VALUE`` of the command line, or in Python and in a settings file a mapping."""
