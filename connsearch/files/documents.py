"""JSON files that connsearch wrote, read back: what was damaged or changed since is named."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from connsearch.errors import RunError
from connsearch.files.disk import cure_for, cure_line, read_plain, reason

DEEPEST = 100
"""Objects and lists within each other; what connsearch writes has a tenth of that."""

M = TypeVar("M", bound=BaseModel)


def read_object(path: str | Path, what: str = "a JSON object", *, cure: str = "") -> dict[str, Any]:
    """Returns the JSON object in a file.

    NaN is accepted, because the mean of nothing is written so.

    Args:
        path: the file.
        what: it should be, for the message.
        cure: what usually helps.

    Raises:
        RunError: the file does not exist, cannot be read, is not a regular file, not UTF-8, not
            JSON, nested deeper than 100, has a key twice, or is not an object.
    """
    try:
        found = parse_object(read_plain(path).decode("utf-8-sig"))
    except OSError as error:
        usual = cure_for(error) or cure
        raise RunError(f"{path}: cannot be read: {reason(error)}{cure_line(usual)}") from None
    except ValueError as error:
        said = f"it is not {what}: {error}"
        raise RunError(f"{path}: cannot be read, {said}{cure_line(cure)}") from None
    return found


def parse_object(text: str) -> dict[str, Any]:
    """Returns the JSON object in a text.

    Raises:
        ValueError: it is something else, nested too deep, or has a key twice.
    """
    try:
        found: object = json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from None
    except RecursionError:
        raise ValueError(f"nested deeper than {DEEPEST}") from None
    if not isinstance(found, dict):
        raise ValueError(f"it contains {_kind(found)}, not a JSON object")
    if _deeper(cast("object", found), DEEPEST):
        raise ValueError(f"nested deeper than {DEEPEST}")
    return cast("dict[str, Any]", found)


def checked(
    path: str | Path, kind: type[M], found: Mapping[str, Any], what: str, *, cure: str = ""
) -> M:
    """Returns the content of a file as the values of its form; the other arguments are as above.

    Raises:
        RunError: a value is missing or of another type; the first three are named with what was
            read and what is allowed.
    """
    try:
        return kind.model_validate(found)
    except ValidationError as error:
        faults = error.errors()
        lines = [
            f"  {_place(f['loc'])}: {f['msg']}; read: {_short(f['input'])}" for f in faults[:3]
        ]
        more = [f"  and {len(faults) - 3} more"] if len(faults) > 3 else []
        said = "\n".join([f"{path}: is not {what}", *lines, *more])
        raise RunError(said + cure_line(cure)) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]
        raise ValueError(f"keys written twice: {', '.join(map(_short, twice[:8]))}")
    return found


def _deeper(value: object, limit: int) -> bool:
    """Returns whether anything is nested deeper than the limit, without recursion."""
    level = [value]
    for _ in range(limit + 1):
        below: list[object] = []
        for entry in level:
            if isinstance(entry, dict):
                below += cast("dict[str, object]", entry).values()
            elif isinstance(entry, list):
                below += cast("list[object]", entry)
        if not below:
            return False
        level = below
    return True


def _place(parts: tuple[int | str, ...]) -> str:
    return ".".join(map(str, parts)) or "its content"


def _kind(value: object) -> str:
    names: dict[type[Any], str] = {
        list: "a list",
        str: "a text",
        bool: "true or false",
        type(None): "null",
    }
    return names.get(type(value), "a number")


def _short(value: object, width: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= width else text[: width - 3] + "..."
