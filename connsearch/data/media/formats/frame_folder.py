"""Folders of frames: one JPEG or PNG per frame, in the order of the numbers in their names.

A folder whose numbers have equal steps (1, 6, 11 ...) is a sample of a video.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from connsearch.data.bounds import file_bytes
from connsearch.data.media.decode import Frames
from connsearch.data.media.formats import MEDIA
from connsearch.data.media.jpeg import picture_size, read_numbered
from connsearch.data.media.numbered import Numbered, numbered, pictures
from connsearch.data.records import VideoInfo
from connsearch.errors import DataError

SUFFIXES = (".jpg", ".jpeg", ".png")

_CURE = "cure: extract the frames again, or remove the clip from the list"


class FrameFolder:
    """A folder whose pictures are the frames of one video; it has no frame rate."""

    def probe(self, path: Path) -> VideoInfo:
        """Returns what is stored there; the folder is listed, the first frame's header is read."""
        found = _listing(path)
        first = path / found.names[0]
        height, width = picture_size(file_bytes(first), str(first))
        return VideoInfo(len(found.names), height, width, 0.0, step=found.step)

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

        def stored() -> Iterator[tuple[int, bytes]]:
            for number in dict.fromkeys(numbers):
                yield number, file_bytes(path / names[number])

        return read_numbered(
            stored(), numbers, lambda n: str(path / names[n]), info=info, size=size
        )

    def bytes_on_disk(self, path: Path) -> int:
        """Returns the size of all frames together, whether or not they can be used."""
        return sum((path / name).stat().st_size for name in pictures(os.fspath(path), SUFFIXES))


def frame_names(path: Path) -> tuple[str, ...]:
    """Returns the names of the frames of a folder, in order; see ``data/media/numbered.py``.

    Raises:
        DataError: no such folder, no picture in it, or a number that is missing or repeated.
    """
    return _listing(path).names


def _listing(path: Path) -> Numbered:
    return numbered(path, SUFFIXES, what="frame", cure=_CURE)


MEDIA.register("frame_folder")(FrameFolder())
