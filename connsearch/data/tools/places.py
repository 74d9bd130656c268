"""What copies of a data set share: names of their places, groups, and what cannot be listed."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from connsearch.data.records import Record, Source, Split, listed
from connsearch.data.sources.datasets.csv_list import BETWEEN
from connsearch.data.sources.units import units_of
from connsearch.errors import DataError
from connsearch.files.text import raw_bytes


def refuse_unlistable(source: Source, target: Path) -> None:
    """Refuses labels that a list cannot hold, and a target inside the copied data.

    Raises:
        DataError: names them.
    """
    bad = [name for name in source.classes if source.multi_label and BETWEEN in name]
    bad += [name for name in source.classes if not name.strip() or name != name.strip()]
    if bad:
        raise DataError(
            f"{source.name}: classes that a list cannot hold\n{listed(bad)}\n  cure: rename them; "
            f"allowed: names without {BETWEEN!r} and without spaces at their ends"
        )
    inside = [r.name for r in source.records if target.resolve() in r.path.resolve().parents]
    if inside:
        raise DataError(
            f"{target}: contains clips of the data set itself\n{listed(inside)}\n  cure: choose "
            "another folder"
        )


def safe_name(name: str) -> str:
    """Returns a name that every file system takes; another name never becomes the same one.

    >>> safe_name("brush hair"), safe_name("../a")
    ('brush hair', '_._a-61b4c98b')
    """
    clean = re.sub(r'[/\\:*?"<>|\x00-\x1f\ud800-\udfff]', "_", name).strip(" ")
    clean = re.sub(r"^\.|\.$", "_", clean)
    # a name in bytes must fit
    clean = clean.encode()[:120].decode("utf-8", "ignore")
    if clean == name:
        return name
    return f"{clean}-{hashlib.sha256(raw_bytes(name)).hexdigest()[:8]}"


def kept_together(records: Sequence[Record], places: Sequence[Path]) -> list[str]:
    """Returns the group of every record: its own, or that of the clips it must stay with.

    Clips of one video that lie in several places take one group in any case. Splits given by the
    data set itself are left as they are.

    Args:
        records: the clips.
        places: where the frames of each lie in the copy.
    """
    units = units_of(records)
    stores: dict[str, set[Path]] = {}
    splits: dict[str, set[Split | None]] = {}
    for unit, record, place in zip(units, records, places, strict=True):
        stores.setdefault(unit, set()).add(place)
        splits.setdefault(unit, set()).add(record.split)
    several = {unit for unit, count in Counter(units).items() if count > 1}
    together = {unit for unit in several if len(splits[unit]) == 1}
    groups: list[str] = []
    for unit, record in zip(units, records, strict=True):
        own = record.group
        if unit in together and (not own or len(stores[unit]) > 1):
            own = unit.removeprefix("group ")
        groups.append(own)
    return groups
