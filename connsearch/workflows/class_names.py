"""Names of classes in a file, in the order of the outputs of a network."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, cast

from connsearch.errors import DataError
from connsearch.files.disk import cure_for, cure_line, read_plain, reason
from connsearch.files.text import visible
from connsearch.models.taken import few

_ALLOWED = (
    "one name a line (a number before each may tell its place), or JSON: a list of names, or an "
    "object of names and numbers"
)


def read_class_names(path: Path) -> tuple[str, ...]:
    """Returns the names in a file, in the order of the outputs.

    Text has a name a line; where every line begins with a number and these count from 0 or 1, they
    are the places. JSON has a list, or the places by name, or the names by place.

    Raises:
        DataError: the file cannot be read, is none of these, has a name or a place twice, or a name
            that is blank or has control characters.
    """
    try:
        text = read_plain(path).decode("utf-8-sig")
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read: {reason(error)}{cure_line(cure_for(error))}"
        ) from None
    except ValueError:
        raise DataError(f"{path}: is not UTF-8 text\n  allowed: {_ALLOWED}") from None
    names = _of_json(path, text) if path.suffix.lower() == ".json" else _of_lines(text)
    if not names:
        raise DataError(f"{path}: has no names of classes\n  allowed: {_ALLOWED}")
    odd = [name for name in names if not name or name.isspace() or visible(name) != name]
    if odd:
        raise DataError(
            f"{path}: has names of classes that cannot be shown: {few(list(map(repr, odd)))}\n"
            "  allowed: at least one letter or sign, and no control characters"
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"{path}: names of classes that are there twice: {few(twice)}")
    return tuple(names)


def _of_lines(text: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    found = [re.fullmatch(r"(\d+)[\s,]+(.*\S)", line) for line in lines]
    numbered = [(int(one[1]), one[2]) for one in found if one is not None]
    places = sorted(place for place, _ in numbered)
    if len(numbered) == len(lines) and places in (_count(len(lines), 0), _count(len(lines), 1)):
        return [name for _, name in sorted(numbered)]
    return lines


def _of_json(path: Path, text: str) -> list[str]:
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: is not JSON: {error}") from None
    if isinstance(found, list):
        names = cast("list[object]", found)
        if all(isinstance(name, str) for name in names):
            return [str(name) for name in names]
    if isinstance(found, dict):
        pairs = _pairs(cast("dict[str, object]", found))
        if sorted(place for place, _ in pairs) in (_count(len(pairs), 0), _count(len(pairs), 1)):
            return [name for _, name in sorted(pairs)]
    raise DataError(
        f"{path}: is not a list of names, nor names with numbers that count from 0 or 1\n"
        f"  allowed: {_ALLOWED}"
    )


def _pairs(found: dict[str, object]) -> list[tuple[int, str]]:
    """Place and name of every entry: ``{"run": 0}`` or ``{"0": "run"}``."""
    pairs: list[tuple[int, str]] = []
    for key, value in found.items():
        if isinstance(value, int) and not isinstance(value, bool):
            pairs.append((value, key))
        elif isinstance(value, str) and key.isdecimal():
            pairs.append((int(key), value))
        else:
            pairs.append((-1, key))
    return pairs


def _count(length: int, start: int) -> list[int]:
    return list(range(start, start + length))
