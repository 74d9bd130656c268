"""A data set of any kind to folders of frames, as published lists name them.

``TARGET/frames/VIDEO/img_00001.jpg`` and on are the frames; ``TARGET/clips.csv``, with
``packed.json``, is a list of them that keeps classes, groups and splits. Beside it stand plain
lists, of the published names where the data set is a published list of frames. The lists are
written last.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connsearch.data.media.formats import MEDIA
from connsearch.data.records import Record, Source, listed
from connsearch.data.tools.extract_frames import (
    Extracted,
    ExtractJob,
    FrameForm,
    extract_frames,
)
from connsearch.data.tools.extract_lists import FRAMES, QUARANTINE, write_lists
from connsearch.data.tools.places import refuse_unlistable, safe_name
from connsearch.data.tools.process_pool import do_jobs
from connsearch.errors import DataError, Failure, SettingsError
from connsearch.files.disk import atomic_write_text, names_in
from connsearch.files.documents import read_object
from connsearch.files.paths import check_path
from connsearch.files.places import LOCK_FILE, DirectoryLock
from connsearch.files.text import csv_text, raw_bytes
from connsearch.settings.differences import describe_differences, differences, plain

LINE = "extract.json"
"""In the target: what decides what is written there."""
_MAPS = "objects"
_INSIDE = 384
"""Bytes of the longest path in a target."""
_BYTES_A_SECOND = 1e5
"""A video that is extracted more slowly than this counts as hanging."""


@dataclass(frozen=True, slots=True)
class ExtractEvent:
    """A clip that was extracted, stood there already, or cannot be read.

    Attributes:
        name: of its record.
        done: clips so far.
        total: clips in all.
        extracted: its folder; None: it cannot be read.
        reason: why not.
    """

    name: str
    done: int
    total: int
    extracted: Extracted | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ExtractResult:
    """The result of extracting.

    Attributes:
        folder: the target.
        clips: folders of frames.
        frames: in all of them.
        bytes: of all images.
        before: folders that existed already.
        lists: names of the lists, the one that keeps most first.
        unreadable: name -> reason of what was left out.
    """

    folder: Path
    clips: int
    frames: int
    bytes: int
    before: int
    lists: tuple[str, ...]
    unreadable: Mapping[str, str]


def extract(
    source: Source,
    target: Path,
    form: FrameForm,
    *,
    line: Mapping[str, Any],
    workers: int = 1,
    bad_share: float = 0.05,
    patience: float = 600.0,
) -> Generator[ExtractEvent | ExtractResult]:
    """Yields an event for every clip, then the result.

    Folders finished before, from the same videos in the same way, are kept; so the same call
    completes interrupted work.

    Args:
        source: the data set.
        target: a folder, is made.
        form: how frames are stored.
        line: what was asked for: another line is refused in the same target.
        workers: processes.
        bad_share: share of the clips that may be unreadable.
        patience: seconds a clip may take, and a second more for every 100 kB of its video.

    Raises:
        DataError: a label cannot be written to a list, or the target cannot be written.
        SettingsError: the target's path is too long, or it holds something else.
        Failure: too many clips are unreadable; finished folders stay.
        RunError: another process extracts into the target.
    """
    check_path(target, below=_INSIDE)
    refuse_unlistable(source, target)
    with _alone(target, line):
        jobs = jobs_of(source, target, form)
        made: dict[str, Extracted] = {}
        unreadable: dict[str, str] = {}
        work = do_jobs(
            jobs,
            extract_frames,
            workers=workers,
            seconds=lambda job: patience + _size(job) / _BYTES_A_SECOND,
        )
        for done, ended in enumerate(work, start=1):
            name = ended.job.record.name
            if ended.result is None:
                unreadable[name] = ended.reason
            else:
                made[name] = ended.result
            yield ExtractEvent(name, done, len(jobs), ended.result, ended.reason)
        kept = [job for job in jobs if job.record.name in made]
        _write_quarantine(target, jobs, unreadable)
        if len(unreadable) > bad_share * len(jobs) or not kept:
            raise Failure(
                f"{source.name}: {len(unreadable)} of {len(jobs)} clips unreadable\n"
                f"{listed(list(unreadable.values()))}\n"
                f"  allowed: a share of {bad_share:g}; finished folders stay in {target}, no list "
                "was written\n  cure: repair them and rerun the same command, or raise --bad-share"
            )
        lists = write_lists(source, target, [(job, made[job.record.name]) for job in kept])
        yield ExtractResult(
            folder=target,
            clips=len(kept),
            frames=sum(m.frames for m in made.values()),
            bytes=sum(m.bytes for m in made.values()),
            before=sum(m.before for m in made.values()),
            lists=lists,
            unreadable=unreadable,
        )


def jobs_of(source: Source, target: Path, form: FrameForm) -> list[ExtractJob]:
    """Returns what is to be done for every record: each has a folder called as the record is."""
    around = {
        parent for r in source.records for parent in _parents(_place(r).lower())
    }  # a folder of frames holds no other
    taken: set[str] = set()
    jobs: list[ExtractJob] = []
    for record in source.records:
        place = _place(record)
        if place.lower() in taken | around:
            place += "-" + hashlib.sha256(raw_bytes(record.name)).hexdigest()[:8]
        taken.add(place.lower())
        maps = None if record.objects is None else target / _MAPS / f"{place}.npz"
        jobs.append(ExtractJob(record, target / FRAMES / place, maps, form))
    return jobs


def _parents(place: str) -> list[str]:
    parts = place.split("/")
    return ["/".join(parts[:number]) for number in range(1, len(parts))]


def _place(record: Record) -> str:
    """Returns where a record's folder lies: its name, without the suffix of a video."""
    name, suffix = record.name, record.path.suffix
    if record.medium != "frame_folder" and suffix and name.endswith(suffix):
        name = name[: -len(suffix)]
    return "/".join(safe_name(part) for part in name.split("/") if part) or "clip"


def _size(job: ExtractJob) -> int:
    with suppress(OSError, DataError):  # extracting it reports the fault
        return MEDIA[job.record.medium].bytes_on_disk(job.record.path)
    return 0


@contextmanager
def _alone(target: Path, line: Mapping[str, Any]) -> Generator[None]:
    """Creates the folder, for this process and this line alone."""
    try:
        lock = DirectoryLock(target)
    except OSError as error:
        raise DataError(f"{target}: cannot be written ({error.strerror})") from error
    try:
        _refuse_another(target, line)
        yield
    finally:
        lock.undo()


def _refuse_another(target: Path, line: Mapping[str, Any]) -> None:
    """Refuses a folder with other things in it, or made by another line; else notes the line."""
    noted = target / LINE
    if not noted.is_file():
        strange = [name for name in names_in(target) if name != LOCK_FILE]
        if strange:
            raise SettingsError(
                f"{target}: contains other files, such as {sorted(strange)[0]}\n"
                "  cure: choose another folder for the frames"
            )
        atomic_write_text(noted, json.dumps(plain(line), indent=1) + "\n")
        return
    apart = differences(read_object(noted, cure="choose another folder"), plain(line))
    if apart:
        raise SettingsError(
            f"{target}: holds frames that were extracted otherwise\n"
            f"{describe_differences(apart, whose='that line')}\n"
            "  cure: rerun that line, choose another folder, or delete this one"
        )


def _write_quarantine(
    target: Path, jobs: Sequence[ExtractJob], unreadable: Mapping[str, str]
) -> None:
    """Lists what cannot be read; there is no list where everything can."""
    if not unreadable:
        (target / QUARANTINE).unlink(missing_ok=True)
        return
    rows = [
        {
            "name": job.record.name,
            "path": str(job.record.path),
            "reason": unreadable[job.record.name],
        }
        for job in jobs
        if job.record.name in unreadable
    ]
    atomic_write_text(target / QUARANTINE, csv_text(list(rows[0]), rows))
