"""The content of a folder of clips: everything is either a clip or counted by its kind."""

from __future__ import annotations

import os
import stat
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from connsearch.data.media.frame_store import COUNT, STORE

VIDEO_SUFFIXES = frozenset(
    (".3gp", ".avi", ".flv", ".gif", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts")
) | frozenset((".ogv", ".ts", ".webm", ".wmv"))
PICTURES = (".jpg", ".jpeg", ".png")
MAPS = ".npz"


@dataclass(slots=True)
class FolderContents:
    """The content of a folder.

    Attributes:
        videos: video files and stores, by path.
        pictures: folder -> number of the pictures in it.
        maps: files that may be object maps.
        others: suffix -> files of another kind.
        skipped: reason -> number of ignored entries.
    """

    videos: list[Path] = field(default_factory=list[Path])
    pictures: Counter[Path] = field(default_factory=Counter[Path])
    maps: list[Path] = field(default_factory=list[Path])
    others: Counter[str] = field(default_factory=Counter[str])
    skipped: Counter[str] = field(default_factory=Counter[str])

    def add(self, other: FolderContents) -> None:
        """Adds the content of another folder."""
        self.videos += other.videos
        self.maps += other.maps
        self.pictures.update(other.pictures)
        self.others.update(other.others)
        self.skipped.update(other.skipped)

    @property
    def anything(self) -> bool:
        """Whether there is something that can be a clip."""
        return bool(self.videos or self.pictures)


def look(folder: Path, *, deep: bool = True) -> FolderContents:
    """Returns the content of a folder with or without sub-folders; links to folders are followed.

    A circular link, or one to a folder above, is counted and not followed.
    """
    held = FolderContents()
    waiting: list[tuple[Path, tuple[tuple[int, int], ...]]] = [(folder, _above(folder))]
    while waiting:
        place, above = waiting.pop()
        try:
            found = place.stat()
            here = (found.st_dev, found.st_ino)
            if here in above:
                held.skipped["circular links"] += 1
                continue
            with os.scandir(place) as entries:
                for entry in entries:
                    path = place / entry.name
                    if entry.name.startswith("."):
                        held.skipped["hidden files and folders"] += 1
                    elif not entry.is_dir():
                        _file(path, held)
                    elif deep:
                        waiting.append((path, (*above, here)))
        except OSError as error:
            held.skipped[f"folders that cannot be read ({error.strerror})"] += 1
    held.videos.sort()
    held.maps.sort()
    return held


def _above(folder: Path) -> tuple[tuple[int, int], ...]:
    """Returns the folders that a folder lies in, as the system numbers them."""
    found: list[tuple[int, int]] = []
    for place in folder.absolute().parents:
        with suppress(OSError):
            stat_ = place.stat()
            found.append((stat_.st_dev, stat_.st_ino))
    return tuple(found)


def _file(path: Path, held: FolderContents) -> None:
    try:
        regular = stat.S_ISREG(path.stat().st_mode)
    except OSError:
        held.skipped["broken links"] += 1
        return
    suffix = path.suffix.lower()
    if not regular:
        held.skipped["special files"] += 1
    elif suffix in VIDEO_SUFFIXES or path.name == STORE:
        held.videos.append(path)
    elif suffix in PICTURES:
        held.pictures[path.parent] += 1
    elif suffix == MAPS:
        held.maps.append(path)
    elif path.name != COUNT:  # it belongs to a store
        held.others[suffix or "no suffix"] += 1


def counted(kinds: Counter[str]) -> str:
    """Returns the kinds with their numbers, most frequent first.

    >>> counted(Counter({".txt": 2, ".mpv": 10}))
    '.mpv 10, .txt 2'
    """
    return ", ".join(
        f"{kind} {n}" for kind, n in sorted(kinds.items(), key=lambda i: (-i[1], i[0]))
    )
