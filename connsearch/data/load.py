"""From options to three lists of clips that are ready to be read: :func:`load_data`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from connsearch.data.clips import ClipDataset, decoded_bytes
from connsearch.data.datasets import DATASETS
from connsearch.data.decode import probe
from connsearch.data.objects import read_objects
from connsearch.data.options import DataOptions
from connsearch.data.records import SPLITS, Record, Source, Split, VideoInfo, listed
from connsearch.data.sampling import clip_indices
from connsearch.data.splits import Lists, fingerprint, split_hashes, split_records
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

    def __iter__(self) -> Iterator[tuple[Split, ClipDataset]]:
        """Yields (name of the split, its clips): train, select, test."""
        return iter(zip(SPLITS, (self.train, self.select, self.test), strict=True))


def load_data(options: DataOptions) -> DataSplits:
    """Returns the data set the options name, with its three disjoint lists.

    Every video is opened once (not decoded) unless ``check_files`` is off, so that unreadable
    ones are refused together, before any work.

    Raises:
        DataError: the source, a listed file, a split or a video cannot be used.
        UnknownNameError: no such kind of data set.
    """
    source = read_source(options)
    lists = split_records(source, options)
    if options.check_files:
        lists = _checked(source.name, lists, options)
    source = replace(source, object_classes=_object_classes(source))
    hashes = split_hashes(source, lists)
    remember = options.workers == 0 and _fits(lists, options)
    train, select, test = (
        ClipDataset(
            lists[split], options, object_classes=source.object_classes or 0, remember=remember
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
        notes=source.notes,
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
    raise DataError(
        f"{options.source}: {near}\n  allowed: synthetic:TASK, a folder of class folders, "
        "a CSV file with the columns path and label"
    )


def _checked(name: str, lists: Lists, options: DataOptions) -> Lists:
    """Returns the lists with every video's own word about itself; refuses the unusable ones."""
    faults: list[str] = []

    def opened(record: Record) -> Record:
        try:
            info = record.info or probe(record.path)
            clip_indices(
                info.frames,
                options.frames,
                options.stride,
                short=options.short,
                name=str(record.path),
            )
        except DataError as error:
            faults.append(str(error))
            return record
        return replace(record, info=info)

    checked: Lists = {split: tuple(opened(r) for r in lists[split]) for split in SPLITS}
    if faults:
        count = sum(len(records) for records in lists.values())
        raise DataError(f"{name}: {len(faults)} of {count} videos unusable\n{listed(faults)}")
    return checked


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
