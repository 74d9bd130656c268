"""CSV lists that name videos by an id: which file each of them means."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from connsearch.data.media.frame_store import STORE
from connsearch.data.sources.lists import seconds
from connsearch.data.sources.published import Shelves
from connsearch.data.sources.walk import VIDEO_SUFFIXES
from connsearch.errors import DataError

IDS = ("id", "video_id", "youtube_id", "video")
"""Columns that may name a video in place of ``path``."""

BELOW = ("videos", "clips", "data")
"""Folders below the root that may hold the videos, too."""


def id_column(path: Path, header: Sequence[str]) -> str | None:
    """Returns the column that names the videos; None where there is a path, or no such column.

    Raises:
        DataError: several columns might.
    """
    found = [name for name in IDS if name in header]
    if "path" in header or not found:
        return None
    if len(found) > 1:
        raise DataError(
            f"{path}: the columns {' and '.join(found)} may both name the videos\n"
            "  cure: rename the right one to path, or remove the other one"
        )
    return found[0]


def with_paths(
    rows: list[tuple[int, dict[str, str]]], root: Path
) -> tuple[list[tuple[int, dict[str, str]]], list[str]]:
    """Returns the rows with a ``path``, found by their id where they have none, and notes.

    An id is a video of that name with any suffix, or a folder of frames, in the root, in a folder
    ``videos``, ``clips`` or ``data`` there, or in one called after the label; where ``time_start``
    and ``time_end`` are columns, a clip ``ID_START_END`` with six digits each goes first. One that
    is not found keeps its id as its path.
    """
    columns = list(rows[0][1]) if rows else []
    name = id_column(root, columns)
    if name is None:
        return rows, []
    places = [root, *(root / below for below in BELOW)]
    videos, folders = Shelves(places), Shelves(places, "folder")
    found = [(line, {**row, "path": _find(row, name, root, videos, folders)}) for line, row in rows]
    notes = [
        f"{videos.doubles} videos have the same name as another one; the first by name is read"
    ]
    return found, notes if videos.doubles else []


def _find(row: dict[str, str], column: str, root: Path, videos: Shelves, folders: Shelves) -> str:
    """Returns the path of one row relative to the root; its id where nothing is found."""
    cell = row[column]
    if not cell or "\0" in cell:
        return cell
    given = PurePosixPath(cell)
    parent = "" if str(given.parent) == "." else str(given.parent)
    stem = given.stem if given.suffix.lower() in VIDEO_SUFFIXES else given.name
    label = row.get("label", "")
    inner = (
        [label, label.replace(" ", "_")] if label and "/" not in label and "\0" not in label else []
    )
    below = tuple(dict.fromkeys([parent, *(os.path.join(part, parent) for part in inner)]))
    start, end = seconds(row.get("time_start", "")), seconds(row.get("time_end", ""))
    stems = [stem]
    if start is not None and end is not None and max(start, end) < 1e9:
        stems.insert(0, f"{stem}_{int(start):06d}_{int(end):06d}")
    found = videos.find(below, stems) or folders.find(below, stems)
    if found is None:
        return cell
    if os.path.isfile(found / STORE):
        found = found / STORE
    return os.path.relpath(found, root)
