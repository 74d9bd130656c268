"""Every file of a data set read once, from the first frame to the last: what is whole, what not.

Nothing here imports torch: a process that checks starts in a fraction of a second.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from connsearch.data.clips.read_timeout import TimeLimit, TimeoutFault
from connsearch.data.clips.usable import usable_part
from connsearch.data.media.decode import SEEK_AFTER, Frames
from connsearch.data.media.formats import MEDIA
from connsearch.data.media.objects import read_objects
from connsearch.data.media.passes import one_pass
from connsearch.data.media.rates import with_rate
from connsearch.data.options import DataOptions
from connsearch.data.records import Record, VideoInfo
from connsearch.data.tools.process_pool import do_jobs
from connsearch.errors import DataError
from connsearch.files.text import named, visible
from connsearch.seeds import derive

_AT_ONCE = 512
"""Frames that are read between two looks at the clock."""

_SMALL = 16, 16
"""(H, W) that a check scales frames to if they are not compared."""

_BYTES_A_SECOND = 1e5
"""A file that is read more slowly than this, beyond its frames' own limit, counts as hanging."""


@dataclass(frozen=True, slots=True)
class FrameDifference:
    """A frame that differs between a single read and one pass.

    Attributes:
        frame: its number, from 0.
        reason: why it cannot be read alone; "": it can, but is another picture.
    """

    frame: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of checking one clip of a data set.

    Attributes:
        place: of its record among those that were given.
        record: which it is.
        info: facts of its file; None if they cannot be read.
        reason: why it cannot be used; None: it can.
        seeks: frames of its file that were read alone; of several clips of one file the first
            says so.
        differences: those of them that are not the same in one pass.
    """

    place: int
    record: Record
    info: VideoInfo | None
    reason: str | None
    seeks: int = 0
    differences: tuple[FrameDifference, ...] = ()


@dataclass(frozen=True, slots=True)
class _FileJob:
    """One file and the clips that are cut from it: (place, record)."""

    path: Path
    medium: str
    clips: tuple[tuple[int, Record], ...]
    options: DataOptions
    seeks: int


def check_clips(
    records: Sequence[Record], options: DataOptions, *, workers: int = 0, seeks: int = 0
) -> Iterator[Checked]:
    """Yields every clip, once all of its frames were decoded, in no particular order.

    Nothing a file does stops this: a hang ends with the options' ``timeout``; with workers, a
    file that kills its reader is found and named. Neither labels nor splits matter.

    Args:
        records: the clips.
        options: how clips are cut, and ``timeout``.
        workers: processes that read; 0: this one.
        seeks: number of frames of every file that are also read alone, as in training, and
            compared with one pass over the whole file, bit for bit; the options' seed and the
            file's name decide which.
    """
    jobs = _jobs(records, options, seeks)
    if workers == 0:
        for job in jobs:
            yield from _check(job)
        return
    for done in do_jobs(jobs, _check, workers=workers, seconds=_patience):
        if done.result is not None:
            yield from done.result
        else:
            reason = named(f"{done.job.path}: {done.reason}", done.job.path)
            yield from (Checked(n, record, None, reason) for n, record in done.job.clips)


def seek_numbers(frames: int, count: int, seed: int) -> list[int]:
    """Returns that many numbers of frames to read alone, spread over a video.

    The first, the last, and the two around the place from which on a clip is reached by a seek are
    among them. Of a video with fewer frames some are read several times.

    >>> seek_numbers(1000, 6, seed=0)
    [0, 64, 65, 227, 706, 999]
    >>> seek_numbers(3, 5, seed=0)
    [0, 1, 1, 2, 2]
    """
    rng = np.random.default_rng([seed, 6])
    if frames <= count:
        order = [int(n) for _ in range(-(-count // frames)) for n in rng.permutation(frames)]
        return sorted(order[:count])
    known = [n for n in (frames - 1, 0, SEEK_AFTER + 1, SEEK_AFTER) if n < frames]
    chosen = list(dict.fromkeys(known))[:count]
    if len(chosen) < count:
        free = np.setdiff1d(np.arange(frames), chosen)
        parts = np.array_split(free, count - len(chosen))
        chosen += [int(rng.choice(part)) for part in parts]
    return sorted(chosen)


def _jobs(records: Sequence[Record], options: DataOptions, seeks: int) -> list[_FileJob]:
    """Returns one job a file, in the order of their first clips."""
    files: dict[tuple[str, str], list[tuple[int, Record]]] = {}
    for place, record in enumerate(records):
        key = os.path.normpath(record.path), record.medium
        files.setdefault(key, []).append((place, record))
    return [
        _FileJob(clips[0][1].path, medium, tuple(clips), options, seeks)
        for (_, medium), clips in files.items()
    ]


def _patience(job: _FileJob) -> float:
    """Returns the seconds after which a process is ended whose file stops even its clock."""
    size = 0
    with suppress(OSError, DataError):  # reading it reports the fault
        size = MEDIA[job.medium].bytes_on_disk(job.path)
    return (
        job.options.loading.timeout * (2 + job.seeks + len(job.clips)) + size / _BYTES_A_SECOND + 60
    )


def _check(job: _FileJob) -> tuple[Checked, ...]:
    """Returns what was found out about the clips of one file."""
    limit, path = TimeLimit(job.options.loading.timeout), job.path
    medium = MEDIA[job.medium]  # a process that has just begun imports it: no file's fault
    try:
        info = limit.run(lambda: medium.probe(path), str(path))
    except DataError as error:
        reason = named(str(error), path)
        return tuple(Checked(place, record, None, reason) for place, record in job.clips)
    numbers = seek_numbers(info.frames, job.seeks, _seed(job)) if job.seeks else []
    # what is cut from a part of a file needs that part only
    whole = bool(numbers) or any(record.window is None for _, record in job.clips)
    walk = _Walk(job, info, set(numbers))
    fault = walk.go(limit) if whole else None
    late = fault is not None and not walk.ended
    found: list[Checked] = []
    for place, record in job.clips:
        try:
            _check_clip(job, record, info, walk if whole else None, None if late else limit, fault)
            reason = None
        except DataError as error:
            reason = named(str(error), path, record.name)
        found.append(Checked(place, record, replace(info, times=()), reason))
    if numbers and fault is None:
        read, differences = _compare(job, info, numbers, walk.prints, limit)
        found[0] = replace(found[0], seeks=read, differences=differences)
    return tuple(found)


def _seed(job: _FileJob) -> int:
    return derive(job.options.split.seed, "seeks", visible(job.clips[0][1].name))


class _Walk:
    """One pass over a file.

    Attributes:
        reached: frames that could be decoded.
        ended: it was not given up for taking too long.
        prints: number -> hash of the frames that are compared.
    """

    def __init__(self, job: _FileJob, info: VideoInfo, wanted: set[int]) -> None:
        size = None if wanted else _SMALL  # compared as recorded
        self._frames = enumerate(one_pass(job.path, job.medium, info, size=size))
        self._wanted, self._total, self._name = wanted, info.frames, str(job.path)
        self.reached, self.ended = 0, True
        self.prints: dict[int, bytes] = {}

    def go(self, limit: TimeLimit) -> DataError | None:
        """Returns what stops the pass; None: every frame was decoded."""
        try:
            while self.reached < self._total:
                limit.run(self._piece, self._name)
        except DataError as error:
            self.ended = not isinstance(error, TimeoutFault)
            return error
        return None

    def _piece(self) -> None:
        for number, frame in islice(self._frames, _AT_ONCE):
            self.reached = number + 1
            if number in self._wanted:
                self.prints[number] = _print(frame)


def _print(frame: Frames) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(frame).tobytes(), digest_size=16).digest()


def _check_clip(
    job: _FileJob,
    record: Record,
    info: VideoInfo,
    walk: _Walk | None,
    limit: TimeLimit | None,
    fault: DataError | None,
) -> None:
    """Refuses a clip that cannot be used.

    Args:
        job: its file.
        record: the clip.
        info: facts of its file.
        walk: the pass over the whole file, if there was one.
        limit: None: the file took too long, nothing of it is read again.
        fault: what stopped the pass.

    Raises:
        DataError: gives the reason.
    """
    options, labels = job.options, job.options.source.clip_labels
    first, last = usable_part(record, with_rate(info, record), options.clips, labels)
    if fault is not None and (record.window is None or limit is None):
        raise fault
    if limit is None:
        return
    if (walk is None or walk.reached <= last) and record.window is not None:
        for start in range(first, last + 1, _AT_ONCE):
            numbers = range(start, min(start + _AT_ONCE, last + 1))
            limit.run(
                lambda n=numbers: MEDIA[job.medium].read(job.path, n, size=_SMALL, info=info),
                str(job.path),
            )
    if record.objects is not None:
        maps, classes = record.objects, options.source.object_classes
        limit.run(lambda: read_objects(maps, frames=info.frames, classes=classes), str(maps))


def _compare(
    job: _FileJob,
    info: VideoInfo,
    numbers: Iterable[int],
    prints: Mapping[int, bytes],
    limit: TimeLimit,
) -> tuple[int, tuple[FrameDifference, ...]]:
    """Returns how many frames were read alone, and those that differ from the pass."""
    medium, read = MEDIA[job.medium], 0
    found: dict[int, FrameDifference] = {}
    for number in numbers:
        read += 1
        try:
            frames = limit.run(
                lambda n=number: medium.read(job.path, [n], size=None, info=info), str(job.path)
            )
        except DataError as error:
            found[number] = FrameDifference(number, named(str(error), job.path))
            if isinstance(error, TimeoutFault):
                break  # every further one could take as long
            continue
        if _print(frames[0]) != prints[number]:
            found[number] = FrameDifference(number)
    return read, tuple(found.values())
