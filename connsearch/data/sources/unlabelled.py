"""Videos without labels: a file, a folder of frames, or whatever lies anywhere below a folder."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from connsearch.data.media.formats.frame_folder import SUFFIXES
from connsearch.data.media.frame_store import OBJECTS, STORE
from connsearch.data.records import Record, listed
from connsearch.data.sources.walk import VIDEO_SUFFIXES
from connsearch.errors import DataError
from connsearch.files.disk import is_folder, is_there, require_plain

_LISTS = (".csv", ".tsv", ".txt", ".lst", ".list", ".json")


@dataclass(frozen=True, slots=True)
class Unlabelled:
    """Clips without labels.

    Attributes:
        records: the clips; their names are relative to where somebody looked for them.
        notes: for the user: what lies beside them and is not read.
    """

    records: tuple[Record, ...]
    notes: tuple[str, ...] = ()


def videos_at(places: Sequence[str | Path]) -> Unlabelled:
    """Returns the videos that people name: files, stores, folders of frames, or folders of them.

    Each is there once; its name is its path as it was given.

    Args:
        places: files and folders. Below a folder every video and store is taken, or, where there
            is none, every folder of frames.

    Raises:
        DataError: a place is not there, or holds no video, or is a list; all are named.
        UnreadableError: a place is a pipe or a device, or cannot be read.
    """
    found: dict[str, Record] = {}
    notes: list[str] = []
    faults: list[str] = []
    twice = 0
    for place in map(Path, places):
        place = place.expanduser()
        try:
            here = _videos(place)
        except DataError as error:
            faults.append(str(error))
            continue
        notes += here.notes
        for record in here.records:
            real = os.path.realpath(record.path)
            twice += real in found
            found.setdefault(real, record)
    if len(faults) == 1:
        raise DataError(faults[0])
    if faults:
        lines = "\n".join(faults).replace("\n", "\n  ")
        raise DataError(f"{len(faults)} places have no video\n  {lines}")
    if twice:
        notes.append(f"{twice} video(s) named more than once: each is read once")
    return Unlabelled(tuple(found.values()), tuple(notes))


def _videos(place: Path) -> Unlabelled:
    """The videos at one place, by names that lead there.

    Raises:
        DataError: there is none.
    """
    if not is_there(place):
        raise DataError(
            f"{place}: no such file or folder\n  allowed: videos, stores of frames, folders of "
            "frames, and folders of these"
        )
    if not is_folder(place):
        require_plain(place)
        if place.suffix.lower() in _LISTS:
            raise DataError(
                f"{place}: is a list, not a video\n  cure: name the videos, or the folder they are "
                "in; connsearch evaluate judges a network on the clips of a list with labels"
            )
        return Unlabelled((replace(record_at(place.parent, place), name=str(place)),))
    here = held(place)
    if not here.records:
        beside = "".join(f"\n  {note}" for note in here.notes)
        raise DataError(
            f"{place}: no video in this folder or below it{beside}\n  allowed: "
            f"{', '.join(sorted(VIDEO_SUFFIXES))}, stores of frames ({STORE}), folders of frames "
            f"({', '.join(SUFFIXES)})"
        )
    named = (
        replace(r, name=str(place if r.path == place else place / r.name)) for r in here.records
    )
    return replace(here, records=tuple(named))


def record_at(folder: Path, clip: Path) -> Record:
    """Returns a clip without a label: a video, a ``frames.db`` or a folder of frames.

    Object maps stand beside it under its name with the suffix ``.npz``.

    Args:
        folder: its name is relative to this.
        clip: where it is.
    """
    if clip.suffix == ".db":
        own = clip.parent if clip.name == STORE and clip.parent != folder else clip
        medium, maps = "frames_db", clip.with_name(OBJECTS)
    elif clip.is_dir():
        medium, own, maps = "frame_folder", clip, clip.with_name(f"{clip.name}.npz")
    else:
        medium, own, maps = "video", clip, clip.with_suffix(".npz")
    name = clip.name if own == folder else own.relative_to(folder).as_posix()
    return Record(name, clip, (), objects=maps if maps.is_file() else None, medium=medium)


def held(path: Path) -> Unlabelled:
    """Returns every video and store below a folder; where there is none, every folder of frames.

    Args:
        path: the folder; links are followed, each folder is looked into once.
    """
    clips: list[Path] = []
    pictures: list[Path] = []
    others: Counter[str] = Counter()
    closed: list[str] = []
    for place, files in _walk(path, closed):
        for name in files:
            suffix = os.path.splitext(name)[1].lower()
            if suffix in VIDEO_SUFFIXES or name == STORE:
                clips.append(place / name)
            elif suffix not in (*SUFFIXES, ".npz"):
                others[suffix or "no suffix"] += 1
        if any(name.lower().endswith(SUFFIXES) for name in files):
            pictures.append(place)
    notes: list[str] = []
    if closed:
        notes.append(f"{path}: {len(closed)} folders cannot be read\n{listed(closed)}")
    if clips and pictures:
        notes.append(f"{path}: {len(pictures)} folders with pictures are not read as clips")
    stores = any(clip.name == STORE for clip in clips)
    others -= Counter({"no suffix": others["no suffix"]} if stores else {})  # n_frames
    if others:
        kinds = ", ".join(f"{suffix} {count}" for suffix, count in others.most_common(6))
        notes.append(f"{path}: {others.total()} files of other kinds are not read ({kinds})")
    return Unlabelled(tuple(record_at(path, clip) for clip in clips or pictures), tuple(notes))


def _walk(path: Path, closed: list[str]) -> Iterator[tuple[Path, list[str]]]:
    """Yields every folder with the names of its files; links are followed, each folder once.

    Args:
        path: where it begins.
        closed: gets a line for every folder that cannot be read.
    """
    seen: set[str] = set()

    def hear(error: OSError) -> None:
        closed.append(f"{error.filename}: {error.strerror}")

    for place, folders, files in os.walk(path, followlinks=True, onerror=hear):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield Path(place), sorted(name for name in files if not name.startswith("."))
