"""The composition of a data set, from the facts of its files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from connsearch.data.clips.timeline import seconds_of, timeline
from connsearch.data.loading.load import DataSplits
from connsearch.data.media.formats import MEDIA
from connsearch.data.records import Record, Split, VideoInfo
from connsearch.data.tools.suggest import ClipFacts, Suggestion


@dataclass(frozen=True, slots=True)
class Spread:
    """The smallest, the middle and the largest of some numbers."""

    low: float
    middle: float
    high: float


@dataclass(frozen=True, slots=True)
class SplitSummary:
    """One list.

    Attributes:
        clips: how many.
        classes: clips of each class, in the order of the classes; of several classes counted in
            each.
        unlabelled: clips without a class (multi-label data).
        groups: how many different groups; 0: there are none.
        frames: of the part of the video that is used.
        seconds: the same in seconds; None: nothing is known of time.
        hours: of all clips together.
    """

    clips: int
    classes: tuple[int, ...]
    unlabelled: int
    groups: int
    frames: Spread | None
    seconds: Spread | None
    hours: float


@dataclass(frozen=True, slots=True)
class UnusableClip:
    """A clip that cannot be read."""

    split: Split
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Summary:
    """A data set.

    Attributes:
        name: what the user called it.
        classes: class names.
        splits: the three lists.
        sizes: "width x height" -> clips, most frequent first.
        rates: frames per second -> clips, of those with a constant rate, most frequent first.
        variable: lowest and highest mean rate of the clips whose rate varies, and how many.
        unclocked: clips whose files have no rate.
        media: how they are stored -> clips.
        windows: clips that use a part of their video.
        with_objects: clips with object maps.
        object_classes: classes of the maps; 0: there are none.
        bytes_on_disk: of all videos; one that several clips are cut from counts once.
        faults: clips that cannot be read.
        notes: of the data set.
        suggestion: what to begin with; None: there is no clip to learn from.
    """

    name: str
    classes: tuple[str, ...]
    splits: dict[Split, SplitSummary]
    sizes: dict[str, int]
    rates: dict[str, int]
    variable: tuple[float, float, int] | None
    unclocked: int
    media: dict[str, int]
    windows: int
    with_objects: int
    object_classes: int
    bytes_on_disk: int
    faults: tuple[UnusableClip, ...]
    notes: tuple[str, ...]
    suggestion: Suggestion | None = None


def clip_facts(data: DataSplits) -> ClipFacts:
    """Returns what suggestions follow from: of every clip that can be read, in all splits.

    Args:
        data: as for :func:`describe`.
    """
    known = [
        (record, record.info)
        for _, clips in data
        for record in clips.records
        if record.info is not None and not record.fault
    ]
    return ClipFacts(
        frames=[_used(record, info)[0] for record, info in known],
        rates=[max(info.fps, 0.0) for _, info in known],
        sides=[min(info.width, info.height) for _, info in known],
        varying=sum(bool(info.times) for _, info in known),
        train=sum(not record.fault for record in data.train.records),
    )


def describe(data: DataSplits) -> Summary:
    """Returns the composition of a data set.

    Args:
        data: loaded with ``check_files``, so that the facts of every readable file are known.
    """
    records = [record for _, clips in data for record in clips.records]
    infos = [record.info for record in records if record.info is not None]
    constant = [i for i in infos if i.fps > 0 and not i.times]
    varying = [i.fps for i in infos if i.times]
    return Summary(
        name=data.name,
        classes=data.classes,
        splits={split: _split(clips.records, len(data.classes)) for split, clips in data},
        sizes=_ranked(f"{i.width} x {i.height}" for i in infos),
        rates=_ranked(f"{round(i.fps, 2):g}" for i in constant),
        variable=(min(varying), max(varying), len(varying)) if varying else None,
        unclocked=sum(i.fps <= 0 for i in infos),
        media=_ranked(record.medium for record in records),
        windows=sum(record.window is not None for record in records),
        with_objects=sum(record.objects is not None for record in records),
        object_classes=data.object_classes,
        bytes_on_disk=_bytes(records),
        faults=tuple(
            UnusableClip(split, record.name, record.fault)
            for split, clips in data
            for record in clips.records
            if record.fault
        ),
        notes=data.notes,
    )


def _ranked(values: Iterable[str]) -> dict[str, int]:
    return dict(Counter(values).most_common())


def _bytes(records: Sequence[Record]) -> int:
    files = {record.path: record.medium for record in records}
    return sum(MEDIA[medium].bytes_on_disk(path) for path, medium in files.items())


def _split(records: Sequence[Record], classes: int) -> SplitSummary:
    counts = Counter(label for record in records for label in record.labels)
    used = [_used(record, record.info) for record in records if record.info is not None]
    seconds = [length for _, length in used if length > 0]
    return SplitSummary(
        clips=len(records),
        classes=tuple(counts[label] for label in range(classes)),
        unlabelled=sum(not record.labels for record in records),
        groups=len({record.group for record in records} - {""}),
        frames=_spread([frames for frames, _ in used]),
        seconds=_spread(seconds),
        hours=sum(seconds) / 3600,
    )


def _used(record: Record, info: VideoInfo) -> tuple[int, float]:
    """Returns frames and seconds of the part of a video that is used."""
    clock = timeline(info, window=record.window, name=record.name)
    frames = clock.last - clock.first + 1
    if info.fps <= 0:
        return frames, 0.0
    return frames, seconds_of(info, clock.last) - seconds_of(info, clock.first) + 1.0 / info.fps


def _spread(values: Sequence[float]) -> Spread | None:
    return Spread(min(values), median(values), max(values)) if values else None
