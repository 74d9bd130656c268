"""The lists beside extracted frames: one that keeps everything, and plain ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from connsearch.data.frame_form import MOST_LABELS, FrameList
from connsearch.data.records import SPLITS, Record, Source, Split
from connsearch.data.sources.datasets.frames_db import FACTS, LIST
from connsearch.data.tools.clip_list import clip_row, number_text, used_columns
from connsearch.data.tools.extract_frames import Extracted, ExtractJob
from connsearch.data.tools.places import kept_together
from connsearch.files.text import csv_text
from connsearch.graph.files import atomic_write_text

FRAMES = "frames"
"""Folder of the folders of frames."""
CLASSES = "classes.txt"
QUARANTINE = "quarantine.csv"

Made = tuple[ExtractJob, Extracted]


def write_lists(source: Source, target: Path, made: Sequence[Made]) -> tuple[str, ...]:
    """Returns the names of the lists that were written, the one that keeps most first.

    Args:
        source: the data set.
        target: the folder.
        made: what was extracted, in the order of the records.
    """
    plain = _published(source, source.frame_list, target, made) if source.frame_list else {}
    plain = plain or _plain(source, target, made)
    for name, lines in plain.items():
        atomic_write_text(target / name, "".join(f"{line}\n" for line in lines))
    _write_csv(source, target, made)
    return (LIST, *plain)


def _published(
    source: Source, form: FrameList, target: Path, made: Sequence[Made]
) -> dict[str, list[str]]:
    """Returns the published lists; nothing where the data set is not divided as they are."""
    if any(job.record.split not in ("train", "test") for job, _ in made):
        return {}
    found: dict[str, list[str]] = {form.names[0]: list(source.classes)}
    for split, name in (("train", form.train[0]), ("test", form.val[0])):
        root = target / FRAMES
        lines = [_line(form, job, done, root) for job, done in made if job.record.split == split]
        if lines:
            found[name] = lines
    return found


def _plain(source: Source, target: Path, made: Sequence[Made]) -> dict[str, list[str]]:
    """Returns lists of ``path frames label``, one a split; none where clips have several labels."""
    if source.multi_label:
        return {}
    blank = FrameList("list", len(source.classes), (), (), (), (), "")
    found: dict[str, list[str]] = {CLASSES: list(source.classes)}
    parts: tuple[Split | None, ...] = (*SPLITS, None)
    for split in parts:
        lines = [_line(blank, job, done, target) for job, done in made if job.record.split == split]
        if lines:
            found[f"{split or 'clips'}.txt"] = lines
    return found


def _line(form: FrameList, job: ExtractJob, done: Extracted, root: Path) -> str:
    """Returns the line of a clip; its path is relative to ``root``."""
    path = job.folder.relative_to(root).as_posix()
    return form.line(path, done.frames, job.record.labels[:MOST_LABELS])


def _write_csv(source: Source, target: Path, made: Sequence[Made]) -> None:
    """Writes the list that keeps groups, splits and spans; only the columns that have values."""
    records = [job.record for job, _ in made]
    groups = kept_together(records, [job.folder for job, _ in made])
    rows: list[dict[str, str]] = []
    for (job, done), group in zip(made, groups, strict=True):
        maps = "" if job.maps is None else job.maps.relative_to(target).as_posix()
        path = job.folder.relative_to(target).as_posix()
        record = _whole(job.record, done)
        row = clip_row(source, record, path=path, objects=maps, group=group)
        rows.append({**row, "fps": number_text(done.fps) if done.fps else ""})
    facts = {
        "classes": list(source.classes),
        "object_classes": source.object_classes,
        "published": source.published,
        "source": source.name,
    }
    atomic_write_text(target / FACTS, json.dumps(facts, indent=1) + "\n")
    atomic_write_text(target / LIST, csv_text(used_columns(source, rows), rows))


def _whole(record: Record, done: Extracted) -> Record:
    """Returns a record as its folder holds it: nothing before it, nothing after it."""
    spans = tuple(
        replace(s, start=max(0.0, s.start - done.start), end=s.end - done.start)
        for s in record.spans
        if s.end >= done.start
    )
    return replace(record, window=None, spans=spans)
