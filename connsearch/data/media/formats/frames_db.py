"""Frame stores: one SQLite file per video (see ``data/media/frame_store.py``)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from connsearch.data.media.decode import Frames
from connsearch.data.media.formats import MEDIA
from connsearch.data.media.frame_store import read_pictures, store_info
from connsearch.data.media.jpeg import picture_size, read_numbered
from connsearch.data.records import VideoInfo


class FramesDb:
    """A ``frames.db``; works in folders that cannot be written and in any process."""

    def probe(self, path: Path) -> VideoInfo:
        """Returns what is stored there; all keys are read, and the header of one frame."""
        return store_info(path, picture_size)

    def read(
        self,
        path: Path,
        numbers: Sequence[int],
        *,
        size: tuple[int, int] | None,
        info: VideoInfo,
    ) -> Frames:
        """Returns the frames of those numbers, ``uint8`` (T, H, W, 3)."""
        with closing(read_pictures(path, list(dict.fromkeys(numbers)))) as pictures:
            return read_numbered(
                pictures, numbers, lambda n: f"{path}, frame {n + 1}", info=info, size=size
            )

    def bytes_on_disk(self, path: Path) -> int:
        """Returns the size of the file."""
        return path.stat().st_size


MEDIA.register("frames_db")(FramesDb())
