"""From options to three lists of clips that are ready to be read: :func:`load_data`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from connsearch.data.augment import expanded
from connsearch.data.clips import ClipDataset, decoded_bytes
from connsearch.data.contents import Contents, read_contents
from connsearch.data.datasets import DATASETS
from connsearch.data.effects import refuse_without_effect
from connsearch.data.infos import InfoCache
from connsearch.data.media import MEDIA
from connsearch.data.objects import check_objects, greatest_class
from connsearch.data.options import DataOptions
from connsearch.data.rates import with_media_rate, with_rate
from connsearch.data.reading import FIRST, READING
from connsearch.data.records import SPLITS, Record, Source, Split, VideoInfo, listed
from connsearch.data.splits import (
    Lists,
    classes_without,
    fingerprint,
    rules_differ,
    split_hashes,
    split_records,
    torn_videos,
)
from connsearch.data.usable import usable_part
from connsearch.data.watch import Watch
from connsearch.disk import is_folder
from connsearch.errors import DataError
from connsearch.registry import suggest
from connsearch.text import named


@dataclass(frozen=True, slots=True)
class DataSplits:
    """A data set, split, checked, and ready to be read.

    Attributes:
        train: to learn from.
        select: to choose by (early stopping, criteria); may be empty if its share is 0.
        test: to report, once; may be empty if its share is 0.
        classes: class names.
        object_classes: K of the object maps; 0: there are none.
        fingerprint: SHA-256 of the classes, the three lists and what their files hold.
        hashes: SHA-256 of each list: names, classes, groups and sizes.
        notes: what a person should know, for instance which clips were left out.
        clip: (T, H, W) of every clip.
        name: what the user called the data set.
        multi_label: a clip can have several classes, or none.
        connections: what teaches the connections of a bilevel search; None: ``train`` does.
        earlier: the fingerprint as reading 1 had it, without what the files hold.
        contents: what the files hold; None: nobody has looked.
        reading: by which version's rules clips are kept together (``data/reading``).
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
    earlier: str = ""
    contents: Contents | None = None
    reading: int = READING

    def __iter__(self) -> Iterator[tuple[Split, ClipDataset]]:
        """Yields (name of the split, its clips): train, select, test."""
        return iter(zip(SPLITS, (self.train, self.select, self.test), strict=True))

    def parts(self) -> Iterator[tuple[str, ClipDataset]]:
        """Yields the splits and, in a bilevel search, the half of train that is not in it."""
        yield from self
        if self.connections is not None:
            yield "connections", self.connections


Faults = dict[Split, dict[int, str]]
"""Split -> index of a clip -> why it cannot be used."""

Follow = Callable[[Iterable[tuple[Split, int]], int], Iterable[tuple[Split, int]]]
"""Shows how far through so many videos somebody is: passes on what it is given."""


def load_data(
    options: DataOptions, *, follow: Follow | None = None, reading: int = READING
) -> DataSplits:
    """Returns the data set the options name, with its three disjoint lists.

    Every video is opened once unless ``check_files`` is off (and decoded where its packets do not
    tell how many frames there are), so that unreadable ones are known, and too many of them
    refused together, before any work.

    Args:
        options: where the data is, how it is split, and how clips are cut.
        follow: is handed the walk over many videos, to show how far it is.
        reading: the version by whose rules the lists are drawn: that of a run which goes on.

    Raises:
        DataError: the source, a listed file, a split or a video cannot be used, or an option has
            no effect on this source.
        UnknownNameError: no such kind of data set, or no such augmentation.
    """
    expanded(options.augment)  # a wrong name is refused before any file is opened
    source = read_source(options, reading=reading)
    if reading == FIRST and not rules_differ(source.records, options):
        reading = READING
    lists = split_records(source, options, reading=reading)
    faults: Faults = {split: {} for split in SPLITS}
    if options.check_files:
        lists, faults = _checked(lists, options, follow)
        _refuse_faults(source, lists, faults, options)
    source = replace(source, object_classes=_object_classes(source, lists, faults, options))
    _refuse_faults(source, lists, faults, options)
    hashes = split_hashes(source, lists)
    contents = _contents(lists, options, follow)
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
        fingerprint=fingerprint(source, hashes, contents),
        hashes=hashes,
        notes=(
            *source.notes,
            *_notes(source, lists, faults),
            *_odd_clocks(lists),
            *_samples(lists),
        ),
        multi_label=source.multi_label,
        clip=(options.frames, options.size, options.size),
        name=source.name,
        earlier=fingerprint(source, hashes),
        contents=contents,
        reading=reading,
    )


def _contents(lists: Lists, options: DataOptions, follow: Follow | None) -> Contents:
    """Returns what the files hold; where there are many of them it is shown and remembered."""
    many = sum(map(len, lists.values())) >= MANY
    return read_contents(
        lists,
        options.fingerprint,
        cache=options.cache_directory / "contents.sqlite" if many else None,
        follow=follow if many or options.fingerprint == "full" else None,
    )


def read_source(options: DataOptions, *, reading: int = READING) -> Source:
    """Returns the records of the data set the options name, not yet split.

    Args:
        options: name the data set.
        reading: a run of reading 1 may have options without effect, which were not refused then.

    Raises:
        DataError: the name is neither a data set nor a folder nor a list, or an option has no
            effect on it.
        UnknownNameError: no such kind of data set.
    """
    source = with_media_rate(_read_source(options), options)
    if reading > FIRST:
        refuse_without_effect(source, options)
    return source


def _read_source(options: DataOptions) -> Source:
    kind, colon, rest = options.source.partition(":")
    path = Path(options.source).expanduser()
    if colon and kind in DATASETS:
        return DATASETS[kind](rest, options)
    if is_folder(path):
        return DATASETS["folder"](str(path), options)
    if path.is_file():
        suffix = path.suffix.lower()
        if suffix != ".csv" and suffix not in LISTS:
            raise DataError(
                f"{path}: a data set is a folder or a list ({', '.join(('.csv', *LISTS))}), read "
                f"{path.suffix!r}"
            )
        return DATASETS["csv" if suffix == ".csv" else "list"](str(path), options)
    near = suggest("data set", kind, sorted(DATASETS)) if colon else "no such folder or list"
    if kind in DATASETS:
        near = f"say where its files are: {kind}:PATH"
    raise DataError(
        f"{options.source}: {near}\n  allowed: a folder of class folders, a CSV file with the "
        "columns path and label, NAME:PATH for a published list, synthetic:TASK"
    )


LISTS = (".txt", ".lst", ".list")
"""How files end that are lists without a header."""

MANY = 500
"""Videos from which on it pays to remember what they said, and to show how far one is."""


def _checked(lists: Lists, options: DataOptions, follow: Follow | None) -> tuple[Lists, Faults]:
    """Returns the lists with every video's own word about itself, and what is wrong with some."""
    faults: Faults = {split: {} for split in SPLITS}
    checked = {split: list(lists[split]) for split in SPLITS}
    walk: Iterable[tuple[Split, int]] = [(s, i) for s in SPLITS for i in range(len(lists[s]))]
    count = sum(map(len, lists.values()))
    place = options.cache_directory / "infos.sqlite" if count >= MANY else None
    watch = Watch(options.timeout)
    with InfoCache(place) as known:
        for split, index in follow(walk, count) if follow and count >= MANY else walk:
            record = checked[split][index]
            info = record.info or known.get(record.path)
            try:
                said, found = watch.run(
                    lambda r=record, i=info: _looked_at(r, i, options), record.name
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
    record: Record, info: VideoInfo | None, options: DataOptions
) -> tuple[VideoInfo, Record]:
    """Returns what a file says about itself and nobody else does, and the record, checked."""
    said = info or MEDIA[record.medium].probe(record.path)
    return said, checked_record(replace(record, info=said), options)


def checked_record(record: Record, options: DataOptions) -> Record:
    """Returns the record with what its file says about itself, and its rate if others say it.

    Raises:
        DataError: no clip as the options want it can be cut from it.
    """
    info = with_rate(record.info or MEDIA[record.medium].probe(record.path), record)
    usable_part(record, info, options)
    if record.objects is not None:
        check_objects(record.objects, frames=info.frames)
    return replace(record, info=info)


def _refuse_faults(source: Source, lists: Lists, faults: Faults, options: DataOptions) -> None:
    reasons = [reason for split in SPLITS for reason in faults[split].values()]
    refuse_too_many(source.name, reasons, sum(map(len, lists.values())), options.bad_share)


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


def _notes(source: Source, lists: Lists, faults: Mapping[Split, Mapping[int, str]]) -> list[str]:
    """Returns what a person should know besides: torn videos, empty classes, unreadable files."""
    notes: list[str] = []
    torn = torn_videos(lists)
    if torn:
        notes.append(
            f"{len(torn)} video(s) have clips on several lists; what is learned is tested on the "
            f"same source\n{listed(torn)}"
        )
    empty = classes_without(source, lists["train"])
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


def _samples(lists: Lists) -> list[str]:
    """Returns how many folders hold a sample of a video's frames, and what becomes of the rate."""
    infos = [record.info for records in lists.values() for record in records]
    steps = Counter((i.step, i.fps) for i in infos if i is not None and i.step > 1)
    return [
        f"{count} folder(s) hold one frame in {step} of a video, by the numbers in their names: "
        f"taken as they are{f', at {fps:g} frames a second' if fps else ''}"
        for (step, fps), count in sorted(steps.items())
    ]


def _object_classes(
    source: Source, lists: Lists, faults: Faults, options: DataOptions
) -> int | None:
    """Returns the number of object classes; looks into every map where nobody has said it.

    Maps that cannot be read are written down among the faults, and say nothing.

    Raises:
        DataError: no map at all can be read.
    """
    if source.object_classes is not None:
        return source.object_classes
    greatest: list[int] = []
    watch = Watch(options.timeout)
    for split in SPLITS:
        for index, record in enumerate(lists[split]):
            path = record.objects
            if path is None or index in faults[split]:
                continue
            try:
                greatest.append(watch.run(lambda p=path: greatest_class(p), str(path)))
            except DataError as error:
                faults[split][index] = str(error)
    if not greatest:
        reasons = [reason for split in SPLITS for reason in faults[split].values()]
        raise DataError(
            f"{source.name}: no object map can be read\n{listed(reasons)}\n  cure: mend them, or "
            "take them off the list"
        )
    return max(2, 1 + max(greatest))


def _fits(lists: Lists, options: DataOptions) -> bool:
    """Returns whether all decoded videos together fit into the memory allowed for them."""
    infos: list[VideoInfo | None] = [r.info for records in lists.values() for r in records]
    known = [info for info in infos if info is not None]
    total = sum(decoded_bytes(info, options) for info in known)
    return len(known) == len(infos) and total <= options.memory_mb * 10**6
