"""What must stay in one split: clips that share a group, a video file, or both."""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence
from contextlib import suppress
from pathlib import Path

from connsearch.data.options import SplitBy
from connsearch.data.records import Record


def units_of(records: Sequence[Record], *, split_by: SplitBy = "group") -> list[str]:
    """Returns the name of every record's unit; records of one unit stay together.

    Records of one video file are one unit, however its path is spelled, linked or mounted; with
    ``split_by="group"`` so are records of one group, and all that are connected by either. The
    names depend on groups and names of records alone, so a packed list has the same ones.
    """
    by_group = split_by == "group"
    keys: dict[Hashable, int] = {}
    parent = list(range(len(records)))

    def root(place: int) -> int:
        while parent[place] != place:
            parent[place] = place = parent[parent[place]]
        return place

    files: dict[Path, Hashable] = {}
    for place, record in enumerate(records):
        if record.path not in files:
            files[record.path] = file_key(record.path)
        shared: list[Hashable] = [files[record.path]]
        if by_group and record.group:
            shared.append(("group", record.group))
        for key in shared:
            parent[root(place)] = root(keys.setdefault(key, place))
    members: dict[int, list[int]] = {}
    for place in range(len(records)):
        members.setdefault(root(place), []).append(place)
    names = [""] * len(records)
    for places in members.values():
        name = _name([records[place] for place in places], by_group=by_group)
        for place in places:
            names[place] = name
    return names


def _name(records: Sequence[Record], *, by_group: bool) -> str:
    groups = {record.group for record in records} - {""} if by_group else set[str]()
    if groups:
        return f"group {min(groups)}"
    first = min(record.name for record in records)
    return f"group {first}" if len(records) > 1 else f"clip {first}"


def file_key(path: Path) -> Hashable:
    """Returns what is the same for all names of one file or folder: links, spellings, mounts."""
    with suppress(OSError, ValueError):
        found = path.stat()
        if found.st_ino:
            return "file", found.st_dev, found.st_ino
    return "path", os.path.abspath(path)


def shares_files(records: Sequence[Record]) -> bool:
    """Returns whether two records are cut from one file."""
    return len({file_key(path) for path in {r.path for r in records}}) < len(records)


def units_before(records: Sequence[Record]) -> list[str]:
    """Returns the units of reading 1: a group, or a single clip where there is none."""
    return [record.unit for record in records]
