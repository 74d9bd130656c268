"""A folder of clips: one sub-folder per class, or train / val / test folders of such.

A clip is a video file, a folder with a ``frames.db``, or (where there is no such thing in any
class) a folder of JPEG or PNG frames. An object map stands beside its video or folder of frames
under the same name with the suffix ``.npz``, and beside a ``frames.db`` as ``objects.npz``.

Folders are lists, not classes, where all of them are called like one (``split_words``), in any
case, and hold class folders. Links to folders are followed. Whatever is no clip is counted.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from connsearch.data.media.frame_store import OBJECTS, STORE
from connsearch.data.options import DataOptions
from connsearch.data.records import Record, Source, Split, class_names, listed
from connsearch.data.sources.datasets import dataset
from connsearch.data.sources.datasets.csv_list import read_csv
from connsearch.data.sources.datasets.frames_db import FACTS, LIST, read_packed
from connsearch.data.sources.split_words import NAMES, alike, nearly, split_of
from connsearch.data.sources.walk import PICTURES, VIDEO_SUFFIXES, FolderContents, counted, look
from connsearch.errors import DataError

_CURE = f"cure: rename the folder, or use a {LIST} with the column split"


@dataclass(frozen=True, slots=True)
class _Class:
    """A class folder and its content."""

    path: Path
    split: Split | None
    held: FolderContents


@dataset("folder", "object_classes")
def read_folder(rest: str, options: DataOptions) -> Source:
    """Returns the data set a folder holds; a ``clips.csv`` in it is read instead of the folders.

    Raises:
        DataError: no such folder, no class folders, class folders without a clip, or folders that
            may be either splits or classes.
    """
    path = Path(rest)
    if not path.is_dir():
        raise DataError(f"{path}: no such folder")
    if (path / FACTS).is_file():
        return read_packed(path, options.source)
    if (path / LIST).is_file():
        return read_csv(str(path / LIST), options)
    folders, notes, loose = _class_folders(path)
    stores = any(folder.held.videos for folder in folders)
    found: list[tuple[str, Split | None, Path]] = []
    empty: list[str] = []
    for folder in folders:
        clips = folder.held.videos if stores else _frame_folders(folder)
        found.extend((folder.path.name, folder.split, clip) for clip in clips)
        if not clips:
            empty.append(folder.path.relative_to(path).as_posix())
        loose.add(folder.held)
    if empty:
        raise DataError(
            f"{path}: class folders without a video\n{listed(empty)}\n"
            f"  allowed: {', '.join(sorted(VIDEO_SUFFIXES))}, folders with a {STORE}, or folders "
            f"of frames ({', '.join(PICTURES)}) if no class has anything else" + _seen(loose.others)
        )
    if not found:
        raise DataError(
            f"{path}: no class folders; expected {path.name}/CLASS/video.mp4 for every class, "
            f"{path.name}/train/CLASS/video.mp4, or a {LIST}" + _seen(loose.others)
        )
    classes = class_names([label for label, _, _ in found])
    records = tuple(
        _record(path, clip, split, classes.index(label)) for label, split, clip in found
    )
    without = [r.name for r in records if r.objects is None]
    if 0 < len(without) < len(records):
        raise DataError(f"{path}: object maps for some clips only; without:\n{listed(without)}")
    notes += _left_out(path, loose, records)
    known = 0 if without else options.source.object_classes
    return Source(str(path), classes, records, known, tuple(notes))


def _class_folders(path: Path) -> tuple[list[_Class], list[str], FolderContents]:
    """Returns the class folders, notes about them, and other files next to them.

    Raises:
        DataError: folders may be either splits or classes.
    """
    beside = look(path, deep=False)
    top = _folders(path)
    named = [folder for folder in top if split_of(folder.name) is not None]
    listing = [folder for folder in named if not look(folder, deep=False).anything]
    listing = [folder for folder in listing if _folders(folder)]
    notes: list[str] = []
    if named and not listing:
        names = ", ".join(folder.name for folder in named)
        if len(named) == len(top):
            raise DataError(
                f"{path}: no class folders in {names}; expected {path.name}/{named[0].name}/CLASS/"
                f"video.mp4\n  cure: a folder for every class, or a {LIST} with the column label"
            )
        notes.append(f"{path}: {names}: clips are directly in it, so it is read as a class")
    if not listing:
        _refuse_nearly_lists(path, top)
        return [_Class(folder, None, look(folder)) for folder in top], notes, beside
    _refuse_unclear(path, named, listing)
    for folder in top:
        if folder not in named:
            held = look(folder)
            if held.anything:
                _unclear(path, [folder.name], [f.name for f in listing])
            notes.append(f"{path}: the folder {folder.name} contains no clip and is not read")
            beside.add(held)
    if all(split_of(folder.name) != "train" for folder in listing):
        names = ", ".join(folder.name for folder in listing)
        raise DataError(
            f"{path}: folders named like splits ({names}), but none of them is a training split\n"
            f"  allowed for that: {', '.join(NAMES['train'])}; {_CURE}"
        )
    classes: list[_Class] = []
    for folder in listing:
        beside.add(look(folder, deep=False))
        split = split_of(folder.name)
        classes += [_Class(inner, split, look(inner)) for inner in _folders(folder)]
    return classes, notes, beside


def _refuse_unclear(path: Path, named: list[Path], listing: list[Path]) -> None:
    """Refuses lists of which one is there twice, or one holds clips directly."""
    for split, names in alike(folder.name for folder in listing).items():
        raise DataError(
            f"{path}: the folders {' and '.join(names)} both mean the split {split}\n"
            f"  cure: merge them, or use a {LIST} with the column split"
        )
    direct = [folder.name for folder in named if folder not in listing and look(folder).anything]
    if direct:
        _unclear(path, direct, [folder.name for folder in listing])


def _refuse_nearly_lists(path: Path, folders: list[Path]) -> None:
    """Refuses folders such as train_256 and val_256 that hold folders of the same names."""
    called = {folder: split for folder in folders if (split := nearly(folder.name)) is not None}
    if "train" not in called.values() or len(set(called.values())) < 2:
        return
    within = [folder for folder in called if not look(folder, deep=False).anything]
    inner = {folder: {place.name for place in _folders(folder)} for folder in within}
    known = set[str]().union(*(inner[f] for f in within if called[f] == "train"))
    alike_ = [f.name for f in within if called[f] == "train" or inner[f] & known]
    if known and any(inner[f] & known for f in within if called[f] != "train"):
        words = ", ".join(word for names in NAMES.values() for word in names)
        raise DataError(
            f"{path}: are these folders splits or classes? {', '.join(alike_)} contain folders of "
            f"the same names\n  allowed for splits: {words}; {_CURE}"
        )


def _unclear(path: Path, classes: list[str], lists: list[str]) -> None:
    raise DataError(
        f"{path}: are these folders splits or classes? {', '.join(lists)} are named and built like "
        f"splits (train/CLASS/video.mp4), {', '.join(classes)} like classes (CLASS/video.mp4)\n"
        f"  {_CURE}"
    )


def _folders(path: Path) -> list[Path]:
    try:
        return sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error


def _frame_folders(folder: _Class) -> list[Path]:
    """Returns the folders below a class folder that hold pictures; those are clips, not loose."""
    clips = sorted(place for place in folder.held.pictures if place != folder.path)
    for clip in clips:
        del folder.held.pictures[clip]
    return clips


def _seen(others: Counter[str]) -> str:
    return f"\n  read there: files of other kinds ({counted(others)})" if others else ""


def _left_out(path: Path, loose: FolderContents, records: tuple[Record, ...]) -> list[str]:
    """Returns the counts of files in the folder that belong to no clip."""
    used = {r.path for r in records} | {r.objects for r in records if r.objects is not None}
    kinds = Counter(loose.others)
    kinds += Counter(file.suffix.lower() for file in loose.videos if file not in used)
    kinds += Counter({"pictures": loose.pictures.total()})
    kinds += Counter(".npz without a clip" for file in loose.maps if file not in used)
    notes: list[str] = []
    if kinds:
        notes.append(
            f"{path}: {kinds.total()} files are not clips and are not read: {counted(kinds)}"
        )
    if loose.skipped:
        notes.append(f"{path}: ignored: {counted(loose.skipped)}")
    return notes


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
