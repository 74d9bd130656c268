"""All frames of a clip in order, gone through once: what packing and checking share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from connsearch.data.media.decode import Frames, stream_frames
from connsearch.data.media.formats import MEDIA
from connsearch.data.records import VideoInfo
from connsearch.errors import DataError

_AT_ONCE = 32
"""Frames of a folder or a store in memory at once."""


def one_pass(
    path: Path, medium: str, info: VideoInfo, *, size: tuple[int, int] | None
) -> Iterator[Frames]:
    """Yields every frame, (H, W, 3), as many as the probe counted.

    A video is decoded from its start to its end, without a seek; in other media every frame is
    independent.

    Args:
        path: where the frames are stored.
        medium: how, a name in the cupboard ``data/media``.
        info: what its ``probe`` said.
        size: (H, W) to scale to; None: as stored.

    Raises:
        DataError: a frame is missing or cannot be decoded, by name.
    """
    if medium != "video":
        for start in range(0, info.frames, _AT_ONCE):
            numbers = range(start, min(start + _AT_ONCE, info.frames))
            yield from MEDIA[medium].read(path, numbers, size=size, info=info)
        return
    count = 0
    for frame in stream_frames(path, size=size):
        yield frame
        count += 1
        if count == info.frames:
            return
    raise DataError(
        f"{path}: {info.frames} frames, decoding stopped after {count} (the file is damaged or cut "
        "off); cure: re-encode it or remove it from the list"
    )
