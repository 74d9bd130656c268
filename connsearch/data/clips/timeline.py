"""Time to frames: a clock that ticks evenly over the part of a video that is used.

Samplers count ticks. Where the rate of a video is constant and nothing else is asked for, ticks
are frames; with timestamps, another rate or a window, a tick is the frame that is shown then.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from connsearch.data.records import VideoInfo, Window
from connsearch.errors import DataError

_HAIR = 1e-6
"""Seconds a frame may be late: times in files are rounded."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """The ticks of one clip's source.

    Attributes:
        ticks: how many there are, at least 1.
        info: the video.
        first: the first frame that may be used.
        last: the last one.
        rate: ticks per second; 0: a tick is a frame.
        start: seconds from the first frame of the video to the first tick.
    """

    ticks: int
    info: VideoInfo
    first: int
    last: int
    rate: float = 0.0
    start: float = 0.0

    def frame(self, tick: int) -> int:
        """Returns the number of the frame on screen at a tick."""
        if self.rate == 0:
            return min(self.first + tick, self.last)
        seconds = self.start + tick / self.rate + _HAIR
        return min(max(_frame_at(self.info, seconds), self.first), self.last)

    def frames(self, ticks: Sequence[int]) -> list[int]:
        """Returns the number of the frame at each tick."""
        return [self.frame(tick) for tick in ticks]

    def seconds(self, tick: int) -> float:
        """Returns seconds from the first frame of the video; 0 where nothing is known of time."""
        if self.rate > 0:
            return self.start + tick / self.rate
        return seconds_of(self.info, self.first + tick)


def timeline(
    info: VideoInfo, *, window: Window | None = None, fps: float | None = None, name: str = "video"
) -> Timeline:
    """Returns the clock of a video, or of a window of it.

    >>> timeline(VideoInfo(10, 4, 4, 30.0)).frames(range(3))
    [0, 1, 2]
    >>> timeline(VideoInfo(10, 4, 4, 30.0), fps=10.0).frames(range(3))
    [0, 3, 6]
    >>> timeline(VideoInfo(4, 4, 4, 1.0, times=(0.0, 0.1, 0.2, 3.0))).frames(range(4))
    [0, 2, 2, 3]
    >>> timeline(VideoInfo(10, 4, 4, 30.0), fps=10.0, window=Window(1, 3, "ticks")).frames(range(2))
    [3, 6]

    Args:
        info: the video.
        window: the part that is used; None: all of it.
        fps: ticks per second; None: the video's own rate, by its timestamps where that varies.
        name: the video, for the message.

    Raises:
        DataError: the window is outside the video, or needs times that the video does not have.
    """
    if window is not None and window.unit == "ticks":
        return _cut(timeline(info, fps=fps, name=name), window)
    timed = fps is not None or (window is not None and window.unit == "seconds")
    if timed and info.fps <= 0:
        raise DataError(
            f"{name}: has no frame rate, so times in seconds are unknown; cure: give it with "
            "--media-fps or in a column fps, or omit --fps and give windows in frames"
        )
    first, last = _bounds(info, window, name)
    if fps is None and not info.times:
        return Timeline(last - first + 1, info, first, last)
    rate = fps or info.fps
    start = seconds_of(info, first)
    if window is not None and window.unit == "seconds":
        start = max(start, window.start)
    until = seconds_of(info, last) + 1.0 / info.fps
    return Timeline(max(1, round((until - start) * rate)), info, first, last, rate, start)


def _cut(whole: Timeline, window: Window) -> Timeline:
    """Returns those ticks of a clock as a clock of its own."""
    start, end = int(window.start), int(min(window.end, whole.ticks))
    if whole.rate == 0:
        first = whole.first + start
        return replace(whole, ticks=end - start, first=first, last=first + end - start - 1)
    return replace(whole, ticks=end - start, start=whole.start + start / whole.rate)


def _bounds(info: VideoInfo, window: Window | None, name: str) -> tuple[int, int]:
    """Returns the first and the last frame of the window."""
    if window is None:
        return 0, info.frames - 1
    if window.unit == "frames":
        first, end = int(window.start), int(min(window.end, info.frames))
    else:
        first = _frame_at(info, window.start + _HAIR)
        length = seconds_of(info, info.frames - 1) + 1.0 / info.fps
        end = info.frames
        if window.end < length:
            # half open: a frame that begins at the end of the window is not in it
            end = _frame_at(info, window.end - _HAIR) + 1
        if window.start >= length:
            first = info.frames
    if not 0 <= first < info.frames or end <= first:
        unit = "s" if window.unit == "seconds" else " frames"
        have = f"{info.frames} frames"
        if info.fps > 0:
            have += f", {seconds_of(info, info.frames - 1) + 1.0 / info.fps:.2f} s"
        raise DataError(
            f"{name}: no frame between {window.start:g} and {window.end:g}{unit}; the video has "
            f"{have}; cure: correct the window, or fetch the whole video"
        )
    return first, end - 1


def _frame_at(info: VideoInfo, seconds: float) -> int:
    if info.times:
        return bisect_right(info.times, seconds) - 1
    return math.floor(seconds * info.fps)


def seconds_of(info: VideoInfo, number: int) -> float:
    """Returns seconds from the first frame to a frame; 0 where the rate is not known."""
    if info.times:
        return info.times[number]
    return number / info.fps if info.fps > 0 else 0.0
