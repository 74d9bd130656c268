"""The usual list files: ``path label`` with spaces between and no header, one clip per line.

``list:FILE`` is one list, split as any data set without splits; ``list:FOLDER`` has a file for
each split, recognised by a word of its name (``train.txt``, ``val.csv``, ``mini_test_videos.txt``).
Paths are relative to the list, or to the option videos, and may hold blanks; labels are numbers
from 0 or words. Names of numbers stand one per line in a ``classes.txt`` or ``labels.txt`` beside
the list.

``folder frames label``, the form of lists of folders of frames, is recognised by two numbers after
a folder; this many frames from the first are used.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from connsearch.data.media.frame_store import STORE
from connsearch.data.options import DataOptions
from connsearch.data.records import Record, Source, Split, Window, class_names, listed
from connsearch.data.sources.datasets import dataset
from connsearch.data.sources.frame_lists import frame_numbers
from connsearch.data.sources.lists import Faults, find_file, read_lines, whole
from connsearch.data.sources.missing import refuse_missing
from connsearch.data.sources.published import class_index
from connsearch.data.sources.split_words import split_of
from connsearch.data.sources.walk import VIDEO_SUFFIXES
from connsearch.errors import DataError
from connsearch.files.disk import open_plain

SUFFIXES = (".txt", ".csv", ".lst", ".list")
"""How the files of such lists may end."""

CLASSES = ("classes.txt", "labels.txt", "class_list.txt")
"""Files that may name the labels 0, 1 and so on."""

FORM = "PATH LABEL with spaces between them, or FOLDER FRAMES LABEL; PATH may contain spaces"
VIDEO = re.compile(
    rf"(.+(?:{'|'.join(re.escape(s) for s in sorted(VIDEO_SUFFIXES))}))\s+(\S.*)", re.IGNORECASE
)
"""A path that ends like a video, and what stands behind it."""
_LOOKED_AT = 20
"""Number of lines that decide whether lines contain a number of frames."""


@dataclass(frozen=True, slots=True)
class ListedClip:
    """One clip of a list; ``frames`` is 0 where the line says no number of frames."""

    number: int
    path: str
    label: str
    frames: int = 0


@dataset("list", "videos")
def read_path_list(rest: str, options: DataOptions) -> Source:
    """Returns the clips of a list, or of a folder of lists.

    Raises:
        DataError: a line that cannot be read, or listed files that do not exist; all are named.
    """
    path = Path(rest).expanduser()
    files = _files(path)
    folder = path if path.is_dir() else path.parent
    videos = options.source.videos
    root = folder if videos is None else videos.expanduser()
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; name the folder of the videos with --videos")
    lists = {file: _lines(file, root) for file in files}
    classes, label_of = _classes(folder, lists)
    records: list[Record] = []
    for file, split in files.items():
        lines = lists[file]
        missing = [line.path for line in lines if not _is_there(root / line.path)]
        refuse_missing(
            file, root, missing, count=len(lines), moved=options.source.videos is not None
        )
        _check_frames(file, root, lines)
        records += [_record(root, line, split, label_of[line.label]) for line in lines]
    _refuse_repeated(path, records)
    return Source(str(path), classes, tuple(records), 0, tuple(_notes(path)))


def is_path_list(path: Path) -> bool:
    """Returns whether a file begins like such a list: no header, and a label after a blank."""
    try:
        with open_plain(path) as file:
            first = file.readline(1 << 16).decode("utf-8-sig").strip()
    except (OSError, UnicodeDecodeError):
        return False
    cells = {cell.strip().lower() for cell in first.split(",")}
    if cells & {"path", "label", "labels"}:
        return False
    return bool(re.fullmatch(r".*\S\s+\d+", first) or VIDEO.fullmatch(first))


def _files(path: Path) -> dict[Path, Split | None]:
    """Returns the lists and which of the three each of them is; None: to be split."""
    if path.is_file():
        return {path: None}
    if not path.is_dir():
        raise DataError(f"{path}: no such list; expected a file of lines {FORM}, or a folder")
    found: dict[Path, Split] = {}
    for file in sorted(path.iterdir()):
        split = _split_in(file.stem) if file.suffix.lower() in SUFFIXES else None
        if split is not None and file.is_file():
            found[file] = split
    for split in set(found.values()):
        names = [file.name for file in found if found[file] == split]
        if len(names) > 1:
            raise DataError(
                f"{path}: the files {' and '.join(names)} both mean the split {split}\n"
                "  cure: name one file, list:FILE, or keep only one of them"
            )
    if "train" not in found.values():
        raise DataError(
            f"{path}: no training list in it; expected a file such as train.txt\n"
            f"  allowed: names with train, val or test in them that end in {', '.join(SUFFIXES)}"
        )
    return dict(found)


def _split_in(stem: str) -> Split | None:
    """Returns the one list that a word of a name means.

    >>> _split_in("kinetics_train_videos"), _split_in("train_val"), _split_in("notes")
    ('train', None, None)
    """
    found: set[Split | None] = {split_of(word) for word in re.split(r"[^A-Za-z]+", stem)}
    found.discard(None)
    return found.pop() if len(found) == 1 else None


def _notes(path: Path) -> Iterable[str]:
    """Yields which lists are next to the one that is read."""
    if not path.is_file() or _split_in(path.stem) is None:
        return
    others = [
        file.name
        for file in sorted(path.parent.iterdir())
        if file.suffix.lower() in SUFFIXES and file != path and _split_in(file.stem) is not None
    ]
    if others:
        yield (
            f"{path.name} is split into train, val and test; {', '.join(others)} next to it is "
            f"not read (list:{path.parent} reads a folder of lists)"
        )


def _lines(path: Path, root: Path) -> list[ListedClip]:
    faults = Faults(path, FORM)
    read = read_lines(path)
    if read[0][1].lower().split() == ["path", "label"]:
        read = read[1:]
    counted = _says_frames(path, root, read)
    lines: list[ListedClip] = []
    seen: dict[str, int] = {}
    for number, text in read:
        line = _line(number, text, faults, counted=counted)
        if line is None:
            continue
        first = seen.setdefault(line.path, number)
        if first != number:
            faults.add(number, f"{line.path[:120]} is already on line {first}")
        lines.append(line)
    faults.refuse()
    if not lines:
        raise DataError(f"{path}: only a header; expected {FORM}")
    return lines


def _says_frames(path: Path, root: Path, lines: Sequence[tuple[int, str]]) -> bool:
    """Returns whether the lines are ``folder frames label``: by their form, then by the disk."""
    found = [(number, _with_frames(text)) for number, text in lines]
    if any(parts is None for _, parts in found) or any(VIDEO.fullmatch(t) for _, t in lines):
        return False
    some = [(number, parts) for number, parts in found[:_LOOKED_AT] if parts is not None]
    with_frames = [number for number, p in some if _is_there(root / p[0])]
    without = [number for number, p in some if _is_there(root / f"{p[0]} {p[1]}")]
    both = sorted(set(with_frames) & set(without))
    if both:
        raise DataError(
            f"{path}: line {both[0]} can be read in two ways: a folder, its frames and a label, or "
            "a path that ends in a number and a label; both are on disk\n  cure: a CSV file with "
            "the columns path and label"
        )
    return len(with_frames) >= len(without)


def _line(number: int, text: str, faults: Faults, *, counted: bool) -> ListedClip | None:
    """Returns one clip; None if the line cannot be read, which is noted."""
    if "\0" in text:
        faults.add(number, "contains a NUL")
        return None
    if counted and (parts := _with_frames(text)):
        return ListedClip(number, _place(parts[0]), parts[2], int(parts[1]))
    cells = [cell.strip() for cell in text.split("\t")]
    if len(cells) == 2 and all(cells):  # a tab says where the path ends; a label may hold blanks
        return ListedClip(number, _place(cells[0]), cells[1])
    video = VIDEO.fullmatch(text)
    words = [video[1], video[2]] if video else text.rsplit(None, 1)
    if len(words) < 2:
        faults.add(number, f"one word, {text[:120]!r}; no label")
        return None
    path, label = words
    if len(label.split()) > 1:
        faults.add(
            number, f"{len(label.split())} words after the path: {label[:80]!r}; expected one label"
        )
        return None
    return ListedClip(number, _place(path), label)


def _with_frames(text: str) -> tuple[str, str, str] | None:
    """Returns folder, frames and label of a line that ends in two numbers."""
    parts = text.rsplit(None, 2)
    numbers = [part for part in parts[1:] if whole(part) is not None and len(part) < 10]
    return (parts[0], parts[1], parts[2]) if len(numbers) == 2 else None


def _place(text: str) -> str:
    return str(PurePosixPath(text.strip()))


def _classes(
    folder: Path, lists: dict[Path, list[ListedClip]]
) -> tuple[tuple[str, ...], dict[str, int]]:
    """Returns the class names, and which of them each label is."""
    labels = list(dict.fromkeys(line.label for lines in lists.values() for line in lines))
    names_file = find_file(folder, *CLASSES)
    numbers = {label: whole(label) for label in labels}
    if names_file is None and None not in numbers.values():
        classes = class_names([str(number) for number in numbers.values()])  # 01 is 1
        return classes, {label: classes.index(str(number)) for label, number in numbers.items()}
    if names_file is None:
        classes = class_names(labels)
        return classes, {name: number for number, name in enumerate(classes)}
    names = [text for _, text in read_lines(names_file)]
    index = class_index(names_file, names)
    if all(whole(label) is not None for label in labels):
        index = {label: int(label) for label in labels if int(label) < len(names)}
    for file, lines in lists.items():
        faults = Faults(file, f"labels 0 to {len(names) - 1}, or names that {names_file.name} has")
        for line in lines:
            if line.label not in index:
                faults.add(line.number, f"{names_file.name} has no label {line.label[:80]!r}")
        faults.refuse()
    return tuple(names), index


def _is_there(path: Path) -> bool:
    return os.path.isfile(path) or os.path.isdir(path)


def _check_frames(file: Path, root: Path, lines: Sequence[ListedClip]) -> None:
    """Refuses folders with fewer frames than the list gives, by line."""
    faults = Faults(file, "as many frames as the line gives")
    for line in lines:
        if line.frames and (held := len(frame_numbers(root / line.path))) < line.frames:
            faults.add(line.number, f"{line.path[:120]} has {held} frames of {line.frames}")
    faults.refuse()


def _record(root: Path, line: ListedClip, split: Split | None, label: int) -> Record:
    path, medium = root / line.path, "video"
    if path.is_dir():
        store = (path / STORE).is_file() and not line.frames
        path, medium = (path / STORE, "frames_db") if store else (path, "frame_folder")
    elif path.suffix == ".db":
        medium = "frames_db"
    window = Window(0, line.frames, "frames") if line.frames else None
    return Record(line.path, path, (label,), split=split, medium=medium, window=window)


def _refuse_repeated(path: Path, records: Sequence[Record]) -> None:
    on: dict[str, Split | None] = {}
    twice = [r.name for r in records if on.setdefault(r.name, r.split) != r.split]
    if twice:
        raise DataError(
            f"{path}: clips in two of the lists\n{listed(twice)}\n  cure: remove them from one"
        )
