"""Every file is opened once before any work, to find its facts and unusable files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from connsearch.data.clips.read_timeout import TimeLimit
from connsearch.data.clips.usable import usable_part
from connsearch.data.loading.infos import InfoCache
from connsearch.data.media.formats import MEDIA
from connsearch.data.media.objects import check_objects, greatest_class
from connsearch.data.media.rates import with_rate
from connsearch.data.options import ClipLabels, ClipOptions, LoadingOptions
from connsearch.data.records import SPLITS, Record, Source, Split, VideoInfo, listed
from connsearch.data.sources.splits import Lists
from connsearch.errors import DataError
from connsearch.files.text import named

Faults = dict[Split, dict[int, str]]
"""Split -> index of a clip -> why it cannot be used."""

Follow = Callable[[Iterable[tuple[Split, int]], int], Iterable[tuple[Split, int]]]
"""Shows the progress through many videos: yields the items it is given."""

MANY = 500
"""Number of videos from which facts are cached and progress is shown."""


def are_many(lists: Lists) -> bool:
    """Returns whether there are enough clips to cache facts and show progress."""
    return sum(map(len, lists.values())) >= MANY


def look_at(
    lists: Lists,
    options: ClipOptions,
    labels: ClipLabels,
    loading: LoadingOptions,
    follow: Follow | None,
) -> tuple[Lists, Faults]:
    """Returns the splits with the facts of every video, and the faults of some.

    Args:
        lists: of clips.
        options: how clips are cut.
        labels: whether a clip has the classes of its video, or its own.
        loading: how long a file may take, and where its facts are cached.
        follow: is handed the walk over many videos.
    """
    faults: Faults = {split: {} for split in SPLITS}
    checked = {split: list(lists[split]) for split in SPLITS}
    walk: Iterable[tuple[Split, int]] = [(s, i) for s in SPLITS for i in range(len(lists[s]))]
    count = sum(map(len, lists.values()))
    many = are_many(lists)
    place = loading.cache_directory / "infos.sqlite" if many else None
    limit = TimeLimit(loading.timeout)
    with InfoCache(place) as known:
        for split, index in follow(walk, count) if follow and many else walk:
            record = checked[split][index]
            info = record.info or known.get(record.path)
            try:
                said, found = limit.run(
                    lambda r=record, i=info: _looked_at(r, i, options, labels), record.name
                )
            except DataError as error:
                faults[split][index] = named(str(error), record.path, record.name)
                continue
            checked[split][index] = found
            if info is None:
                known.put(found.path, said)
    out: Lists = {split: tuple(checked[split]) for split in SPLITS}
    return out, faults


def _looked_at(
    record: Record, info: VideoInfo | None, options: ClipOptions, labels: ClipLabels
) -> tuple[VideoInfo, Record]:
    """Returns the facts of a file, and the record, checked."""
    said = info or MEDIA[record.medium].probe(record.path)
    return said, checked_record(replace(record, info=said), options, labels)


def checked_record(record: Record, options: ClipOptions, labels: ClipLabels) -> Record:
    """Returns the record with the facts of its file, and its rate from elsewhere if needed.

    Raises:
        DataError: no clip can be cut from it with these options.
    """
    info = with_rate(record.info or MEDIA[record.medium].probe(record.path), record)
    usable_part(record, info, options, labels)
    if record.objects is not None:
        check_objects(record.objects, frames=info.frames)
    return replace(record, info=info)


def refuse_faults(source: Source, lists: Lists, faults: Faults, bad_share: float) -> None:
    """Refuses a data set with too many faults; see :func:`refuse_too_many`."""
    reasons = [reason for split in SPLITS for reason in faults[split].values()]
    refuse_too_many(source.name, reasons, sum(map(len, lists.values())), bad_share)


def refuse_too_many(name: str, faults: Sequence[str], count: int, bad_share: float) -> None:
    """Refuses a data set of which more than a share cannot be read.

    Raises:
        DataError: all faults, by name.
    """
    if len(faults) > bad_share * count:
        raise DataError(
            f"{name}: {len(faults)} of {count} videos unusable\n{listed(faults)}\n"
            f"  allowed: a share of {bad_share:g}; cure: repair them, remove them from the list, "
            "or raise --bad-share to skip them"
        )


def count_object_classes(
    source: Source, lists: Lists, faults: Faults, timeout: float
) -> int | None:
    """Returns the number of object classes; reads every map if it is not given.

    Maps that cannot be read are added to the faults and ignored.

    Raises:
        DataError: no map at all can be read.
    """
    if source.object_classes is not None:
        return source.object_classes
    greatest: list[int] = []
    limit = TimeLimit(timeout)
    for split in SPLITS:
        for index, record in enumerate(lists[split]):
            path = record.objects
            if path is None or index in faults[split]:
                continue
            try:
                greatest.append(limit.run(lambda p=path: greatest_class(p), str(path)))
            except DataError as error:
                faults[split][index] = str(error)
    if not greatest:
        reasons = [reason for split in SPLITS for reason in faults[split].values()]
        raise DataError(
            f"{source.name}: no object map can be read\n{listed(reasons)}\n  cure: repair "
            "them, or remove them from the list"
        )
    return max(2, 1 + max(greatest))
