"""Published lists of folders of frames, or of their videos: path, number of frames, label(s).

What is on disk decides: a listed path is a folder of frames, or else a video of that name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from connsearch.data.frame_form import MOST_LABELS, FrameList
from connsearch.data.media.numbered import even_step
from connsearch.data.options import DataOptions
from connsearch.data.records import Record, Source, Split, Window, listed
from connsearch.data.sources.lists import Faults, need_file, read_lines, whole
from connsearch.data.sources.published import (
    PublishedRow,
    check_count,
    list_folder,
    once,
    published_source,
    shelves,
)
from connsearch.data.sources.walk import VIDEO_SUFFIXES
from connsearch.errors import DataError

FRAME_SUFFIXES = frozenset((".jpg", ".jpeg", ".png"))
FEWEST = 3
"""Videos with fewer frames are not used: the published rule."""

_NUMBER = re.compile(r"(\d+)\D*$")


def read_frame_list(form: FrameList, rest: str, options: DataOptions) -> Source:
    """Returns the data set of such lists; its records are folders of frames, or videos.

    Of a folder as many frames are used as the list states, of a video all.

    Raises:
        DataError: a list is missing or cannot be used, no listed folder is on disk, or more than
            ``bad_share`` of them hold fewer frames than the list says.
    """
    return read_frame_list_in(form, list_folder(rest), options)


def read_frame_list_in(form: FrameList, path: Path, options: DataOptions) -> Source:
    """Returns the data set of the lists in a folder; see :func:`read_frame_list`."""
    names = need_file(path, *form.names)
    classes = [text for _, text in read_lines(names)]
    check_count(names, classes, form.classes, form.name)
    rows, short = _rows(need_file(path, *form.train), form, "train")
    more, more_short = _rows(need_file(path, *form.val), form, "test")
    notes: list[str] = []
    if short + more_short:
        dropped = short + more_short
        notes.append(f"{form.name}: {dropped} videos of fewer than {FEWEST} frames are not used")
    source = published_source(
        form.name,
        path,
        _distinct(classes),
        [*rows, *more],
        shelves(path, options.source, *form.frames, kind="folder"),
        medium="frame_folder",
        otherwise=shelves(path, options.source, *form.videos, *form.frames),
        multi_label=form.commas,
        notes=notes,
        fps=form.fps,
    )
    source = replace(source, frame_list=form)
    loading = options.loading
    return _with_all_frames(source, form, loading.bad_share) if loading.check_files else source


def _distinct(classes: Sequence[str]) -> list[str]:
    """Returns the class names; a name that stands twice carries its number."""
    return [f"{c} ({n})" if classes.count(c) > 1 else c for n, c in enumerate(classes)]


def _rows(path: Path, form: FrameList, split: Split) -> tuple[list[PublishedRow], int]:
    """Returns the rows of a list, and how many of its videos are too short."""
    faults = Faults(path, form.form)
    rows: list[PublishedRow] = []
    short = 0
    for line, text in read_lines(path):
        parts = [p.strip() for p in text.split(",")] if form.commas else text.rsplit(None, 2)
        fault = _fault(parts, text, form)
        if fault:
            faults.add(line, fault)
            continue
        frames, labels = int(parts[1]), [int(p) for p in parts[2:] if p != "-1"]
        if frames < FEWEST:
            short += 1
            continue
        place = PurePosixPath(parts[0])
        rows.append(
            PublishedRow(
                name=str(place),
                labels=tuple(dict.fromkeys(labels)),
                split=split,
                folders=(str(place.parent),),
                stems=_stems(place),
                line=line,
                window=Window(0, frames, "frames"),
            )
        )
    rows = once(rows, faults)
    faults.refuse()
    return rows, short


def _stems(place: PurePosixPath) -> tuple[str, ...]:
    """Returns what a folder or a video may be called: a list may have the suffix of the video."""
    named = place.suffix.lower() in VIDEO_SUFFIXES
    return (place.name, place.stem) if named else (place.name,)


def _fault(parts: Sequence[str], text: str, form: FrameList) -> str:
    """Returns what is wrong with a line; nothing where it is in order."""
    if len(parts) < 3 or not PurePosixPath(parts[0]).name:
        return f"read {text[:120]!r}"
    if len(parts) > 2 + MOST_LABELS:
        return f"{len(parts) - 2} labels, at most {MOST_LABELS} are allowed; read {text[:120]!r}"
    if whole(parts[1]) is None:
        return f"{parts[1]!r} is not a number of frames"
    labels = [p for p in parts[2:] if not (form.commas and p == "-1")]
    wrong = [p for p in labels if (number := whole(p)) is None or number >= form.classes]
    if wrong or not labels:
        return f"no class has the label {(wrong or parts[2:])[0]!r}"
    return ""


def _with_all_frames(source: Source, form: FrameList, bad_share: float) -> Source:
    """Returns the data set without the folders that hold fewer frames than the list says."""
    sound: list[Record] = []
    short: list[str] = []
    for record in source.records:
        if record.window is None:  # a video
            sound.append(record)
            continue
        stated = int(record.window.end)
        # one look at the last frame; only where it is called otherwise are all of them counted
        if not (record.path / (form.pattern % stated)).is_file():
            numbers = frame_numbers(record.path)
            held = len(numbers)
            if held < stated // even_step(numbers):
                short.append(f"{record.name}: {held} frames, the list gives {stated}")
                continue
        sound.append(record)
    if len(short) > bad_share * len(source.records):
        raise DataError(
            f"{source.name}: {len(short)} of {len(source.records)} folders have fewer frames than "
            f"the list gives\n{listed(short)}\n  allowed: a share of {bad_share:g}; cure: "
            "extract them again, correct the list, or raise --bad-share to skip them"
        )
    notes = source.notes
    if short:
        notes = (
            *notes,
            f"{form.name}: {len(short)} folders have fewer frames than the list gives and are left "
            f"out\n{listed(short)}",
        )
    return replace(source, records=tuple(sound), notes=tuple(notes))


def frame_numbers(folder: Path) -> list[int]:
    """Returns the numbers in the names of a folder's images, in order."""
    try:
        with os.scandir(folder) as entries:
            names = [os.path.splitext(entry.name) for entry in entries]
    except OSError:
        return []
    stems = [stem for stem, suffix in names if suffix.lower() in FRAME_SUFFIXES]
    found = (_NUMBER.search(stem) for stem in stems if not stem.startswith("."))
    return sorted(int(match[1]) for match in found if match)
