"""Values by name, written as ``name=value`` on a command line and as a mapping in Python."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

_WORDS = {"True": True, "False": False, "None": None}


def pairs(given: object) -> tuple[str, ...]:
    """Returns values by name as texts, sorted, in one spelling.

    Args:
        given: a mapping, or texts ``name=value``. A value is JSON, or else a text; ``a.b=1`` is
            ``b`` of ``a``.

    Raises:
        ValueError: a text without ``=`` or without a name, or a name that is given twice.

    >>> pairs(["stem_pool=False", "place=mid"]), pairs({"mean": (0.5, 0.5, 0.5)})
    (('place=mid', 'stem_pool=false'), ('mean=[0.5, 0.5, 0.5]',))
    """
    if isinstance(given, Mapping):
        named = cast("Mapping[str, Any]", given)
        return tuple(f"{name}={_written(named[name])}" for name in sorted(named))
    texts = [given] if isinstance(given, str) else list(cast("Sequence[object]", given))
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = str(text).partition("=")
        if not equals or not name.strip():
            raise ValueError(f"read {text!r}; allowed: NAME=VALUE, such as stem_pool=false")
        if name.strip() in found:
            raise ValueError(f"read {name.strip()} twice; give it once")
        found[name.strip()] = _read(value.strip())
    return pairs(found)


def values_of(texts: Sequence[str]) -> dict[str, Any]:
    """Returns the values that texts of :func:`pairs` hold, by name.

    >>> values_of(["expansion=4", "gate_test.test=align", "gate_test.ties=first", "place=mid"])
    {'expansion': 4, 'gate_test': {'test': 'align', 'ties': 'first'}, 'place': 'mid'}
    """
    found: dict[str, Any] = {}
    for text in texts:
        name, _, value = text.partition("=")
        *groups, last = name.split(".")
        into = found
        for group in groups:
            into = into.setdefault(group, {})
        into[last] = _read(value)
    return found


def over(values: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Returns values with others over them, also inside of mappings.

    >>> over({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 4}})
    {'a': {'b': 4, 'c': 2}, 'd': 3}
    """
    found = dict(values)
    for name, value in more.items():
        before = found.get(name)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            inner = cast("Mapping[str, Any]", before), cast("Mapping[str, Any]", value)
            found[name] = over(*inner)
        else:
            found[name] = value
    return found


def _read(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    try:
        return json.loads(text)
    except ValueError:
        return text


def _written(value: Any) -> str:
    plain = isinstance(value, str) and _read(value) == value and value == value.strip()
    return value if plain else json.dumps(value)
