"""From options to three lists of clips that are ready to be read: :func:`load_data`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from connsearch.data.augment import expanded
from connsearch.data.clips import ClipDataset, decoded_bytes
from connsearch.data.datasets import DATASETS
from connsearch.data.infos import InfoCache
from connsearch.data.media import MEDIA
from connsearch.data.objects import read_objects
from connsearch.data.options import DataOptions
from connsearch.data.records import SPLITS, Record, Source, Split, VideoInfo, listed
from connsearch.data.sampling import clip_ticks
from connsearch.data.splits import (
    Lists,
    classes_without,
    fingerprint,
    split_hashes,
    split_records,
)
from connsearch.data.timeline import timeline
from connsearch.data.watch import Watch
from connsearch.errors import DataError
from connsearch.registry import suggest


@dataclass(frozen=True, slots=True)
class DataSplits:
    """A data set, split, checked, and ready to be read.

    Attributes:
        train: to learn from.
        select: to choose by (early stopping, criteria); may be empty if its share is 0.
        test: to report, once; may be empty if its share is 0.
        classes: class names.
        object_classes: K of the object maps; 0: there are none.
        fingerprint: SHA-256 of the classes and the three lists.
        hashes: SHA-256 of each list.
        notes: what a person should know, for instance which clips were left out.
        clip: (T, H, W) of every clip.
        name: what the user called the data set.
        multi_label: a clip can have several classes, or none.
        connections: what teaches the connections of a bilevel search; None: ``train`` does.
    """

    train: ClipDataset
    select: ClipDataset
    test: ClipDataset
    classes: tuple[str, ...]
    object_classes: int
    fingerprint: str
    hashes: dict[str, str]
    notes: tuple[str, ...]
    clip: tuple[int, int, int]
    name: str
    multi_label: bool = False
    connections: ClipDataset | None = None

    def __iter__(self) -> Iterator[tuple[Split, ClipDataset]]:
        """Yields (name of the split, its clips): train, select, test."""
        return iter(zip(SPLITS, (self.train, self.select, self.test), strict=True))

    def parts(self) -> Iterator[tuple[str, ClipDataset]]:
        """Yields the splits and, in a bilevel search, the half of train that is not in it."""
        yield from self
        if self.connections is not None:
            yield "connections", self.connections


Follow = Callable[[Iterable[tuple[Split, int]], int], Iterable[tuple[Split, int]]]
"""Shows how far through so many videos somebody is: passes on what it is given."""


def load_data(options: DataOptions, *, follow: Follow | None = None) -> DataSplits:
    """Returns the data set the options name, with its three disjoint lists.

    Every video is opened once unless ``check_files`` is off (and decoded where its packets do not
    tell how many frames there are), so that unreadable ones are known, and too many of them
    refused together, before any work.

    Args:
        options: where the data is, how it is split, and how clips are cut.
        follow: is handed the walk over many videos, to show how far it is.

    Raises:
        DataError: the source, a listed file, a split or a video cannot be used.
        UnknownNameError: no such kind of data set, or no such augmentation.
    """
    expanded(options.augment)  # a wrong name is refused before any file is opened
    source = read_source(options)
    lists = split_records(source, options)
    faults: dict[Split, dict[int, str]] = {}
    if options.check_files:
        lists, faults = _checked(lists, options, follow)
        reasons = [reason for split in SPLITS for reason in faults[split].values()]
        refuse_too_many(source.name, reasons, sum(map(len, lists.values())), options.bad_share)
    source = replace(source, object_classes=_object_classes(source))
    hashes = split_hashes(source, lists)
    remember = options.workers == 0 and _fits(lists, options)
    train, select, test = (
        ClipDataset(
            lists[split],
            options,
            object_classes=source.object_classes or 0,
            num_classes=len(source.classes) if source.multi_label else 0,
            remember=remember,
            faults=faults.get(split),
        )
        for split in SPLITS
    )
    return DataSplits(
        train=train,
        select=select,
        test=test,
        classes=source.classes,
        object_classes=source.object_classes or 0,
        fingerprint=fingerprint(source, hashes),
        hashes=hashes,
        notes=(*source.notes, *_notes(source, lists["train"], faults), *_odd_clocks(lists)),
        multi_label=source.multi_label,
        clip=(options.frames, options.size, options.size),
        name=source.name,
    )


def read_source(options: DataOptions) -> Source:
    """Returns the records of the data set the options name, not yet split.

    Raises:
        DataError: the name is neither a data set nor a folder nor a CSV file.
        UnknownNameError: no such kind of data set.
    """
    kind, colon, rest = options.source.partition(":")
    path = Path(options.source).expanduser()
    if colon and kind in DATASETS:
        return DATASETS[kind](rest, options)
    if path.is_dir():
        return DATASETS["folder"](str(path), options)
    if path.is_file():
        if path.suffix.lower() != ".csv":
            raise DataError(f"{path}: a data set is a folder or a .csv file, read {path.suffix!r}")
        return DATASETS["csv"](str(path), options)
    near = suggest("data set", kind, sorted(DATASETS)) if colon else "no such folder or CSV file"
    if kind in DATASETS:
        near = f"say where its files are: {kind}:PATH"
    raise DataError(
        f"{options.source}: {near}\n  allowed: a folder of class folders, a CSV file with the "
        "columns path and label, NAME:PATH for a published list, synthetic:TASK"
    )


MANY = 500
"""Videos from which on it pays to remember what they said, and to show how far one is."""


def _checked(
    lists: Lists, options: DataOptions, follow: Follow | None
) -> tuple[Lists, dict[Split, dict[int, str]]]:
    """Returns the lists with every video's own word about itself, and what is wrong with some."""
    faults: dict[Split, dict[int, str]] = {split: {} for split in SPLITS}
    checked = {split: list(lists[split]) for split in SPLITS}
    walk: Iterable[tuple[Split, int]] = [(s, i) for s in SPLITS for i in range(len(lists[s]))]
    count = sum(map(len, lists.values()))
    place = options.cache_directory / "infos.sqlite" if count >= MANY else None
    watch = Watch(options.timeout)
    with InfoCache(place) as known:
        for split, index in follow(walk, count) if follow and count >= MANY else walk:
            record = checked[split][index]
            info = record.info or known.get(record.path)
            record = replace(record, info=info)
            try:
                found = watch.run(lambda r=record: checked_record(r, options), record.name)
            except DataError as error:
                faults[split][index] = str(error)
                continue
            checked[split][index] = found
            if info is None and found.info is not None:
                known.put(found.path, found.info)
    out: Lists = {split: tuple(checked[split]) for split in SPLITS}
    return out, faults


def checked_record(record: Record, options: DataOptions) -> Record:
    """Returns the record with what its file says about itself.

    Raises:
        DataError: no clip as the options want it can be cut from it.
    """
    info = record.info or MEDIA[record.medium].probe(record.path)
    clock = timeline(info, window=record.window, fps=options.fps, name=record.name)
    clip_ticks(
        clock.ticks,
        options.frames,
        options.stride,
        short=options.short,
        sampler=options.sampler,
        name=str(record.path),
    )
    return replace(record, info=info)


def refuse_too_many(name: str, faults: Sequence[str], count: int, bad_share: float) -> None:
    """Refuses a data set of which more than a share cannot be read.

    Raises:
        DataError: all faults, by name.
    """
    if len(faults) > bad_share * count:
        raise DataError(
            f"{name}: {len(faults)} of {count} videos unusable\n{listed(faults)}\n"
            f"  allowed: a share of {bad_share:g}; cure: mend them or take them off the list, or "
            "raise bad_share to do without them"
        )


def _notes(
    source: Source, train: Sequence[Record], faults: Mapping[Split, Mapping[int, str]]
) -> list[str]:
    """Returns what a person should know besides: empty classes, files that cannot be read."""
    notes: list[str] = []
    empty = classes_without(source, train)
    if empty:
        few = ", ".join(empty[:5]) + (" ..." if len(empty) > 5 else "")
        notes.append(
            f"{len(empty)} of {len(source.classes)} classes without a training clip: {few}"
        )
    reasons = [reason for found in faults.values() for reason in found.values()]
    if reasons:
        notes.append(
            f"{len(reasons)} video(s) cannot be read and are quarantined\n{listed(reasons)}"
        )
    return notes


def _odd_clocks(lists: Lists) -> list[str]:
    """Returns a note, in one line, where videos said something odd about themselves."""
    noted = {
        record.path: f"{record.name}: {record.info.note}"
        for split in SPLITS
        for record in lists[split]
        if record.info is not None and record.info.note
    }
    if not noted:
        return []
    few = "; ".join(list(noted.values())[:5]) + ("; ..." if len(noted) > 5 else "")
    return [f"{len(noted)} video(s) with an odd clock: {few}"]


def _object_classes(source: Source) -> int:
    """Returns the number of object classes; looks into every map where nobody has said it."""
    if source.object_classes is not None:
        return source.object_classes
    paths = [r.objects for r in source.records if r.objects is not None]
    return max(2, 1 + max(int(np.max(read_objects(path))) for path in paths))


def _fits(lists: Lists, options: DataOptions) -> bool:
    """Returns whether all decoded videos together fit into the memory allowed for them."""
    infos: list[VideoInfo | None] = [r.info for records in lists.values() for r in records]
    known = [info for info in infos if info is not None]
    total = sum(decoded_bytes(info, options) for info in known)
    return len(known) == len(infos) and total <= options.memory_mb * 10**6
