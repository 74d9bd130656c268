"""Video files, decoded in place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from connsearch.data.media.decode import Frames, read_frames
from connsearch.data.media.formats import MEDIA
from connsearch.data.media.survey import probe
from connsearch.data.records import VideoInfo


class Video:
    """A file that FFmpeg can open."""

    def probe(self, path: Path) -> VideoInfo:
        """Returns the facts of the file; it is decoded once if packets are not enough."""
        return probe(path)

    def read(
        self,
        path: Path,
        numbers: Sequence[int],
        *,
        size: tuple[int, int] | None,
        info: VideoInfo,
    ) -> Frames:
        """Returns the frames of those numbers, ``uint8`` (T, H, W, 3)."""
        return read_frames(path, numbers, size=size, info=info)

    def bytes_on_disk(self, path: Path) -> int:
        """Returns the size of the file."""
        return path.stat().st_size


MEDIA.register("video")(Video())
