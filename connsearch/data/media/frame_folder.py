"""Folders of frames: one JPEG or PNG a frame, in the order of the numbers in their names."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from connsearch.data.decode import Frames
from connsearch.data.jpeg import decode_pictures, picture_size
from connsearch.data.media import MEDIA
from connsearch.data.records import VideoInfo, listed
from connsearch.disk import read_plain
from connsearch.errors import DataError

SUFFIXES = (".jpg", ".jpeg", ".png")

_NUMBERED = re.compile(r"(.*?)(\d+)", re.DOTALL)
_FOLDERS = 256
"""Listings a process keeps."""

_CURE = "cure: extract the frames again, or take the clip off the list"


class FrameFolder:
    """A folder whose pictures are the frames of one video; it says no frame rate."""

    def probe(self, path: Path) -> VideoInfo:
        """Returns what is stored there; the folder is listed, the first frame's header is read."""
        names = frame_names(path)
        height, width = picture_size(_bytes(path, names[0]), str(path / names[0]))
        return VideoInfo(len(names), height, width, 0.0)

    def read(
        self,
        path: Path,
        numbers: Sequence[int],
        *,
        size: tuple[int, int] | None,
        info: VideoInfo,
    ) -> Frames:
        """Returns the frames of those numbers, ``uint8`` (T, H, W, 3)."""
        names = frame_names(path)
        if max(numbers) >= len(names):
            raise DataError(
                f"{path}: frame {max(numbers) + 1} was needed, {len(names)} are there; {_CURE}"
            )
        distinct = list(dict.fromkeys(numbers))
        frames_THWC = decode_pictures(
            [_bytes(path, names[number]) for number in distinct],
            lambda n: str(path / names[distinct[n]]),
            stored=(info.height, info.width),
            size=size,
        )
        if len(distinct) == len(numbers):
            return frames_THWC
        places = {number: n for n, number in enumerate(distinct)}
        return frames_THWC[np.array([places[number] for number in numbers])]

    def bytes_on_disk(self, path: Path) -> int:
        """Returns the size of all frames together."""
        return sum((path / name).stat().st_size for name in frame_names(path))


def frame_names(path: Path) -> tuple[str, ...]:
    """Returns the names of the frames of a folder, in order.

    Names that differ by one number at their end are in the order of that number; others are in
    the order in which a person would count them.

    Raises:
        DataError: no such folder, no picture in it, or a number that is missing or stands twice.
    """
    try:
        return _listing(os.fspath(path), path.stat().st_mtime_ns)
    except OSError as error:
        raise DataError(
            f"{path}: not readable as a folder of frames ({error.strerror}); {_CURE}"
        ) from error


@lru_cache(maxsize=_FOLDERS)
def _listing(folder: str, changed: int) -> tuple[str, ...]:
    """Returns the frames of a folder; a folder that changed since is listed anew."""
    names = [n for n in os.listdir(folder) if n.lower().endswith(SUFFIXES) and n[0] != "."]
    if not names:
        raise DataError(f"{folder}: no frame; allowed: pictures in {', '.join(SUFFIXES)}; {_CURE}")
    matches = {name: _NUMBERED.fullmatch(name[: name.rindex(".")]) for name in names}
    found = {name: match for name, match in matches.items() if match is not None}
    if len(found) < len(names) or len({match[1] for match in found.values()}) > 1:
        return tuple(sorted(names, key=_natural))
    numbers = sorted((int(match[2]), name) for name, match in found.items())
    twice = [f"{a} and {b}" for (m, a), (n, b) in itertools.pairwise(numbers) if m == n]
    if twice:
        raise DataError(f"{folder}: frames that stand twice\n{listed(twice)}\n  {_CURE}")
    gaps = [
        f"{n - m - 1} between {a} and {b}"
        for (m, a), (n, b) in itertools.pairwise(numbers)
        if n > m + 1
    ]
    if gaps:
        raise DataError(f"{folder}: frames are missing\n{listed(gaps)}\n  {_CURE}")
    return tuple(name for _, name in numbers)


def _natural(name: str) -> list[tuple[int, str]]:
    """Returns what puts ``b2`` before ``b10``; case decides last."""
    parts = re.split(r"(\d+)", name)
    key = [(int(p), "") if n % 2 else (0, p.lower()) for n, p in enumerate(parts)]
    return [*key, (0, name)]


def _bytes(path: Path, name: str) -> bytes:
    try:
        return read_plain(path / name)
    except OSError as error:
        raise DataError(f"{path / name}: cannot be read ({error.strerror}); {_CURE}") from error


MEDIA.register("frame_folder")(FrameFolder())
