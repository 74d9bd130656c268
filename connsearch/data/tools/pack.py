"""A data set of any kind to a folder of frame stores: a generator of events.

``TARGET/jpg/LABEL/VIDEO/frames.db`` and ``n_frames`` are as the published loaders expect them;
``TARGET/clips.csv`` lists the clips under their first names, so that splits are drawn as from the
videos themselves; ``TARGET/packed.json`` has what a list cannot express, such as the order of the
classes. The list and that file are written last.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Hashable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from connsearch.data.media.formats import MEDIA
from connsearch.data.media.frame_store import DRAFT, OBJECTS, STORE
from connsearch.data.records import Record, Source, listed
from connsearch.data.sources.datasets.frames_db import FACTS, LIST, STORES
from connsearch.data.sources.units import file_key
from connsearch.data.tools.clip_list import clip_row, used_columns
from connsearch.data.tools.pack_store import Packed, PackJob, pack_store
from connsearch.data.tools.places import kept_together, refuse_unlistable, safe_name
from connsearch.data.tools.process_pool import do_jobs
from connsearch.errors import DataError, Failure
from connsearch.files.drafts import is_draft, remove_abandoned
from connsearch.files.paths import check_path
from connsearch.files.places import DirectoryLock
from connsearch.files.text import csv_text, raw_bytes
from connsearch.graph.files import atomic_write_text

_INSIDE = 384
"""Bytes of the longest path in a target: a folder, a label and a video, each shortened to fit."""
_BYTES_A_SECOND = 1e5
"""A video that is packed more slowly than this counts as hanging."""


@dataclass(frozen=True, slots=True)
class PackEvent:
    """A video that was packed, stood there already, or cannot be read.

    Attributes:
        name: of its first record.
        done: videos so far.
        total: videos in all.
        packed: what was written; None: it cannot be read.
        reason: why not.
    """

    name: str
    done: int
    total: int
    packed: Packed | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PackResult:
    """The result of packing.

    Attributes:
        folder: the target.
        videos: stores.
        clips: rows of the list.
        frames: in all stores.
        bytes: of all stores.
        before: stores that existed already.
        unreadable: name -> reason of what was left out.
    """

    folder: Path
    videos: int
    clips: int
    frames: int
    bytes: int
    before: int
    unreadable: Mapping[str, str]


def pack(
    source: Source,
    target: Path,
    *,
    short_side: int = 360,
    quality: int = 90,
    workers: int = 1,
    bad_share: float = 0.05,
    patience: float = 600.0,
) -> Generator[PackEvent | PackResult]:
    """Yields an event for every video, then the result.

    Stores finished before, from the same videos in the same way, are kept; so the same call
    completes interrupted work.

    Args:
        source: the data set.
        target: a folder, is made.
        short_side: of the stored frames in pixels; smaller videos are not enlarged.
        quality: of the JPEGs, 1 to 100.
        workers: processes.
        bad_share: share of the videos that may be unreadable.
        patience: seconds a video may take, and a second more for every 100 kB of it.

    Raises:
        DataError: a label cannot be written to the list, or the target cannot be written.
        SettingsError: the target's path is too long.
        Failure: too many videos are unreadable; finished stores stay.
        RunError: another process packs into the target.
    """
    check_path(target, below=_INSIDE)
    refuse_unlistable(source, target)
    jobs = _jobs(source, target, short_side=short_side, quality=quality)
    with _alone(target):
        yield from _pack(source, target, jobs, workers, bad_share, patience)


def _pack(
    source: Source,
    target: Path,
    jobs: Sequence[tuple[Record, PackJob]],
    workers: int,
    bad_share: float,
    patience: float,
) -> Generator[PackEvent | PackResult]:
    """The events of packing into a folder that no other process packs into."""
    todo = list(dict.fromkeys(job for _, job in jobs))
    unreadable: dict[PackJob, str] = {}
    made: dict[PackJob, Packed] = {}
    work = do_jobs(
        todo,
        pack_store,
        workers=workers,
        seconds=lambda job: patience + _size(job) / _BYTES_A_SECOND,
    )
    for done, ended in enumerate(work, start=1):
        if ended.result is None:
            unreadable[ended.job] = ended.reason
        else:
            made[ended.job] = ended.result
        yield PackEvent(ended.job.name, done, len(todo), ended.result, ended.reason)
    reasons = {job.name: unreadable[job] for job in todo if job in unreadable}
    kept = [(record, job) for record, job in jobs if job in made]
    if len(reasons) > bad_share * len(todo) or not kept:
        raise Failure(
            f"{source.name}: {len(reasons)} of {len(todo)} videos unreadable\n"
            f"{listed(list(reasons.values()))}\n"
            f"  allowed: a share of {bad_share:g}; what was packed stays in {target}, no list was "
            "written\n  cure: repair them and rerun the same command, or raise --bad-share"
        )
    _write_list(source, kept, target)
    yield PackResult(
        folder=target,
        videos=len(made),
        clips=len(kept),
        frames=sum(p.frames for p in made.values()),
        bytes=sum(p.bytes for p in made.values()),
        before=sum(p.before for p in made.values()),
        unreadable=reasons,
    )


@contextmanager
def _alone(target: Path) -> Generator[None]:
    """Creates the folder, for this process alone, and removes incomplete files of a killed one.

    Files that a surviving worker of the killed process is writing stay.
    """
    try:
        lock = DirectoryLock(target)
    except OSError as error:
        raise DataError(f"{target}: cannot be written ({error.strerror})") from error
    try:
        remove_abandoned(
            path for path in (target / STORES).rglob(".*") if is_draft(path) or path.suffix == DRAFT
        )
        yield
    finally:
        lock.undo()


def _jobs(
    source: Source, target: Path, *, short_side: int, quality: int
) -> list[tuple[Record, PackJob]]:
    """Returns every record and the store it needs; records of one video share one."""
    jobs: dict[tuple[Hashable, Hashable, float | None], PackJob] = {}
    taken: set[str] = set()
    out: list[tuple[Record, PackJob]] = []
    for record in source.records:
        maps = None if record.objects is None else file_key(record.objects)
        what = (file_key(record.path), maps, record.fps)
        if what not in jobs:
            label = source.classes[record.labels[0]] if record.labels else "no label"
            # a store or a folder of frames is called after its folder
            path = record.path.parent if record.path.name == STORE else record.path
            name = path.name if record.medium != "video" else path.stem
            place = f"{safe_name(label)}/{safe_name(name)}"
            if place.lower() in taken:
                place += "-" + hashlib.sha256(raw_bytes(record.name)).hexdigest()[:8]
            taken.add(place.lower())
            jobs[what] = PackJob(
                name=record.name,
                path=record.path,
                medium=record.medium,
                objects=record.objects,
                folder=target / STORES / place,
                short_side=short_side,
                quality=quality,
                fps=record.fps,
                media_fps=record.media_fps,
            )
        out.append((record, jobs[what]))
    return out


def _size(job: PackJob) -> int:
    try:
        return MEDIA[job.medium].bytes_on_disk(job.path)
    except (OSError, DataError):
        return 0  # packing it reports the fault


def _write_list(source: Source, kept: Sequence[tuple[Record, PackJob]], target: Path) -> None:
    """Writes the list and the facts; only the columns that have values."""
    groups = kept_together([record for record, _ in kept], [job.folder for _, job in kept])
    rows = [
        clip_row(
            source,
            record,
            path=(job.folder / STORE).relative_to(target).as_posix(),
            objects=_maps(record, job, target),
            group=group,
        )
        for (record, job), group in zip(kept, groups, strict=True)
    ]
    facts = {
        "classes": list(source.classes),
        "object_classes": source.object_classes,
        "published": source.published,
        "source": source.name,
    }
    atomic_write_text(target / FACTS, json.dumps(facts, indent=1) + "\n")
    atomic_write_text(target / LIST, csv_text(used_columns(source, rows), rows))


def _maps(record: Record, job: PackJob, target: Path) -> str:
    if record.objects is None:
        return ""
    return (job.folder / OBJECTS).relative_to(target).as_posix()
