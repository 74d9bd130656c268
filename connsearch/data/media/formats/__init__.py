"""The cupboard of media: how the frames of a clip are stored, one file each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from connsearch.data.media.decode import Frames
from connsearch.data.records import VideoInfo
from connsearch.registry import Registry


class Medium(Protocol):
    """A way to store frames. Shape letters: T frames, H W pixels; frames are RGB."""

    def probe(self, path: Path) -> VideoInfo:
        """Returns the facts of the stored frames; decodes no more than necessary.

        Raises:
            DataError: nothing usable is there; names the path, what was read, and the usual cure.
        """
        ...

    def read(
        self,
        path: Path,
        numbers: Sequence[int],
        *,
        size: tuple[int, int] | None,
        info: VideoInfo,
    ) -> Frames:
        """Returns the frames of those numbers, ``uint8`` (T, H, W, 3).

        Args:
            path: where they are stored.
            numbers: from 0, in any order, repeats allowed.
            size: (H, W) to scale to; None: as stored.
            info: what :meth:`probe` said.

        Raises:
            DataError: a frame is missing or cannot be decoded, by name.
        """
        ...

    def bytes_on_disk(self, path: Path) -> int:
        """Returns the size of what is stored there, for the fingerprint of a data set."""
        ...


MEDIA: Registry[Medium] = Registry("medium", __name__)
