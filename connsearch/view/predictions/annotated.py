"""A video with what a network says drawn onto its frames.

Shape letters: H W pixels. Frames are RGB, ``uint8``.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from connsearch.data.clips.timeline import seconds_of
from connsearch.data.media.decode import Frames, VideoFile
from connsearch.data.media.passes import one_pass
from connsearch.data.records import Record
from connsearch.files.drafts import replacing
from connsearch.training.predicted import Prediction, reaches, said, seen, sureness
from connsearch.view.lettering import fitting, length, write
from connsearch.view.predictions.tables import clock_text
from connsearch.view.structures.markup import clean

SMALLEST, LARGEST = 240, 1920
"""Pixels that are needed to read words: a video with a smaller side is enlarged by a whole number,
as long as its larger side stays below the other."""

_NIGHT, _BAR, _WHITE, _GREY = (11, 22, 32), (240, 160, 30), (255, 255, 255), (190, 198, 206)
_UNREAD = "could not be read"
_HAIR = 1e-6
"""Seconds that a frame may be early: times are rounded."""
_SHADE = 0.72
"""How dark the ground of the words is; the video shows through it."""


def annotate_video(
    record: Record, windows: Sequence[Prediction], path: Path, *, hop: float | None = None
) -> Iterator[int]:
    """Yields the number of frames written so far; the file is there once all are.

    Each frame has the answer of the window whose middle is nearest in time. Frames are read and
    written one at a time. The file is H.264 in MP4, which every player shows; it keeps the number
    of frames and their times.

    Args:
        record: the video; its facts are known.
        windows: the timeline of it, in the order of time.
        path: of the new file.
        hop: seconds from one window to the next; None: the length of a window.

    Raises:
        DataError: the video cannot be read to its end; nothing is written.
        OSError: the file cannot be written.
    """
    info = record.info
    assert info is not None, "it was looked at"
    caption = Caption(windows, hop)
    rate = Fraction(info.fps).limit_denominator(1001)
    with replacing(path, suffix=path.suffix) as draft, VideoFile(draft, fps=rate) as film:
        frames = one_pass(record.path, record.medium, info, size=None)
        for number, frame in enumerate(frames):
            seconds = seconds_of(info, number)
            film.add(caption.on(frame, seconds), seconds=seconds if info.times else None)
            yield number + 1


class Caption:
    """What is said about every moment of a video, drawn onto its frames.

    Args:
        windows: the timeline, in the order of time.
        hop: seconds from one window to the next; None: the length of a window.
    """

    def __init__(self, windows: Sequence[Prediction], hop: float | None = None) -> None:
        self._windows = windows
        self._times = reaches(windows, hop)
        self._band: tuple[tuple[int | None, int], Frames] | None = None

    def at(self, seconds: float) -> int | None:
        """Returns the number of the window that speaks for a moment; None: none was read there."""
        place = max(bisect_right(self._times, (seconds + _HAIR, math.inf)) - 1, 0)
        last = place == len(self._times) - 1
        return place if last or seconds < self._times[place][1] + _HAIR else None

    def on(self, frame: Frames, seconds: float) -> Frames:
        """Returns a frame (H, W, 3) with its answer, even in height and width."""
        shown = _enlarged(frame)
        number, width = self.at(seconds), shown.shape[1]
        if self._band is None or self._band[0] != (number, width):
            window = None if number is None else self._windows[number]
            self._band = (number, width), _band(window, width, shown.shape[0])
        band = self._band[1][: shown.shape[0]]  # all of a very flat video
        under = shown[-len(band) :].astype(np.float32) * (1.0 - _SHADE)
        ground = np.asarray(_NIGHT, np.float32) * _SHADE
        words = (band != np.asarray(_NIGHT, np.uint8)).any(2, keepdims=True)
        shown[-len(band) :] = np.where(words, band, (under + ground).astype(np.uint8))
        return shown


def _enlarged(frame: Frames) -> Frames:
    """A copy large enough to read words on, its sides even: H.264 halves the colours' sides."""
    sides = frame.shape[:2]
    times = min(-(-SMALLEST // min(sides)), LARGEST // max(sides))
    if times > 1:
        frame = frame.repeat(times, axis=0).repeat(times, axis=1)
    height, width = frame.shape[:2]
    return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def _band(window: Prediction | None, width: int, height: int) -> Frames:
    """The words and bars at the foot of a picture, (h, W, 3), on a ground of one colour."""
    size = max(14, min(height, width) // 18)
    pad = size // 2
    tall = 2 * size + 3 * pad
    picture = Image.new("RGB", (width, tall), _NIGHT)
    draw = ImageDraw.Draw(picture)

    def line(top: int, words: str, number: str, colour: tuple[int, int, int], size: int) -> None:
        """Words on the left, cut off where they would reach what stands on the right."""
        right = width - pad - length(number, size=size)
        write(draw, (pad, top), fitting(words, right - 2 * pad, size), colour, size=size)
        write(draw, (right, top), number, colour, size=size)

    if window is None:
        line(pad, _UNREAD, "", _GREY, size)
        return np.asarray(picture)
    sure = sureness(window)
    line(pad, clean(said(window)), f"{sure:.2f}", _WHITE, size)
    rest = "   ".join(f"{clean(label)} {value:.2f}" for label, value in _others(window))
    moment = f"{clock_text(window.start or 0.0)} to {clock_text(window.end or 0.0)}"
    line(pad + size + pad // 2, rest, moment, _GREY, max(10, size * 2 // 3))
    draw.rectangle((0, tall - pad // 2, round(width * sure), tall), _BAR)
    return np.asarray(picture)


def _others(window: Prediction) -> list[tuple[str, float]]:
    """The two likeliest classes that the answer does not name."""
    named = seen(window)
    rest = [place for place in window.order if place not in named][:2]
    return [(window.classes[place], window.values[place]) for place in rest]
