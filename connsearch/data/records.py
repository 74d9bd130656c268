"""Records of the clips of a data set, their classes, and what was left out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from connsearch.data.frame_form import FrameList

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")
"""The three disjoint lists: learned from, chosen by, and reported once."""

BEFORE: Mapping[Split, str] = {"train": "train", "val": "select", "test": "test"}
"""What the splits were called before, where a name is hashed or part of a path."""


def split_name(name: object) -> object:
    """Returns what this version calls a split; whatever is none is returned as it is.

    >>> split_name("select"), split_name("test")
    ('val', 'test')
    """
    return "val" if name == BEFORE["val"] else name


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """The facts of a video file.

    Attributes:
        frames: number of frames that one pass from the start shows (headers are often wrong or
            incomplete).
        height: pixels, as shown (a rotated recording is turned upright).
        width: pixels, as shown.
        fps: frames per second, on average where the rate varies; 0 where nothing is known of time.
        times: seconds from the first frame to each frame, where the rate varies; else empty.
        keys: (place, number) of frames from which decoding may begin, in order; empty: the start.
        keys_by: what a place is: the presentation time of the packet in the file's own time base,
            or how many packets of the stream are stored before it.
        note: for the user, for instance that the clock jumps; "": nothing.
        step: of frame numbers, if a folder contains a sample of the video's frames.
    """

    frames: int
    height: int
    width: int
    fps: float
    times: tuple[float, ...] = ()
    keys: tuple[tuple[int, int], ...] = ()
    keys_by: Literal["time", "order"] = "time"
    note: str = ""
    step: int = 1


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a video that a record uses, the end not included.

    Attributes:
        start: where it begins.
        end: where it ends; ``inf`` is the end of the video.
        unit: seconds from the first frame, numbers of frames from 0, or ticks of the clock that
            clips are cut by (``data/clips/timeline.py``).
    """

    start: float = 0.0
    end: float = math.inf
    unit: Literal["seconds", "frames", "ticks"] = "seconds"


@dataclass(frozen=True, slots=True)
class Span:
    """A class and the seconds of its video in which it is seen."""

    label: int
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Record:
    """One clip of a data set.

    Attributes:
        name: its path relative to the data set, with forward slashes; unique in the data set.
        path: the video file, the ``frames.db``, or the folder of frames.
        labels: indices of its classes: one, unless the data set is multi-label.
        group: a person or recording that it shares with others; "" for none.
        split: given by the data set; None: to be drawn by group.
        objects: its object maps (npz, npy or a folder of PNG); None: the data set has none.
        info: what is already known about the video, so that it need not be opened to ask.
        medium: how its frames are stored, a name in the cupboard ``data/media``.
        window: the part of the video that is used; None: all of it.
        spans: when each class is seen, where the data set says so (multi-label only).
        fps: frames per second from a list; the rate of the file may not differ.
        media_fps: frames per second if neither that nor the file gives it.
        fold: of a cross-validation that its list names for it; "": none.
        fault: why it cannot be used, as found before any work; "": no fault is known.
    """

    name: str
    path: Path
    labels: tuple[int, ...]
    group: str = ""
    split: Split | None = None
    objects: Path | None = None
    info: VideoInfo | None = None
    medium: str = "video"
    window: Window | None = None
    spans: tuple[Span, ...] = ()
    fps: float | None = None
    media_fps: float | None = None
    fold: str = ""
    fault: str = ""

    @property
    def label(self) -> int:
        """The first class; -1 where a multi-label clip has none."""
        return self.labels[0] if self.labels else -1

    @property
    def unit(self) -> str:
        """The group, or else the clip; ``data/sources/units`` defines what stays together."""
        return f"group {self.group}" if self.group else f"clip {self.name}"


@dataclass(frozen=True, slots=True)
class Source:
    """A data set before it is split.

    Attributes:
        name: what the user called it.
        classes: class names; a record's label is an index into them.
        records: all usable clips.
        object_classes: number of classes in the object maps; 0: no maps; None: not known yet.
        notes: for the user, for instance which clips were left out.
        multi_label: a clip can have several classes, or none.
        published: a published list, which may be incomplete on disk: classes without a training
            clip are then noted, not refused.
        uses: options of ``effects.BOUND`` that its reader uses; None: unknown.
        frame_list: the form of the published lists of its frames, where there is one.
    """

    name: str
    classes: tuple[str, ...]
    records: tuple[Record, ...]
    object_classes: int | None
    notes: tuple[str, ...] = ()
    multi_label: bool = False
    published: bool = False
    uses: frozenset[str] | None = None
    frame_list: FrameList | None = None


_DIGITS = 640
"""Of a label that is sorted as a number; Python always reads so many."""


def class_names(labels: Sequence[str]) -> tuple[str, ...]:
    """Returns the distinct labels in order: by number if all are numbers, else by letter.

    >>> class_names(["10", "2", "10"]), class_names(["walk", "fall"])
    (('2', '10'), ('fall', 'walk'))
    """
    known = set(labels)
    if all(label.isdecimal() and len(label) <= _DIGITS for label in known):
        return tuple(sorted(known, key=lambda label: (int(label), label)))
    return tuple(sorted(known))


def listed(items: Sequence[str], limit: int = 12) -> str:
    """Returns the items, one per line, and how many more there are.

    >>> print(listed(["a", "b", "c"], limit=2))
      a
      b
      and 1 more
    """
    lines = [f"  {item}" for item in items[:limit]]
    if len(items) > limit:
        lines.append(f"  and {len(items) - limit} more")
    return "\n".join(lines)
