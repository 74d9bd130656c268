"""From options to three lists of clips that are ready to be read: :func:`load_data`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from connsearch.data.clips.augment import expanded
from connsearch.data.clips.dataset import ClipDataset
from connsearch.data.clips.usable import decoded_bytes
from connsearch.data.loading.first_look import (
    Faults,
    Follow,
    are_many,
    count_object_classes,
    look_at,
    refuse_faults,
)
from connsearch.data.media.contents import Contents, read_contents
from connsearch.data.options import ClipOptions, DataOptions
from connsearch.data.reading import FIRST, READING
from connsearch.data.records import SPLITS, Source, Split, VideoInfo, listed
from connsearch.data.sources.effects import refuse_idle_rate
from connsearch.data.sources.folds import lists_of
from connsearch.data.sources.source import read_source
from connsearch.data.sources.splits import (
    Lists,
    classes_without,
    fingerprint,
    rules_differ,
    split_hashes,
    torn_videos,
)


@dataclass(frozen=True, slots=True)
class DataSplits:
    """A data set, split, checked, and ready to be read.

    Attributes:
        train: to learn from.
        val: to select by (early stopping, criteria); may be empty if its share is 0.
        test: to report, once; may be empty if its share is 0.
        classes: class names.
        object_classes: K of the object maps; 0: there are none.
        fingerprint: SHA-256 of the classes, the three lists and what their files hold.
        hashes: SHA-256 of each list: names, classes, groups and sizes.
        notes: for the user, for instance which clips were left out.
        options: where it is, how it was split, how its clips are cut, changed and read.
        name: what the user called the data set.
        multi_label: a clip can have several classes, or none.
        connections: clips that train the connections of a bilevel search; None: ``train`` does.
        earlier: the fingerprint as reading 1 had it, without what the files hold.
        contents: of the files; None: not read.
        reading: by which version's rules clips are kept together (``data/reading``).
        options: it was loaded by; None: it was put together by hand.
    """

    train: ClipDataset
    val: ClipDataset
    test: ClipDataset
    classes: tuple[str, ...]
    object_classes: int
    fingerprint: str
    hashes: dict[str, str]
    notes: tuple[str, ...]
    options: DataOptions
    name: str
    multi_label: bool = False
    connections: ClipDataset | None = None
    earlier: str = ""
    contents: Contents | None = None
    reading: int = READING

    def __repr__(self) -> str:
        """Returns what it is in a few words."""
        counts = ", ".join(f"{name} {len(clips)}" for name, clips in self.parts())
        return f"<DataSplits {self.name!r}: {len(self.classes)} classes; clips: {counts}>"

    @property
    def clip(self) -> tuple[int, int, int]:
        """(T, H, W) of every clip."""
        size = self.options.clips.size
        return self.options.clips.frames, size, size

    def __iter__(self) -> Iterator[tuple[Split, ClipDataset]]:
        """Yields (name of the split, its clips): train, val, test."""
        return iter(zip(SPLITS, (self.train, self.val, self.test), strict=True))

    def parts(self) -> Iterator[tuple[str, ClipDataset]]:
        """Yields the splits and, in a bilevel search, the half of train that is not in it."""
        yield from self
        if self.connections is not None:
            yield "connections", self.connections


def load_data(
    options: DataOptions, *, follow: Follow | None = None, reading: int = READING
) -> DataSplits:
    """Returns the data set the options name, with its three disjoint lists.

    Every video is opened once unless ``check_files`` is off (and decoded where its packets do not
    tell how many frames there are), so that unreadable ones are known, and too many of them
    refused together, before any work.

    Args:
        options: where the data is, how it is split, and how clips are cut.
        follow: wraps the iteration over many videos, to show progress.
        reading: the version by whose rules the splits are drawn: that of a resumed run.

    Raises:
        DataError: the source, a listed file, a split or a video cannot be used, or an option has
            no effect on this source.
        UnknownNameError: no such kind of data set, or no such augmentation.
    """
    expanded(options.augment.augment)  # a wrong name is refused before any file is opened
    source = read_source(options, reading=reading)
    if reading == FIRST and not rules_differ(source.records, options.split.split_by):
        reading = READING
    lists, told = lists_of(source, options.split, reading=reading)
    source = replace(source, notes=(*source.notes, *told))
    source, lists, faults = _looked_through(source, lists, options, follow, reading)
    hashes = split_hashes(source, lists)
    contents = _contents(lists, options, follow)
    return DataSplits(
        **_datasets(source, lists, faults, options),
        classes=source.classes,
        object_classes=source.object_classes or 0,
        fingerprint=fingerprint(source, hashes, contents),
        hashes=hashes,
        notes=_all_notes(source, lists, faults),
        multi_label=source.multi_label,
        options=options,
        name=source.name,
        earlier=fingerprint(source, hashes),
        contents=contents,
        reading=reading,
    )


def _looked_through(
    source: Source, lists: Lists, options: DataOptions, follow: Follow | None, reading: int
) -> tuple[Source, Lists, Faults]:
    """Returns source and splits with the facts of their files, and the unusable ones.

    Raises:
        DataError: too many of them, or an option that has no effect on this source.
    """
    faults: Faults = {split: {} for split in SPLITS}
    loading = options.loading
    if loading.check_files:
        labels = options.source.clip_labels
        lists, faults = look_at(lists, options.clips, labels, loading, follow)
        refuse_faults(source, lists, faults, loading.bad_share)
        if reading > FIRST:
            refuse_idle_rate(source, options.source.media_fps, _infos(lists))
    classes = count_object_classes(source, lists, faults, loading.timeout)
    source = replace(source, object_classes=classes)
    refuse_faults(source, lists, faults, loading.bad_share)
    return source, lists, faults


def _datasets(
    source: Source, lists: Lists, faults: Faults, options: DataOptions
) -> dict[Split, ClipDataset]:
    """Returns the clips of every split, each record with its fault."""
    loading = options.loading
    remember = loading.workers == 0 and _fits(lists, options.clips, loading.memory_mb)
    return {
        split: ClipDataset.of(
            tuple(
                replace(record, fault=faults[split].get(index, ""))
                for index, record in enumerate(lists[split])
            ),
            options,
            object_classes=source.object_classes or 0,
            num_classes=len(source.classes) if source.multi_label else 0,
            remember=remember,
        )
        for split in SPLITS
    }


def _contents(lists: Lists, options: DataOptions, follow: Follow | None) -> Contents:
    """Returns the contents of the files; if there are many, with progress and a cache."""
    many, kind = are_many(lists), options.source.fingerprint
    return read_contents(
        lists,
        kind,
        cache=options.loading.cache_directory / "contents.sqlite" if many else None,
        follow=follow if many or kind == "full" else None,
    )


def _all_notes(source: Source, lists: Lists, faults: Faults) -> tuple[str, ...]:
    """Returns the notes for the user: those of the source, and new findings."""
    return (
        *source.notes,
        *_notes(source, lists, faults),
        *_odd_clocks(lists),
        *_samples(lists),
    )


def _notes(source: Source, lists: Lists, faults: Mapping[Split, Mapping[int, str]]) -> list[str]:
    """Returns further notes: videos in several splits, empty classes, unreadable files."""
    notes: list[str] = []
    torn = torn_videos(lists)
    if torn:
        notes.append(
            f"{len(torn)} video(s) have clips in several splits, so training and test share the "
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
    """Returns a note, in one line, if videos have irregular clocks."""
    noted = {
        record.path: f"{record.name}: {record.info.note}"
        for split in SPLITS
        for record in lists[split]
        if record.info is not None and record.info.note
    }
    if not noted:
        return []
    few = "; ".join(list(noted.values())[:5]) + ("; ..." if len(noted) > 5 else "")
    return [f"{len(noted)} video(s) with an irregular clock: {few}"]


def _samples(lists: Lists) -> list[str]:
    """Returns how many folders hold a sample of a video's frames, and what becomes of the rate."""
    steps = Counter((i.step, i.fps) for i in _infos(lists) if i.step > 1)
    return [
        f"{count} folder(s) contain one frame in {step} of a video, by the numbers in their names: "
        f"used as they are{f', at {fps:g} frames per second' if fps else ''}"
        for (step, fps), count in sorted(steps.items())
    ]


def _fits(lists: Lists, options: ClipOptions, memory_mb: int) -> bool:
    """Returns whether all decoded videos together fit into the memory allowed for them."""
    total = sum(
        decoded_bytes(record.info, options, training=split == "train")
        for split in SPLITS
        for record in lists[split]
        if record.info is not None
    )
    return len(_infos(lists)) == sum(map(len, lists.values())) and total <= memory_mb * 10**6


def _infos(lists: Lists) -> list[VideoInfo]:
    """Returns what is known of the media of all clips."""
    return [r.info for records in lists.values() for r in records if r.info is not None]
