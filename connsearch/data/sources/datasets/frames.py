"""Any clips that are folders of frames: ``annotations.txt`` with ``folder first last label``.

The two numbers are those in the names of a clip's first and last image, so that several clips may
be cut from one folder; such clips are a group. Class names stand in ``classes.txt``, one per line,
for the labels 0, 1 and so on; without that file the labels are the names.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from pathlib import Path, PurePosixPath

from connsearch.data.media.numbered import even_step
from connsearch.data.options import DataOptions
from connsearch.data.records import Record, Source, Window, class_names, listed
from connsearch.data.sources.datasets import dataset
from connsearch.data.sources.frame_lists import FEWEST, frame_numbers
from connsearch.data.sources.lists import Faults, find_file, need_file, read_lines, whole
from connsearch.data.sources.published import list_folder
from connsearch.errors import DataError

Clip = tuple[int, str, int, int, str]
"""Line, folder, first and last number, label."""


@dataset("frames", "videos")
def read_frames(rest: str, options: DataOptions) -> Source:
    """Returns the clips of an ``annotations.txt``; they are split by group.

    Raises:
        DataError: the file cannot be used, or frames it names are not there; all are named.
    """
    path = list_folder(rest)
    annotations = need_file(path, "annotations.txt")
    names_file = find_file(path, "classes.txt")
    names = None if names_file is None else [text for _, text in read_lines(names_file)]
    clips = _clips(annotations, names)
    root = path if options.source.videos is None else options.source.videos.expanduser()
    classes = tuple(names) if names is not None else class_names([clip[4] for clip in clips])
    long = [clip for clip in clips if clip[3] - clip[2] + 1 >= FEWEST]
    windows = _windows(annotations, root, long)
    shared = Counter(clip[1] for clip in long)
    records = tuple(
        Record(
            name=f"{folder}/{first}-{last}",
            path=root / folder,
            labels=(int(label) if names is not None else classes.index(label),),
            group=folder if shared[folder] > 1 else "",
            medium="frame_folder",
            window=window,
        )
        for (_, folder, first, last, label), window in zip(long, windows, strict=True)
    )
    if not records:
        raise DataError(f"{annotations}: no clip of at least {FEWEST} frames")
    notes: tuple[str, ...] = ()
    if len(long) < len(clips):
        dropped = len(clips) - len(long)
        notes = (f"frames: {dropped} clips of fewer than {FEWEST} frames are not used",)
    return Source(f"frames:{path}", classes, records, 0, notes)


def _clips(path: Path, names: list[str] | None) -> list[Clip]:
    """Returns the lines of the file, each of the right form and only once."""
    faults = Faults(path, "folder first last label, with spaces between them")
    clips: list[Clip] = []
    seen: dict[tuple[str, int, int], int] = {}
    for line, text in read_lines(path):
        folder, *rest = text.rsplit(None, 3)
        first, last = (whole(number) for number in rest[:2]) if len(rest) == 3 else (None, None)
        if first is None or last is None or last < first:
            faults.add(line, f"read {text!r}")
            continue
        label = rest[2]
        if names is not None and ((number := whole(label)) is None or number >= len(names)):
            faults.add(line, f"label {label!r}; classes.txt has 0 to {len(names) - 1}")
        folder = str(PurePosixPath(folder))
        other = seen.setdefault((folder, first, last), line)
        if other != line:
            faults.add(line, f"{folder} {first} {last} is already on line {other}")
        clips.append((line, folder, first, last, label))
    faults.refuse()
    return clips


def _windows(path: Path, root: Path, clips: list[Clip]) -> list[Window]:
    """Returns which frames of its folder each clip is, counted from the first that is there."""
    held: dict[str, list[int]] = {}
    windows: list[Window] = []
    missing: list[str] = []
    for line, folder, first, last, _ in clips:
        numbers = held.setdefault(folder, frame_numbers(root / folder))
        begin, end = bisect_left(numbers, first), bisect_left(numbers, last + 1)
        wanted = max(1, (last - first + 1) // even_step(numbers))
        if end - begin < wanted:
            have = f"{end - begin} of the {wanted} frames {first} to {last}"
            missing.append(f"line {line}: {root / folder} has {have}")
        windows.append(Window(begin, end, "frames"))
    if missing:
        raise DataError(
            f"{path}: {len(missing)} clips with missing frames\n{listed(missing)}\n"
            "  cure: correct the file, or name the place of the folders with --videos"
        )
    return windows
