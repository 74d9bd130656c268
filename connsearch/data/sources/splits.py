"""Three disjoint splits of clips, checked and hashed: train, val, test.

Splits of a data set are kept. If it has none, whole units are drawn into val and test: groups, and
always whole video files (``data/sources/units``); if it has train but no val or no test, the
missing split is drawn from train in the same way. A share of 0 leaves a split empty.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from connsearch.data.media.contents import Contents
from connsearch.data.media.formats import MEDIA
from connsearch.data.options import SplitBy, SplitOptions
from connsearch.data.reading import FIRST, READING
from connsearch.data.records import BEFORE, SPLITS, Record, Source, Split, listed
from connsearch.data.sources.units import shares_files, units_before, units_of
from connsearch.errors import DataError

Lists = dict[Split, tuple[Record, ...]]

_DRAWS = 64
"""Random assignments of groups that are tried; the one with the most even classes is kept."""

_MANY = 20_000
"""Of more groups than this one assignment is drawn: any is even then."""


def split_records(source: Source, options: SplitOptions, *, reading: int = READING) -> Lists:
    """Returns the three lists.

    Args:
        source: the data set.
        options: seed and shares.
        reading: by the rules of that version (``data/reading``).

    Raises:
        DataError: a group on two lists, rows with and without a split, groups that cannot be
            divided, or a class without a training clip.
    """
    undecided = [r for r in source.records if r.split is None]
    if 0 < len(undecided) < len(source.records):
        raise DataError(
            f"{source.name}: {len(undecided)} of {len(source.records)} clips have no split, the "
            f"others do\n{listed([r.name for r in undecided])}\n  cure: give one to all or to none"
        )
    lists: dict[Split, list[Record]] = {split: [] for split in SPLITS}
    for record in source.records:
        lists[record.split or "train"].append(record)
    asked: dict[Split, float] = {"test": options.test_share, "val": options.val_share}
    missing: list[Split] = [split for split in asked if asked[split] > 0 and not lists[split]]
    if missing:
        shares: dict[Split, float] = {split: asked[split] for split in missing}
        lists |= draw_lists(source.name, lists["train"], shares, options, reading)
    for split in missing:
        if not lists[split]:
            raise DataError(
                f"{source.name}: too few clips of a class to put any into the {split} split\n"
                f"  cure: more clips, a larger --{split}-share, or --{split}-share 0 to omit it"
            )
    out: Lists = {split: tuple(records) for split, records in lists.items()}
    if options.split_by == "group":
        _check_groups(source, out, reading)
    check_classes(source)
    _check_trained(source, out["train"])
    return out


def draw_lists(
    name: str,
    records: Sequence[Record],
    shares: Mapping[Split, float],
    options: SplitOptions,
    reading: int,
) -> dict[Split, list[Record]]:
    """Returns the records divided into train and the lists that are missing.

    Raises:
        DataError: groups that cannot be divided.
    """
    rng = np.random.default_rng([options.seed, 3])
    part_of = _parts(name, records, shares, options.split_by, rng, reading)
    drawn: dict[Split, list[Record]] = {split: [] for split in ("train", *shares)}
    for record, part in zip(records, part_of, strict=True):
        drawn[part].append(record)
    return drawn


def halve(
    name: str,
    records: Sequence[Record],
    split_by: SplitBy,
    *,
    seed: int,
    reading: int = READING,
) -> tuple[list[int], list[int]]:
    """Returns the places of the records of two halves, in order; no group or video is in both.

    Raises:
        DataError: there is one group only.
    """
    rng = np.random.default_rng([seed, 5])
    half: dict[Split, float] = {"val": 0.5}
    part_of = _parts(name, records, half, split_by, rng, reading)
    second = [place for place, part in enumerate(part_of) if part == "val"]
    return [place for place, part in enumerate(part_of) if part != "val"], second


def _parts(
    name: str,
    records: Sequence[Record],
    shares: Mapping[Split, float],
    split_by: SplitBy,
    rng: np.random.Generator,
    reading: int,
) -> list[Split]:
    """Returns a list for every record: by unit where records share one, else clip by clip."""
    grouped = split_by == "group" and any(r.group for r in records)
    if reading == FIRST:
        units = units_before(records)
    else:
        units = units_of(records, split_by=split_by)
        grouped = grouped or len(set(units)) < len(units)
    if grouped:
        by_group = split_by == "group" and any(r.group for r in records)
        return _by_unit(name, records, units, shares, rng, by_group=by_group)
    return _by_clip(records, shares, rng)


def _by_clip(
    records: Sequence[Record], shares: Mapping[Split, float], rng: np.random.Generator
) -> list[Split]:
    """Returns a list for every record; every class is divided by the same shares."""
    parts: list[Split] = ["train"] * len(records)
    by_label: dict[int, list[int]] = {}
    for index, record in enumerate(records):
        by_label.setdefault(record.label, []).append(index)
    for label in sorted(by_label):
        members = by_label[label]
        order = rng.permutation(members).tolist()
        for split, share in shares.items():
            count = round(share * len(members))
            for index in order[:count]:
                parts[index] = split
            order = order[count:]
    return parts


def _by_unit(
    name: str,
    records: Sequence[Record],
    unit_of: Sequence[str],
    shares: Mapping[Split, float],
    rng: np.random.Generator,
    *,
    by_group: bool,
) -> list[Split]:
    """Returns a list for every record such that no unit is on two of them."""
    units = sorted(set(unit_of))
    if len(units) <= len(shares):
        clip = "--split-by clip (clips of one group are then in several splits), "
        raise DataError(
            f"{name}: {len(units)} {'group' if by_group else 'video'}(s) cannot be divided into "
            f"{len(shares) + 1} splits\n{listed(units)}\n  cure: a split column, "
            f"{clip if by_group else ''}or --val-share 0 and --test-share 0"
        )
    totals = Counter(r.label for r in records)
    counts: dict[str, Counter[int]] = {unit: Counter() for unit in units}
    for record, unit in zip(records, unit_of, strict=True):
        counts[unit][record.label] += 1
    best: tuple[float, dict[str, Split]] | None = None
    for _ in range(_DRAWS if len(units) <= _MANY else 1):
        parts = _deal(rng.permutation(units).tolist(), counts, shares, len(records))
        misfit = _misfit(parts, counts, totals, shares)
        if best is None or misfit < best[0]:
            best = misfit, parts
    assert best is not None
    return [best[1][unit] for unit in unit_of]


def _deal(
    order: Sequence[str],
    counts: Mapping[str, Counter[int]],
    shares: Mapping[Split, float],
    total: int,
) -> dict[str, Split]:
    """Returns a list for every group: groups are dealt in order until each share is reached."""
    parts: dict[str, Split] = dict.fromkeys(order, "train")
    waiting = list(order)
    for split, share in shares.items():
        held = 0
        while len(waiting) > 1 and (held == 0 or held < share * total):
            size = counts[waiting[-1]].total()
            if held and held + size - share * total > share * total - held:
                break
            parts[waiting.pop()] = split
            held += size
    return parts


def _misfit(
    parts: Mapping[str, Split],
    counts: Mapping[str, Counter[int]],
    totals: Counter[int],
    shares: Mapping[Split, float],
) -> float:
    """Returns how far the classes of each list are from their shares; 0 is a perfect fit."""
    wanted = {**shares, "train": 1.0 - sum(shares.values())}
    held_by: dict[str, Counter[int]] = {split: Counter() for split in wanted}
    for unit, part in parts.items():
        held_by[part].update(counts[unit])
    misfit = 0.0
    for split, share in wanted.items():
        held = held_by[split]
        for label, total in totals.items():
            misfit += abs(held[label] / total - share) + (10.0 if held[label] == 0 else 0.0)
    return misfit


def _check_groups(source: Source, lists: Lists, reading: int) -> None:
    torn = _torn(lists, by_group=True, files=reading > FIRST and not source.published)
    if torn:
        raise DataError(
            f"{source.name}: groups or videos in two splits, so training and test would share the "
            f"same source\n{listed(torn)}\n  cure: give every group and every video one split, or "
            "--split-by clip to keep the splits as they are"
        )


def rules_differ(records: Sequence[Record], split_by: SplitBy) -> bool:
    """Returns whether reading 1 would keep other clips together than this version does."""
    if split_by == "clip":
        return shares_files(records)
    return units_of(records) != units_before(records)


def torn_videos(lists: Lists) -> list[str]:
    """Returns which videos have clips on several lists, by the names of those clips."""
    return _torn(lists, by_group=False, files=True)


def _torn(lists: Lists, *, by_group: bool, files: bool) -> list[str]:
    """Returns the units that are on several lists, each with its lists."""
    rows: list[tuple[Record, Split]] = [(r, split) for split in SPLITS for r in lists[split]]
    records = [record for record, _ in rows]
    units = (
        units_of(records, split_by="group" if by_group else "clip")
        if files
        else units_before(records)
    )
    on: dict[str, dict[Split, None]] = {}
    for unit, (_, split) in zip(units, rows, strict=True):
        on.setdefault(unit, {})[split] = None
    found = {unit: list(splits) for unit, splits in on.items() if len(splits) > 1}
    return sorted(f"{unit}: {' and '.join(splits)}" for unit, splits in found.items())


def check_classes(source: Source) -> None:
    """Refuses data of one class.

    Raises:
        DataError: there is nothing to distinguish.
    """
    if len(source.classes) < 2:
        raise DataError(
            f"{source.name}: one class only ({', '.join(source.classes)}); there is nothing to "
            "distinguish\n  cure: clips of at least two classes"
        )


def _check_trained(source: Source, train: Sequence[Record]) -> None:
    missing = classes_without(source, train)
    if missing and not source.published:
        raise DataError(
            f"{source.name}: classes without a training clip\n{listed(missing)}\n"
            "  cure: more clips or groups of these classes, or --val-share 0 and "
            "--test-share 0 to train on everything there is"
        )


def classes_without(source: Source, train: Sequence[Record]) -> list[str]:
    """Returns the names of the classes without a training clip."""
    present = {label for r in train for label in r.labels}
    return [name for label, name in enumerate(source.classes) if label not in present]


def split_hashes(source: Source, lists: Lists) -> dict[str, str]:
    """Returns SHA-256 of each list, in its order: name, class, group, bytes of every file."""
    return {split: _hash(source, records) for split, records in lists.items()}


def _hash(source: Source, records: Sequence[Record]) -> str:
    lines: list[str] = []
    for r in records:
        sizes = [MEDIA[r.medium].bytes_on_disk(r.path)]
        if r.objects is not None:
            maps = sorted(r.objects.iterdir()) if r.objects.is_dir() else [r.objects]
            sizes += [file.stat().st_size for file in maps]
        classes: str | list[str] = [source.classes[label] for label in r.labels]
        if not source.multi_label:
            classes = classes[0]
        line: list[object] = [r.name, classes, r.group, sizes]
        if r.window is not None:
            line.append([str(r.window.start), str(r.window.end), r.window.unit])
        if r.spans:
            line.append([[s.label, s.start, s.end] for s in r.spans])
        if r.fps is not None and r.medium != "video":
            line.append({"fps": r.fps})
        lines.append(json.dumps(line))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def fingerprint(source: Source, hashes: Mapping[str, str], contents: Contents | None = None) -> str:
    """Returns SHA-256 over the classes and the three lists; independent of the place of the files.

    Args:
        source: names the classes.
        hashes: of the lists.
        contents: of their files; None: names and sizes alone, as in reading 1.
    """
    what: dict[str, object] = {
        "classes": source.classes,
        "objects": source.object_classes,
        "lists": _as_before(hashes),
    }
    if contents is not None:
        what["contents"] = {"kind": contents.kind, "hashes": _as_before(contents.hashes)}
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()


def _as_before(hashes: Mapping[Split, str] | Mapping[str, str]) -> dict[str, str]:
    """Returns the hashes by the names that every fingerprint has been made with."""
    return {BEFORE[split]: hashes[split] for split in SPLITS if split in hashes}
