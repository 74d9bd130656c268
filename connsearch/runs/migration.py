"""What earlier versions wrote under other names and in other places, as this version has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from connsearch.data.records import split_name
from connsearch.settings.earlier import migrated_settings

BY_SPLIT = ("splits", "contents", "metrics")
"""Parts of a record whose keys are names of splits."""


def migrated(record: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what a run or a pruning recorded, with the names and groups of this version.

    >>> migrated({"command": "search", "splits": {"select": {"clips": 3}}})
    {'command': 'search', 'splits': {'val': {'clips': 3}}}
    """
    found = dict(record)
    settings = record.get("settings")
    if isinstance(settings, Mapping):
        found["settings"] = migrated_settings(cast("Mapping[str, Any]", settings))
    for name in BY_SPLIT:
        part = record.get(name)
        if isinstance(part, Mapping):
            entries = cast("Mapping[str, Any]", part).items()
            found[name] = {split_name(key): value for key, value in entries}
    return found
