"""The forms of published lists of folders of frames: their files, their lines, their images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MOST_LABELS = 3
"""Labels of a video."""


@dataclass(frozen=True, slots=True)
class FrameList:
    """The form of one published list.

    Attributes:
        name: the data set.
        classes: number of classes.
        names: files of class names, one per line; the first that is there is read.
        train: the training list, as it may be called.
        val: the list that results are reported on.
        frames: folders below the list's that may hold the frames.
        pattern: name of the image of a number, from 1.
        fps: frames per second of the official frames; None: not known.
        commas: ``path,frames,label[,label[,label]]``; otherwise blanks, and one label.
        videos: folders below the list's that may hold the videos.
        height: of the published frames in pixels.
    """

    name: str
    classes: int
    names: tuple[str, ...]
    train: tuple[str, ...]
    val: tuple[str, ...]
    frames: tuple[str, ...]
    pattern: str
    commas: bool = False
    fps: float | None = None
    videos: tuple[str, ...] = ("videos",)
    height: int = 360

    @property
    def form(self) -> str:
        """What a line looks like, for messages."""
        last = self.classes - 1
        if self.commas:
            return f"path,frames,label, with one to {MOST_LABELS} labels of 0 to {last}"
        return f"path, frames and label (0 to {last}) with spaces between them"

    def line(self, path: str, frames: int, labels: Sequence[int]) -> str:
        """Returns the line of a video.

        >>> FrameList("x", 9, (), (), (), (), "%05d.jpg").line("a b/c", 7, [3])
        'a b/c 7 3'
        """
        return ("," if self.commas else " ").join((path, str(frames), *map(str, labels)))
