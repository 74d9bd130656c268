"""A folder of videos: one sub-folder per class, or train / select / test folders of such.

An object map stands beside its video under the same name with the suffix ``.npz``.
"""

from __future__ import annotations

from pathlib import Path

from connsearch.data.datasets import DATASETS
from connsearch.data.datasets.csv_list import SPLIT_WORDS, read_csv
from connsearch.data.options import DataOptions
from connsearch.data.records import Record, Source, Split, class_names, listed
from connsearch.errors import DataError

VIDEO_SUFFIXES = frozenset(
    (".3gp", ".avi", ".flv", ".gif", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts")
) | frozenset((".ogv", ".ts", ".webm", ".wmv"))


def _folders(path: Path) -> list[Path]:
    return sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))


def _videos(path: Path) -> list[Path]:
    return sorted(
        p
        for p in path.rglob("*")
        if p.suffix.lower() in VIDEO_SUFFIXES and p.is_file() and not p.name.startswith(".")
    )


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
        DataError: no such folder, no class folders, or class folders without a video.
    """
    path = Path(rest)
    if not path.is_dir():
        raise DataError(f"{path}: no such folder")
    if (path / "clips.csv").is_file():
        return read_csv(str(path / "clips.csv"), options)
    found: list[tuple[str, Split | None, Path]] = []
    empty: list[str] = []
    for split, root in _split_folders(path):
        for folder in _folders(root):
            videos = _videos(folder)
            found.extend((folder.name, split, video) for video in videos)
            if not videos:
                empty.append(folder.relative_to(path).as_posix())
    if empty:
        raise DataError(
            f"{path}: class folders without a video\n{listed(empty)}\n"
            f"  allowed: {', '.join(sorted(VIDEO_SUFFIXES))}"
        )
    if not found:
        raise DataError(
            f"{path}: no class folders; expected {path.name}/CLASS/video.mp4 for every class, "
            f"{path.name}/train/CLASS/video.mp4, or a clips.csv"
        )
    classes = class_names([label for label, _, _ in found])
    records = tuple(
        Record(
            name=video.relative_to(path).as_posix(),
            path=video,
            labels=(classes.index(label),),
            split=split,
            objects=maps if (maps := video.with_suffix(".npz")).is_file() else None,
        )
        for label, split, video in found
    )
    without = [r.name for r in records if r.objects is None]
    if 0 < len(without) < len(records):
        raise DataError(f"{path}: object maps for some clips only; without:\n{listed(without)}")
    return Source(str(path), classes, records, 0 if without else options.object_classes)
