"""One clip to one folder of frames: what a process that extracts does."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from connsearch.data.clips.timeline import Timeline, timeline
from connsearch.data.media.formats import MEDIA
from connsearch.data.media.jpeg import encode_jpeg
from connsearch.data.media.objects import read_objects
from connsearch.data.media.passes import one_pass
from connsearch.data.media.rates import with_rate
from connsearch.data.records import Record, VideoInfo
from connsearch.data.tools.pack_store import files_of
from connsearch.errors import DataError
from connsearch.files.disk import atomic_write_bytes, read_plain, writing
from connsearch.files.drafts import alone, remove_abandoned, sync_directory
from connsearch.files.paths import beginning
from connsearch.files.places import make_directories

FACTS = ".extracted.json"
"""In a finished folder: what it was made of, and how."""

_READING = 1
"""Version of how frames are extracted; rises when those of a file change."""


@dataclass(frozen=True, slots=True)
class FrameForm:
    """How extracted frames are stored.

    Attributes:
        pattern: name of the image of a number, from 1, such as ``img_%05d.jpg``.
        height: of the images in pixels; None: the shorter side decides.
        short_side: of the images in pixels; None: the height decides. Never enlarged.
        fps: images per second; None: every frame.
        quality: of the JPEGs, 1 to 100.
    """

    pattern: str = "img_%05d.jpg"
    height: int | None = 360
    short_side: int | None = None
    fps: float | None = None
    quality: int = 90

    def size(self, info: VideoInfo) -> tuple[int, int]:
        """Returns (H, W) of the images.

        >>> FrameForm().size(VideoInfo(1, 480, 640, 25.0))
        (360, 480)
        >>> FrameForm(height=None, short_side=240).size(VideoInfo(1, 640, 480, 25.0))
        (320, 240)
        """
        side, wanted = info.height, self.height
        if wanted is None:
            side, wanted = min(info.height, info.width), self.short_side or info.height
        share = min(1.0, wanted / side)
        return max(1, round(info.height * share)), max(1, round(info.width * share))


@dataclass(frozen=True, slots=True)
class ExtractJob:
    """A clip and the folder it becomes.

    Attributes:
        record: the clip.
        folder: of its frames.
        maps: file for its object maps; None: it has none.
        form: how frames are stored.
    """

    record: Record
    folder: Path
    maps: Path | None
    form: FrameForm


@dataclass(frozen=True, slots=True)
class Extracted:
    """A finished folder.

    Attributes:
        frames: how many.
        bytes: of all images.
        fps: frames per second; 0: unknown.
        start: seconds of the video before the first one.
        before: it stood there already.
    """

    frames: int
    bytes: int
    fps: float
    start: float
    before: bool = False


def extract_frames(job: ExtractJob) -> Extracted:
    """Returns what is in the folder now; nothing is written if this job's folder is finished.

    A reader finds a finished folder or none: images are written into another one beside it, which
    is then renamed.

    Raises:
        DataError: the video or its object maps cannot be read.
        DiskFullError: there is no space for the images.
    """
    origin, folder = _origin(job), job.folder
    draft = folder.with_name(f".{beginning(folder.name)}.connsearch.tmp")
    lock = draft.with_name(f"{draft.name}.lock")
    found = _finished(job, origin)
    if found is not None:
        remove_abandoned([lock])  # of a process that was killed right behind its last step
        return found
    with writing(folder):
        make_directories(folder.parent)
    with writing(folder), alone(lock):
        found = _finished(job, origin)  # a worker of a killed process may have finished it
        if found is not None:
            return found
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        try:
            made = _write(job, draft, origin)
            if folder.exists():
                shutil.rmtree(folder)  # made of another file, or damaged
            os.replace(draft, folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        sync_directory(folder.parent)
    return made


def _write(job: ExtractJob, draft: Path, origin: Mapping[str, Any]) -> Extracted:
    """Writes the images and the facts about them into a folder."""
    record, form = job.record, job.form
    info = with_rate(MEDIA[record.medium].probe(record.path), record)
    clock = timeline(info, window=record.window, fps=form.fps, name=record.name)
    numbers = clock.frames(range(clock.ticks))
    if job.maps is not None:
        _write_maps(job, info, numbers)
    size = _write_images(job, draft, info, numbers)
    rate = form.fps or info.fps
    made = Extracted(len(numbers), size, rate, _start(clock, record))
    facts = {**origin, "frames": made.frames, "bytes": made.bytes, "fps": rate, "start": made.start}
    (draft / FACTS).write_text(json.dumps(facts) + "\n", encoding="utf-8")
    return made


def _start(clock: Timeline, record: Record) -> float:
    return 0.0 if record.window is None else clock.seconds(0)


def _write_images(job: ExtractJob, draft: Path, info: VideoInfo, numbers: list[int]) -> int:
    """Writes the frames of those numbers, which never fall, and returns their bytes."""
    record, form = job.record, job.form
    done = size = 0
    pictures = one_pass(record.path, record.medium, info, size=form.size(info))
    for number, frame in enumerate(pictures):
        if number != numbers[done]:
            continue
        picture = encode_jpeg(frame, quality=form.quality)
        while done < len(numbers) and numbers[done] == number:  # slower than asked for: repeated
            done += 1
            (draft / (form.pattern % done)).write_bytes(picture)
            size += len(picture)
        if done == len(numbers):
            return size
    raise DataError(
        f"{record.path}: frame {numbers[done] + 1} was needed, it has fewer; cure: re-encode it or "
        "remove it from the list"
    )


def _write_maps(job: ExtractJob, info: VideoInfo, numbers: list[int]) -> None:
    assert job.maps is not None
    assert job.record.objects is not None
    maps = read_objects(job.record.objects, frames=info.frames, numbers=numbers)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, classes=maps)
    make_directories(job.maps.parent)
    atomic_write_bytes(job.maps, buffer.getvalue())


def _origin(job: ExtractJob) -> dict[str, Any]:
    """Returns the facts that decide what is in a folder."""
    record, form = job.record, job.form
    try:
        size = MEDIA[record.medium].bytes_on_disk(record.path)
        sizes = [file.stat().st_size for file in files_of(record.objects)]
    except OSError as error:
        raise DataError(f"{record.path}: cannot be read ({error.strerror})") from error
    window = record.window
    return {
        "source": record.name,
        "source_bytes": size,
        "object_bytes": sizes,
        "window": None if window is None else [window.start, str(window.end), window.unit],
        "stated_fps": record.fps or record.media_fps,
        "pattern": form.pattern,
        "height": form.height,
        "short_side": form.short_side,
        "rate": form.fps,
        "quality": form.quality,
        "reading": _READING,
    }


def _finished(job: ExtractJob, origin: Mapping[str, Any]) -> Extracted | None:
    """Returns an existing folder if it was made from the same video in the same way."""
    try:
        facts: Any = json.loads(read_plain(job.folder / FACTS))
        if any(facts.get(key, "") != value for key, value in origin.items()):
            return None
        made = Extracted(facts["frames"], facts["bytes"], facts["fps"], facts["start"], before=True)
        names = (job.form.pattern % number for number in range(1, made.frames + 1))
        size = sum((job.folder / name).stat().st_size for name in names)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    whole = size == made.bytes and (job.maps is None or job.maps.is_file())
    return made if whole else None
