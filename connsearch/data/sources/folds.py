"""Folds of a cross-validation: every clip is tested in exactly one of them, no group in two.

The folds are drawn from the seed, or a list names them in its column ``cv``. Whatever else a data
set says of its splits, its own test list stays closed: its clips are in no fold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from connsearch.data.options import SplitOptions
from connsearch.data.reading import READING
from connsearch.data.records import Record, Source, class_names, listed
from connsearch.data.sources.splits import Lists, check_classes, draw_lists, split_records
from connsearch.data.sources.units import units_of
from connsearch.errors import DataError

T = TypeVar("T")

_WORK = 200_000
"""Steps of dealing; more draws are tried while all of them together stay below."""

_DRAWS = 64
"""Draws that are tried at most; the one with the most even classes is kept."""


@dataclass(frozen=True, slots=True)
class Folds:
    """The clips of a data set in folds.

    Attributes:
        parts: the records of each fold, by name; each record is in one.
        names: what each fold is called: by the column ``cv``, or by its number from 1.
        units: what stays together, of every record, in the order of ``parts``.
        by: what was divided, as people call it: groups, clips, or the column cv.
        closed: records of the data's own test list, in no fold.
        unkept: how many records are on the data's own list for validation, which is not kept.
        lone: classes all of whose clips are in one unit.
    """

    parts: tuple[tuple[Record, ...], ...]
    names: tuple[str, ...]
    units: tuple[tuple[str, ...], ...]
    by: str
    closed: tuple[Record, ...]
    unkept: int
    lone: tuple[str, ...]

    def notes(self, classes: int) -> list[str]:
        """Returns what a person should know of them; ``classes``: how many there are."""
        found: list[str] = []
        if self.by == "clips":
            found.append(
                "the data names no groups, so every clip counts as one: clips of one person or "
                "recording may be in several folds; a column group keeps them together"
            )
        if self.closed:
            found.append(
                f"the test list of the data stays closed: its {len(self.closed)} clips are in no "
                f"fold; the folds divide the other {sum(map(len, self.parts))}"
            )
        if self.unkept:
            found.append(
                f"the validation list of the data ({self.unkept} clips) is divided like the rest; "
                "each fold draws its own from what it trains on (--val-share)"
            )
        if self.lone:
            found.append(
                f"{len(self.lone)} of {classes} classes have all their clips in one group, so they "
                f"are never both trained and tested\n{listed(self.lone)}"
            )
        return found


def lists_of(
    source: Source, options: SplitOptions, *, reading: int = READING
) -> tuple[Lists, list[str]]:
    """Returns train, val and test, and notes: of one fold where that is asked for.

    Raises:
        DataError: the data cannot be split so.
    """
    if options.fold_of is None:
        return split_records(source, options, reading=reading), []
    number, count = options.fold_of
    folds = divide(source, options, count)
    return fold_lists(source, folds, options, number), folds.notes(len(source.classes))


def divide(source: Source, options: SplitOptions, count: int | None) -> Folds:
    """Returns the folds; the order of the records does not matter.

    Args:
        source: the data set.
        options: seed, and whether groups stay together.
        count: how many; None: as many as the column ``cv`` names.

    Raises:
        DataError: more folds than groups, another number of them than the column ``cv`` names, no
            such column, a clip without a fold, or a group in several.
    """
    check_classes(source)
    closed = tuple(r for r in source.records if r.split == "test")
    records = sorted((r for r in source.records if r.split != "test"), key=lambda r: r.name)
    if not records:
        raise DataError(f"{source.name}: all clips are on its test list, which no fold may open")
    units = _units(source, records, closed, options)
    grouped = len(set(units)) < len(units) or any(r.group for r in records)
    by, names, place = "groups" if grouped else "clips", tuple[str, ...](), list[int]()
    if any(r.fold for r in records):
        by, names = "the column cv", _named(source, records, units, count)
        place = [names.index(r.fold) for r in records]
    elif count is None:
        raise DataError(
            f"{source.name}: its clips have no column cv that names their folds\n"
            "  cure: --folds with a number, or a CSV with a column cv"
        )
    else:
        names = tuple(str(number + 1) for number in range(count))
        place = _drawn(source, records, units, count, options.seed, grouped=grouped)
    return Folds(
        parts=tuple(tuple(_at(records, place, k)) for k in range(len(names))),
        names=names,
        units=tuple(tuple(_at(units, place, k)) for k in range(len(names))),
        by=by,
        closed=closed,
        unkept=sum(r.split == "val" for r in records),
        lone=_lone(source, records, units),
    )


def fold_lists(source: Source, folds: Folds, options: SplitOptions, number: int) -> Lists:
    """Returns the lists of one fold: it is ``test``; ``val`` is drawn from the others by group.

    Args:
        source: the data set.
        folds: of it.
        options: seed and share of ``val``.
        number: of the fold, from 1.

    Raises:
        DataError: the others cannot be divided into train and val.
    """
    test = folds.parts[number - 1]
    rest = sorted(
        (r for k, part in enumerate(folds.parts) if k != number - 1 for r in part),
        key=lambda r: r.name,
    )
    drawn: dict[str, list[Record]] = {"train": rest, "val": []}
    if options.val_share > 0:
        where = f"{source.name}, fold {number} of {len(folds.parts)}"
        drawn |= draw_lists(where, rest, {"val": options.val_share}, options, READING)
        if not drawn["val"]:
            raise DataError(
                f"{where}: too few clips of a class to put any into the val split\n"
                "  cure: more clips, a larger --val-share, or --val-share 0 to omit it"
            )
    return {"train": tuple(drawn["train"]), "val": tuple(drawn["val"]), "test": test}


def _at(items: Sequence[T], place: Sequence[int], number: int) -> Iterator[T]:
    return (item for item, k in zip(items, place, strict=True) if k == number)


def _units(
    source: Source, records: Sequence[Record], closed: Sequence[Record], options: SplitOptions
) -> list[str]:
    """What stays together, of every record.

    Raises:
        DataError: some of it is on the test list of the data.
    """
    units = units_of([*records, *closed], split_by=options.split_by)
    torn = sorted(set(units[: len(records)]) & set(units[len(records) :]))
    if torn and options.split_by == "group" and not source.published:
        raise DataError(
            f"{source.name}: groups or videos both on its test list and outside of it\n"
            f"{listed(torn)}\n  cure: give every group and every video one split, or --split-by "
            "clip to keep the list as it is"
        )
    return units[: len(records)]


def _named(
    source: Source, records: Sequence[Record], units: Sequence[str], count: int | None
) -> tuple[str, ...]:
    """The names of the folds in the column ``cv``, in order.

    Raises:
        DataError: they are no folds, or not so many as were asked for.
    """
    names = class_names([r.fold for r in records if r.fold])
    without = [r.name for r in records if not r.fold]
    if without:
        raise DataError(
            f"{source.name}: {len(without)} of {len(records)} clips have no fold in the column cv, "
            f"the others do\n{listed(without)}\n  cure: give one to all or to none"
        )
    if len(names) < 2 or (count is not None and count != len(names)):
        asked = "a cross-validation needs 2" if count is None else f"asked for {count}"
        raise DataError(
            f"{source.name}: the column cv names {len(names)} fold(s), {asked}\n"
            f"{listed(names)}\n  cure: --folds csv takes those; without the column any number is "
            "drawn"
        )
    of: dict[str, set[str]] = {}
    for unit, record in zip(units, records, strict=True):
        of.setdefault(unit, set()).add(record.fold)
    torn = [
        f"{unit}: {', '.join(sorted(found))}"
        for unit, found in sorted(of.items())
        if len(found) > 1
    ]
    if torn:
        raise DataError(
            f"{source.name}: groups or videos in two folds of the column cv, so training and test "
            f"would share the same source\n{listed(torn)}\n  cure: give every group and every "
            "video one fold, or --split-by clip"
        )
    return names


def _drawn(
    source: Source,
    records: Sequence[Record],
    units: Sequence[str],
    count: int,
    seed: int,
    *,
    grouped: bool,
) -> list[int]:
    """The fold of every record, from 0, drawn by unit with classes as even as units allow.

    Raises:
        DataError: there are fewer units than folds.
    """
    counts: dict[str, Counter[int]] = {}
    for unit, record in zip(units, records, strict=True):
        counts.setdefault(unit, Counter()).update(record.labels or (-1,))
    if count > len(counts):
        what = "groups" if grouped else "clips"
        raise DataError(
            f"{source.name}: {count} folds of {len(counts)} {what}\n{listed(sorted(counts))}\n"
            f"  allowed: --folds up to the number of {what}"
        )
    totals = sum(counts.values(), Counter[int]())
    rng = np.random.default_rng([seed, 7])
    order, best = sorted(counts), (np.inf, dict[str, int]())
    draws = max(1, min(_DRAWS, _WORK // (len(order) * count)))
    for _ in range(draws):
        parts = _deal(rng.permutation(order).tolist(), counts, totals, count)
        misfit = _misfit(parts, counts, totals, count)
        if misfit < best[0]:
            best = misfit, parts
    return [best[1][unit] for unit in units]


def _deal(
    order: Sequence[str], counts: Mapping[str, Counter[int]], totals: Counter[int], folds: int
) -> dict[str, int]:
    """The fold of every unit: those that hold most of a class first, each where it fits best.

    A unit goes where the sum of the squared shares of its classes, and of all clips, grows least:
    an empty fold comes first, so with as many units as folds none stays empty.
    """
    everything = totals.total()

    def weight(unit: str) -> float:
        return sum(n / totals[label] for label, n in counts[unit].items())

    held, sizes = [Counter[int]() for _ in range(folds)], [0] * folds
    parts: dict[str, int] = {}
    for unit in sorted(order, key=weight, reverse=True):
        mine = counts[unit]

        def growth(fold: int, mine: Counter[int] = mine) -> float:
            classes = sum(n * held[fold][label] / totals[label] ** 2 for label, n in mine.items())
            return classes + mine.total() * sizes[fold] / everything**2

        fold = min(range(folds), key=growth)
        parts[unit] = fold
        held[fold].update(mine)
        sizes[fold] += mine.total()
    return parts


def _misfit(
    parts: Mapping[str, int], counts: Mapping[str, Counter[int]], totals: Counter[int], folds: int
) -> float:
    """How far the classes of each fold are from an equal share; 0 is a perfect fit."""
    held = [Counter[int]() for _ in range(folds)]
    for unit, fold in parts.items():
        held[fold].update(counts[unit])
    return sum(
        abs(part[label] / total - 1 / folds) + (1.0 if part[label] == 0 else 0.0)
        for part in held
        for label, total in totals.items()
    )


def _lone(source: Source, records: Sequence[Record], units: Sequence[str]) -> tuple[str, ...]:
    """The names of the classes all of whose clips are in one unit."""
    of: dict[int, set[str]] = {}
    for unit, record in zip(units, records, strict=True):
        for label in record.labels:
            of.setdefault(label, set()).add(unit)
    return tuple(source.classes[label] for label, found in sorted(of.items()) if len(found) == 1)
