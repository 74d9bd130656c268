"""Folders of frame stores: what ``connsearch data pack`` writes, or the published layout.

Published: ``root/labels/NAME_train.csv`` and ``NAME_val.csv`` with the columns ``label``,
``youtube_id`` or ``id``, and optionally ``time_start``, ``time_end`` and ``split`` (not read: the
file says it), beside ``root/data/NAME_videos/jpg/LABEL/VIDEO/frames.db``. ``val`` is what is
reported (``test``) unless there is a ``NAME_test.csv`` as well. The folder of a video is
called ``ID``, or ``ID_000012_000034`` where the list gives times. ``frames_db:PLACE`` is a packed
folder, or ``root/data/NAME_videos``. Where the lists are called otherwise than the folder and there
are several, the option protocol names one: ``ucf101_split1`` for ``ucf101_split1_train.csv``.
"""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from connsearch.data.media.frame_store import STORE
from connsearch.data.options import DataOptions, SourceOptions
from connsearch.data.records import Record, Source, Split, class_names, listed
from connsearch.data.sources.datasets import dataset
from connsearch.data.sources.datasets.csv_list import read_list
from connsearch.errors import DataError
from connsearch.files.disk import open_text, read_plain

LIST, FACTS, STORES = "clips.csv", "packed.json", "jpg"
"""What a packed folder holds."""

_SPLITS: Mapping[str, Split] = {"train": "train", "val": "val", "test": "test"}
_LISTED = re.compile(r"(.+)_(train|val|test)\.csv")
_CURE = "cure: give a packed folder, or root/data/NAME_videos next to root/labels/NAME_train.csv"


@dataset("frames_db", "protocol")
def read_frames_db(rest: str, options: DataOptions) -> Source:
    """Returns the data set of a packed folder, or of one in the published layout.

    Raises:
        DataError: no such folder, a list that cannot be used, or a class only others lists have.
    """
    path = Path(rest).expanduser()
    if not path.is_dir():
        raise DataError(f"{path}: no such folder; {_CURE}")
    if (path / FACTS).is_file():
        return read_packed(path, options.source)
    if (path / LIST).is_file():
        return replace(read_list(path / LIST, options.source), uses=frozenset(("object_classes",)))
    return _published(path, options.source)


def read_packed(path: Path, options: SourceOptions) -> Source:
    """Returns what was packed there, with the classes in their first order.

    Raises:
        DataError: the list or the facts beside it are damaged.
    """
    facts = _facts(path / FACTS)
    source = read_list(path / LIST, options, repeats=True)  # as the videos were
    classes = tuple(facts["classes"])
    strange = [name for name in source.classes if name not in classes]
    if strange:
        raise DataError(
            f"{path / LIST}: classes that {FACTS} does not name\n{listed(strange)}\n"
            "  cure: correct the list, or pack again"
        )
    number = [classes.index(name) for name in source.classes]
    records = tuple(
        replace(
            record,
            labels=tuple(number[label] for label in record.labels),
            spans=tuple(replace(span, label=number[span.label]) for span in record.spans),
        )
        for record in source.records
    )
    mapped = records[0].objects is not None
    return replace(
        source,
        name=str(path),
        classes=classes,
        records=records,
        object_classes=(options.object_classes or facts["object_classes"]) if mapped else 0,
        published=facts["published"],
        uses=frozenset(("object_classes",)),
    )


def _facts(path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(read_plain(path))
        classes, number = facts["classes"], facts["object_classes"]
        usable = all(isinstance(name, str) for name in classes) and classes
        usable = usable and isinstance(facts["published"], bool)
        if usable and (number is None or isinstance(number, int)):
            return facts
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise DataError(f"{path}: damaged; cure: pack again; finished stores are kept")


def _published(path: Path, options: SourceOptions) -> Source:
    """Returns the data set of the published layout: ``path`` is root/data/NAME_videos."""
    if path.parent.name != "data" or not path.name.endswith("_videos"):
        raise DataError(f"{path}: neither {FACTS} nor {LIST} is in it; {_CURE}")
    labels = path.parent.parent / "labels"
    lists = _lists(labels, path.name.removesuffix("_videos"), options.protocol)
    rows = {split: _rows(file) for split, file in lists.items()}
    classes = class_names([row["label"] for row in rows["train"]])
    records: list[Record] = []
    notes: list[str] = []
    for split, file in lists.items():
        strange = sorted({row["label"] for row in rows[split]} - set(classes))
        if strange:
            raise DataError(
                f"{file}: classes that {lists['train'].name} does not have\n{listed(strange)}\n"
                "  cure: correct the spelling, or remove these clips from the list"
            )
        listed_once = list({(row["label"], row["video"]): row for row in rows[split]}.values())
        there = _records(path, split, listed_once, classes)
        records += there
        if len(listed_once) < len(rows[split]):
            again = len(rows[split]) - len(listed_once)
            notes.append(f"{file.name}: {again} rows repeat another one and count once")
        if len(there) < len(listed_once):
            missing = len(listed_once) - len(there)
            notes.append(f"{file.name}: {missing} of {len(listed_once)} clips do not exist")
    if not records:
        raise DataError(f"{path / STORES}: none of the listed clips exists; {_CURE}")
    return Source(str(path), classes, tuple(records), 0, tuple(notes), published=True)


def _lists(labels: Path, name: str, protocol: str | None) -> dict[Split, Path]:
    """Returns the lists of a data set: those of that protocol, of its name, or the only ones."""
    found: dict[str, dict[Split, Path]] = {}
    for file in sorted(labels.glob("*.csv")):
        match = _LISTED.fullmatch(file.name)
        if match is not None:
            found.setdefault(match[1], {})[_SPLITS[match[2]]] = file
    known = [prefix for prefix in found if "train" in found[prefix]]
    exact = [prefix for prefix in known if prefix.lower() == name.lower()]
    begun = [prefix for prefix in known if prefix.lower().startswith(name.lower())]
    chosen = [p for p in known if p == protocol] if protocol else exact or begun or known
    if len(chosen) != 1:
        what = f"lists of {protocol or name}"
        raise DataError(
            f"{labels}: {'no' if not chosen else 'several'} {what}; read: "
            f"{', '.join(f'{p}_train.csv' for p in known) or 'no NAME_train.csv'}\n  cure: name "
            f"one with --protocol, such as {known[0] if known else 'kinetics-400'}"
        )
    return _reported_last(found[chosen[0]])


def _reported_last(lists: dict[Split, Path]) -> dict[Split, Path]:
    """Returns the lists with ``val`` as the reported split where there is no test list."""
    if "val" in lists and "test" not in lists:
        lists["test"] = lists.pop("val")
    return lists


def _records(
    path: Path, split: Split, rows: list[dict[str, str]], classes: tuple[str, ...]
) -> list[Record]:
    """Returns the clips of a list that are there; a clip that is listed twice is one clip."""
    found: dict[str, Record] = {}
    for row in rows:
        place = f"{row['label']}/{row['video']}"
        store = path / STORES / place / STORE
        if os.path.isfile(store):  # the method of the path raises where a name is too long
            found[place] = Record(
                name=place,
                path=store,
                labels=(classes.index(row["label"]),),
                group=row["group"],
                split=split,
                medium="frames_db",
            )
    return list(found.values())


def _rows(path: Path) -> list[dict[str, str]]:
    """Returns label, video (the name of its folder) and group (the id) of every row."""
    try:
        with open_text(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            rows = [(reader.line_num, row) for row in reader]
            header = [name or "" for name in reader.fieldnames or ()]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a CSV file in UTF-8 ({error})") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    key = next((name for name in ("youtube_id", "id") if name in header), None)
    if key is None or "label" not in header:
        raise DataError(
            f"{path}: columns {', '.join(header) or 'none'}; expected: label, youtube_id or id, "
            "and optionally time_start and time_end"
        )
    faults: list[str] = []
    out: list[dict[str, str]] = []
    for line, row in rows:
        try:
            video = _video(row[key], row.get("time_start"), row.get("time_end"))
            label = row["label"].strip()
            if not label or "/" in label or label in (".", ".."):
                raise ValueError
            out.append({"label": label, "video": video, "group": row[key].strip()})
        except (ValueError, TypeError, AttributeError, OverflowError):
            faults.append(f"line {line}: {','.join(str(v) for v in row.values())}")
    if faults:
        raise DataError(
            f"{path}: rows that cannot be used\n{listed(faults)}\n"
            "  expected: a label, an id, and times in seconds or empty"
        )
    return out


def _video(name: str, start: str | None, end: str | None) -> str:
    """Returns the name of a video's folder.

    >>> _video(" x7 ", "12.0", "22"), _video("x7", "", None)
    ('x7_000012_000022', 'x7')
    """
    name = name.strip()
    if not name or "/" in name or name in (".", ".."):
        raise ValueError
    if not start or not end:
        return name
    return f"{name}_{int(float(start)):06d}_{int(float(end)):06d}"
