"""One video to one store: what a process that packs does."""

from __future__ import annotations

import io
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from connsearch.data.media.formats import MEDIA
from connsearch.data.media.frame_store import OBJECTS, STORE, read_count, write_store
from connsearch.data.media.jpeg import encode_jpeg
from connsearch.data.media.objects import read_objects
from connsearch.data.media.passes import one_pass
from connsearch.data.media.rates import with_rate
from connsearch.data.media.store_meta import read_meta
from connsearch.data.records import Record, VideoInfo
from connsearch.errors import DataError

_READING = 2
"""Version of how videos are read; rises when frames, colours or clocks of a file change."""


@dataclass(frozen=True, slots=True)
class PackJob:
    """A video and the store it becomes.

    Attributes:
        name: the first record of it.
        path: where its frames are now.
        medium: how they are stored there.
        objects: its object maps, copied as they are.
        folder: of the store.
        short_side: of the stored frames in pixels; smaller videos are not enlarged.
        quality: of the JPEGs, 1 to 100.
        fps: frames per second of the video from a list (see ``Record``).
        media_fps: frames per second if neither that nor the file gives it.
    """

    name: str
    path: Path
    medium: str
    objects: Path | None
    folder: Path
    short_side: int
    quality: int
    fps: float | None = None
    media_fps: float | None = None


@dataclass(frozen=True, slots=True)
class Packed:
    """A finished store: how many frames, how many bytes, and whether it stood there before."""

    frames: int
    bytes: int
    before: bool = False


def pack_store(job: PackJob) -> Packed:
    """Returns what was written; nothing is if this job's finished store exists.

    Raises:
        DataError: the video or its object maps cannot be read.
    """
    origin = _origin(job)
    found = _finished(job, origin)
    if found is not None:
        return found
    info = _info(job)
    height, width = packed_size(info, job.short_side)
    maps = None if job.objects is None else _objects(job.objects, info.frames)
    pictures = (
        encode_jpeg(frame, quality=job.quality)
        for frame in one_pass(job.path, job.medium, info, size=(height, width))
    )
    meta: dict[str, Any] = {**origin, "width": width, "height": height, "fps": info.fps}
    meta |= {"times": list(info.times)} if info.times else {}
    try:
        beside = {} if maps is None else {OBJECTS: maps}
        count = write_store(job.folder, pictures, meta=meta, beside=beside)
    except DataError:
        with suppress(OSError):
            job.folder.rmdir()  # only if it is empty: a store that stood there stays
        raise
    return Packed(count, (job.folder / STORE).stat().st_size)


def packed_size(info: VideoInfo, short_side: int) -> tuple[int, int]:
    """Returns (H, W) of the stored frames; never larger than the video.

    >>> packed_size(VideoInfo(1, 480, 640, 25.0), 360)
    (360, 480)
    >>> packed_size(VideoInfo(1, 120, 160, 25.0), 360)
    (120, 160)
    """
    share = min(1.0, short_side / min(info.height, info.width))
    return max(1, round(info.height * share)), max(1, round(info.width * share))


def _origin(job: PackJob) -> dict[str, Any]:
    """Returns the facts that decide the content of a store, as kept in its Meta."""
    try:
        size = MEDIA[job.medium].bytes_on_disk(job.path)
        maps = files_of(job.objects)
        sizes = [file.stat().st_size for file in maps]
    except OSError as error:
        raise DataError(f"{job.path}: cannot be read ({error.strerror})") from error
    return {
        "source": job.name,
        "source_bytes": size,
        "object_bytes": sizes,
        "short_side": job.short_side,
        "quality": job.quality,
        "stated_fps": job.fps or job.media_fps,
    } | ({"reading": _READING} if job.medium == "video" else {})


def _info(job: PackJob) -> VideoInfo:
    """Returns the facts of a video, with its rate from elsewhere if the file has none."""
    record = Record(job.name, job.path, (), fps=job.fps, media_fps=job.media_fps)
    return with_rate(MEDIA[job.medium].probe(job.path), record)


def files_of(objects: Path | None) -> list[Path]:
    """Returns the files that object maps are stored in."""
    if objects is None:
        return []
    return sorted(objects.iterdir()) if objects.is_dir() else [objects]


def _finished(job: PackJob, origin: dict[str, Any]) -> Packed | None:
    """Returns an existing store if it was made from the same video in the same way."""
    store = job.folder / STORE
    if not store.is_file():
        return None
    try:
        meta = read_meta(store)
        count = read_count(store)
    except DataError:
        return None
    if count is None or any(meta.get(key) != value for key, value in origin.items()):
        return None
    return Packed(count, store.stat().st_size, before=True)


def _objects(objects: Path, frames: int) -> bytes:
    """Returns the object maps as an npz file: a file of that kind as it is."""
    if objects.suffix == ".npz":
        read_objects(objects, frames=frames, numbers=())  # every value is checked, none is kept
        return objects.read_bytes()
    maps = read_objects(objects, frames=frames)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, classes=maps)
    return buffer.getvalue()
