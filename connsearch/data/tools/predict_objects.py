"""Object maps of a whole data set by a segmentation network: a generator of events.

``TARGET/maps/NAME.npz`` has the maps of a video, one a frame; ``TARGET/clips.csv`` lists the clips
under their first names with their maps, so that it is a data set of its own whose splits are drawn
as before. The list is written last.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Generator, Hashable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from connsearch.data.records import Record, Source, listed
from connsearch.data.sources.datasets.frames_db import LIST
from connsearch.data.sources.units import file_key
from connsearch.data.tools.clip_list import clip_row, used_columns
from connsearch.data.tools.video_maps import MapJob, MapMaker
from connsearch.errors import DataError, Failure
from connsearch.files.drafts import is_draft, remove_abandoned
from connsearch.files.paths import check_path
from connsearch.files.places import DirectoryLock
from connsearch.files.text import csv_text, raw_bytes
from connsearch.graph.files import atomic_write_text

MAPS = "maps"

_INSIDE = 160
"""Bytes of the longest path in a target."""


@dataclass(frozen=True, slots=True)
class ObjectsEvent:
    """A video that has its maps now, had them already, or cannot be read.

    Attributes:
        name: of its first record.
        done: videos so far.
        total: videos in all.
        frames: with a map; 0: it cannot be read.
        bytes: of the file.
        before: whether the maps stood there.
        reason: why it cannot be read.
    """

    name: str
    done: int
    total: int
    frames: int = 0
    bytes: int = 0
    before: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ObjectMapSet:
    """Object maps of a data set, as they were written.

    Attributes:
        folder: the target.
        videos: with maps.
        clips: rows of the list.
        frames: with a map.
        bytes: of all files of maps.
        before: videos whose maps existed already.
        classes: of the network, or the greatest class number seen and one.
        shares: class -> its share of all pixels; only of classes that occur.
        unreadable: name -> reason of what was left out.
    """

    folder: Path
    videos: int
    clips: int
    frames: int
    bytes: int
    before: int
    classes: int
    shares: Mapping[int, float]
    unreadable: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ObjectsPlan:
    """What is to be done, before any of it.

    Attributes:
        videos: that can be opened.
        frames: of all of them.
        at_most: bytes of all maps, if none could be made smaller; they are compressed.
    """

    videos: int
    frames: int
    at_most: int


@dataclass
class _Sums:
    """What is added up over the videos; ``classes``: of the network."""

    classes: int | None = None
    counts: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, np.int64))
    frames: int = 0
    bytes: int = 0
    before: int = 0


def predict_objects(
    source: Source, target: Path, maker: MapMaker, *, bad_share: float = 0.05
) -> Generator[ObjectsPlan | ObjectsEvent | ObjectMapSet]:
    """Yields what is to be done, an event for every video, then the result.

    Maps finished before, by the same network from the same videos, are kept; so the same call
    completes interrupted work.

    Args:
        source: the data set.
        target: a folder, is made.
        maker: the network, and how it is used.
        bad_share: share of the videos that may be unreadable.

    Raises:
        SettingsError: the network does not fit, or a class has no number.
        DataError: the target cannot be written.
        Failure: too many videos are unreadable; finished maps stay.
        RunError: another process works in the target.
    """
    check_path(target, below=_INSIDE)
    jobs, of_record = _jobs(source, target)
    with _alone(target):
        for job in jobs:
            job.look(maker)
        plan, classes = _plan(jobs, maker)
        yield plan
        sums = _Sums(classes)
        for done, job in enumerate(jobs, start=1):
            yield _done(job, maker, sums, done, len(jobs))
        reasons = {job.record.name: job.fault for job in jobs if job.fault}
        _require_enough(source, target, reasons, len(jobs), bad_share)
        kept = [(record, job) for record, job in of_record if not job.fault]
        _write_list(source, kept, target)
        yield _result(target, kept, len(jobs) - len(reasons), sums, reasons)


def _jobs(source: Source, target: Path) -> tuple[list[MapJob], list[tuple[Record, MapJob]]]:
    """Every video once, and which of them a record needs."""
    jobs: dict[Hashable, MapJob] = {}
    of_record: list[tuple[Record, MapJob]] = []
    for record in source.records:
        what = file_key(record.path)
        if what not in jobs:
            mark = hashlib.sha256(raw_bytes(record.name)).hexdigest()[:12]
            stem = re.sub(r"[^0-9A-Za-z_-]", "_", record.path.stem)[:60]
            jobs[what] = MapJob(record, target / MAPS / f"{stem}-{mark}.npz")
        of_record.append((record, jobs[what]))
    return list(jobs.values()), of_record


def _plan(jobs: Sequence[MapJob], maker: MapMaker) -> tuple[ObjectsPlan, int | None]:
    """How much there is to do, and the classes; the network is tried with frames of every size."""
    maps: dict[tuple[int, int], tuple[int, int]] = {}
    frames = at_most = 0
    classes: int | None = None
    found = [job.info for job in jobs if job.info is not None]
    for info in found:
        seen = maker.seen(info)
        if seen not in maps:
            maps[seen], classes = maker.tried(seen)
        frames += info.frames
        at_most += info.frames * maps[seen][0] * maps[seen][1]
    return ObjectsPlan(len(found), frames, at_most), classes


def _done(job: MapJob, maker: MapMaker, sums: _Sums, done: int, total: int) -> ObjectsEvent:
    """One video, with its maps in their file."""
    name = job.record.name
    maps = None if job.info is None else job.finished()
    before = maps is not None
    if maps is None and job.info is not None:
        maps = job.make(maker)
    if maps is None:
        return ObjectsEvent(name, done, total, reason=job.fault)
    written = job.path.stat().st_size
    sums.counts += np.bincount(maps.ravel(), minlength=256)
    sums.frames, sums.bytes = sums.frames + len(maps), sums.bytes + written
    sums.before += before
    return ObjectsEvent(name, done, total, len(maps), written, before)


def _require_enough(
    source: Source, target: Path, reasons: Mapping[str, str], total: int, bad_share: float
) -> None:
    if len(reasons) > bad_share * total or len(reasons) == total:
        raise Failure(
            f"{source.name}: {len(reasons)} of {total} videos unreadable\n"
            f"{listed(list(reasons.values()))}\n"
            f"  allowed: a share of {bad_share:g}; finished maps stay in {target}, no list was "
            "written\n  cure: repair them and rerun the same command, or raise --bad-share"
        )


def _write_list(source: Source, kept: Sequence[tuple[Record, MapJob]], target: Path) -> None:
    rows = [
        clip_row(
            source,
            record,
            path=str(record.path.absolute()),
            objects=job.path.relative_to(target).as_posix(),
            group=record.group,
        )
        | {"medium": "" if record.medium == "video" else record.medium, "fps": _rate(record)}
        for record, job in kept
    ]
    atomic_write_text(target / LIST, csv_text(used_columns(source, rows), rows))


def _rate(record: Record) -> str:
    rate = record.fps or record.media_fps
    return "" if rate is None else repr(rate)


def _result(
    target: Path,
    kept: Sequence[tuple[Record, MapJob]],
    videos: int,
    sums: _Sums,
    reasons: Mapping[str, str],
) -> ObjectMapSet:
    seen = int(np.flatnonzero(sums.counts).max())
    total = int(sums.counts.sum())
    return ObjectMapSet(
        folder=target,
        videos=videos,
        clips=len(kept),
        frames=sums.frames,
        bytes=sums.bytes,
        before=sums.before,
        classes=max(sums.classes or 0, seen + 1),
        shares={n: float(c / total) for n, c in enumerate(sums.counts.tolist()) if c},
        unreadable=reasons,
    )


@contextmanager
def _alone(target: Path) -> Generator[None]:
    """Creates the folder, for this process alone, and removes incomplete files of a killed one."""
    try:
        lock = DirectoryLock(target)
    except OSError as error:
        raise DataError(f"{target}: cannot be written ({error.strerror})") from error
    try:
        remove_abandoned(path for path in target.rglob(".*") if is_draft(path))
        yield
    finally:
        lock.undo()
