"""A folder of clips: one sub-folder per class, or train / select / test folders of such.

A clip is a video file, a folder with a ``frames.db``, or (where there is no such thing in any
class) a folder of JPEG or PNG frames. An object map stands beside its video or folder of frames
under the same name with the suffix ``.npz``, and beside a ``frames.db`` as ``objects.npz``.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from connsearch.data.datasets import DATASETS
from connsearch.data.datasets.csv_list import SPLIT_WORDS, read_csv
from connsearch.data.datasets.frames_db import FACTS, LIST, read_packed
from connsearch.data.frame_store import OBJECTS, STORE
from connsearch.data.media.frame_folder import SUFFIXES
from connsearch.data.options import DataOptions
from connsearch.data.records import Record, Source, Split, class_names, listed
from connsearch.errors import DataError

VIDEO_SUFFIXES = frozenset(
    (".3gp", ".avi", ".flv", ".gif", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts")
) | frozenset((".ogv", ".ts", ".webm", ".wmv"))


def _folders(path: Path) -> list[Path]:
    return sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))


def _videos(path: Path) -> list[Path]:
    """Returns the video files and stores below a class folder."""
    return sorted(
        p
        for p in path.rglob("*")
        if (p.suffix.lower() in VIDEO_SUFFIXES or p.name == STORE)
        and p.is_file()
        and not p.name.startswith(".")
    )


def _frame_folders(path: Path) -> list[Path]:
    """Returns the folders below a class folder that hold pictures."""
    found: list[Path] = []
    for folder, _, files in os.walk(path):
        if Path(folder) != path and any(f.lower().endswith(SUFFIXES) for f in files):
            found.append(Path(folder))
    return sorted(found)


def _split_folders(path: Path) -> list[tuple[Split | None, Path]]:
    """Returns (split, folder of class folders): the folder itself where it has no split folders."""
    found: list[tuple[Split | None, Path]] = [(SPLIT_WORDS.get(p.name), p) for p in _folders(path)]
    splits = {split for split, _ in found}
    if "train" in splits and None not in splits:
        return found
    return [(None, path)]


@DATASETS.register("folder")
def read_folder(rest: str, options: DataOptions) -> Source:
    """Returns the data set a folder holds; a ``clips.csv`` in it is read instead of the folders.

    Raises:
        DataError: no such folder, no class folders, or class folders without a clip.
    """
    path = Path(rest)
    if not path.is_dir():
        raise DataError(f"{path}: no such folder")
    if (path / FACTS).is_file():
        return read_packed(path, options)
    if (path / LIST).is_file():
        return read_csv(str(path / LIST), options)
    found, empty = _found(path, _videos)
    if not found:
        found, empty = _found(path, _frame_folders)
    if empty:
        raise DataError(
            f"{path}: class folders without a video\n{listed(empty)}\n"
            f"  allowed: {', '.join(sorted(VIDEO_SUFFIXES))}, folders with a {STORE}, or folders "
            f"of frames ({', '.join(SUFFIXES)}) if no class has anything else"
        )
    if not found:
        raise DataError(
            f"{path}: no class folders; expected {path.name}/CLASS/video.mp4 for every class, "
            f"{path.name}/train/CLASS/video.mp4, or a {LIST}"
        )
    classes = class_names([label for label, _, _ in found])
    records = tuple(
        _record(path, clip, split, classes.index(label)) for label, split, clip in found
    )
    without = [r.name for r in records if r.objects is None]
    if 0 < len(without) < len(records):
        raise DataError(f"{path}: object maps for some clips only; without:\n{listed(without)}")
    return Source(str(path), classes, records, 0 if without else options.object_classes)


def _found(
    path: Path, clips_of: Callable[[Path], list[Path]]
) -> tuple[list[tuple[str, Split | None, Path]], list[str]]:
    """Returns (label, split, clip) of every clip, and the class folders that have none."""
    found: list[tuple[str, Split | None, Path]] = []
    empty: list[str] = []
    for split, root in _split_folders(path):
        for folder in _folders(root):
            clips = clips_of(folder)
            found.extend((folder.name, split, clip) for clip in clips)
            if not clips:
                empty.append(folder.relative_to(path).as_posix())
    return found, empty


def _record(path: Path, clip: Path, split: Split | None, label: int) -> Record:
    if clip.name == STORE:
        medium, name, maps = "frames_db", clip.parent, clip.with_name(OBJECTS)
    elif clip.is_dir():
        medium, name, maps = "frame_folder", clip, clip.with_name(f"{clip.name}.npz")
    else:
        medium, name, maps = "video", clip, clip.with_suffix(".npz")
    return Record(
        name=name.relative_to(path).as_posix(),
        path=clip,
        labels=(label,),
        split=split,
        objects=maps if maps.is_file() else None,
        medium=medium,
    )
