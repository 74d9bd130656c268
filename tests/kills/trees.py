"""A directory as a value: what is in its files, without what no two runs have in common."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import sqlite3
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

TIMES = frozenset(
    "seconds seconds_per_clip clips_per_second read_per_second forward_per_second "
    "backward_per_second opened latency_ms latency_spread passes pid "
    "environment transplanted_seconds".split()
)
"""Keys of JSON objects and columns of tables that say when, how fast or by which process."""


def tree(directory: Path, *, ignored: Collection[str] = (), times: Collection[str] = TIMES) -> dict:
    """Returns path -> content of every file and every directory below.

    Args:
        directory: to look at.
        ignored: patterns (of whole relative paths) of files whose presence alone counts.
        times: keys and columns to leave out.
    """
    found: dict[str, Any] = {}
    for path in sorted(directory.rglob("*")):
        name = path.relative_to(directory).as_posix()
        if path.is_dir():
            found[name] = "a directory"
        elif any(re.fullmatch(pattern, name) for pattern in ignored):
            found[name] = "there"
        else:
            found[name] = _content(path, times)
    return found


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Returns what differs between two trees, one line a file."""
    lines = [f"is missing: {name}" for name in one if name not in other]
    lines += [f"is left over: {name}" for name in other if name not in one]
    lines += [
        f"differs: {name}{_where(one[name], other[name])}"
        for name in one
        if name in other and one[name] != other[name]
    ]
    return lines


def _where(one: Any, other: Any) -> str:
    if isinstance(one, dict) and isinstance(other, dict):
        keys = [k for k in {**one, **other} if one.get(k) != other.get(k)]
        return f" in {', '.join(map(str, keys[:5]))}"
    if isinstance(one, list) and isinstance(other, list):
        rows = [i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b]
        return f": {len(one)} and {len(other)} rows, first at {rows[:1]}"
    return ""


def _content(path: Path, times: Collection[str]) -> Any:
    data = path.read_bytes()
    try:
        match path.suffix:
            case ".json":
                return _plain(json.loads(data), times)
            case ".jsonl":
                return [_plain(json.loads(line), times) for line in data.decode().splitlines()]
            case ".csv":
                rows = csv.DictReader(io.StringIO(data.decode()))
                return [{k: v for k, v in row.items() if k not in times} for row in rows]
            case ".safetensors":
                return _tensors(path, times)
            case ".db":
                return _table(path)
            case ".html":  # it says the minute when it was made
                data = re.sub(rb"Made on [^<]* UTC", b"", data)
            case _:
                pass
    except ValueError as error:
        return f"unreadable: {error}"
    if path.name == ".lock":
        return "a lock"
    return hashlib.sha256(data).hexdigest()


def _plain(value: Any, times: Collection[str]) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v, times) for k, v in value.items() if k not in times}
    return [_plain(v, times) for v in value] if isinstance(value, list) else value


def _tensors(path: Path, times: Collection[str]) -> dict[str, Any]:
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        header = dict(file.metadata() or {})
        header.pop("seal", None)
        tensors = {n: hashlib.sha256(file.get_tensor(n).tobytes()).hexdigest() for n in file.keys()}  # noqa: SIM118
    for key in ("state", "notes", "structure"):
        if key in header:
            header[key] = _plain(json.loads(header[key]), times)
    if "notes" in header:
        header["notes"].pop("logs", None)  # lengths of tables that hold times
    return {**header, **tensors}


def _table(path: Path) -> dict[str, Any]:
    db = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    try:
        names = [n for (n,) in db.execute("select name from sqlite_master where type = 'table'")]
        return {
            n: hashlib.sha256(
                repr(sorted(db.execute(f"select * from {n}"), key=repr)).encode()
            ).hexdigest()
            for n in names
        }
    finally:
        db.close()
