"""The training split in two halves: one teaches the filters, the other the connections."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from connsearch.data.clips.dataset import ClipDataset
from connsearch.data.loading.load import DataSplits
from connsearch.data.sources.splits import halve
from connsearch.errors import DataError
from connsearch.files.text import raw_bytes


def with_halves(data: DataSplits, *, seed: int) -> DataSplits:
    """Returns the data with ``train`` halved: the other half is ``connections``.

    No group and no video is divided, and classes are divided as evenly as groups allow. The
    halves follow from the seed; ``hashes`` has both.

    Raises:
        DataError: there is nothing to divide, or a class would be in one half only.
    """
    train = data.train
    by = data.options.split.split_by
    first, second = halve(data.name, train.records, by, seed=seed, reading=data.reading)
    parts = [_part(train, places) for places in (first, second)]
    for part in parts:
        missing = set(train.labels) - set(part.labels)
        if missing:
            names = ", ".join(sorted(data.classes[label] for label in missing if label >= 0))
            raise DataError(
                f"{data.name}: cannot be halved for a bilevel search: {names} would be in one "
                "half only\n  cure: more clips or groups of these classes, or --level single"
            )
    filters, connections = parts
    hashes = {"train": _hash(filters), "connections": _hash(connections)}
    return replace(data, train=filters, connections=connections, hashes={**data.hashes, **hashes})


def _part(whole: ClipDataset, places: list[int]) -> ClipDataset:
    """The clips at these places, as a separate data set."""
    return replace(whole, records=tuple(whole.records[i] for i in places))


def _hash(part: ClipDataset) -> str:
    return hashlib.sha256(raw_bytes("\n".join(r.name for r in part.records))).hexdigest()
