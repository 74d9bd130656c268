"""A long video as clips one after another: its windows, each as long as one clip of a run."""

from __future__ import annotations

from connsearch.data.clips.sampling import span
from connsearch.data.clips.timeline import Timeline, timeline
from connsearch.data.options import ClipOptions
from connsearch.data.records import VideoInfo, Window
from connsearch.errors import DataError


def windows(
    info: VideoInfo, options: ClipOptions, *, hop: float | None = None, name: str = "video"
) -> list[Window]:
    """Returns the windows of a video, in the order of time, each with the ticks of one clip.

    The last one ends where the video does, so it may overlap the one before it. A video shorter
    than a clip is one window, and the rule for short videos applies.

    >>> from connsearch.data.records import VideoInfo
    >>> found = windows(VideoInfo(10, 4, 4, 25.0), ClipOptions(frames=4))
    >>> [(int(window.start), int(window.end)) for window in found]
    [(0, 4), (4, 8), (6, 10)]

    Args:
        info: the video.
        options: how clips are cut.
        hop: seconds from the start of a window to that of the next; None: one clip.
        name: the video, for the message.

    Raises:
        DataError: nothing is known of time in this video.
    """
    if info.fps <= 0:
        raise DataError(
            f"{name}: has no frame rate, so a timeline has no seconds; cure: give it with "
            "--media-fps"
        )
    clock = timeline(info, fps=options.fps, name=name)
    need = min(span(options.frames, options.stride), clock.ticks)
    step = need if hop is None else max(1, round(hop * tick_rate(clock)))
    starts = list(range(0, clock.ticks - need + 1, step))
    if step <= need and starts[-1] + need < clock.ticks:
        starts.append(clock.ticks - need)
    return [Window(start, start + need, "ticks") for start in starts]


def tick_rate(clock: Timeline) -> float:
    """Returns ticks per second; 0 where nothing is known of time."""
    return clock.rate or clock.info.fps


def seconds_shown(clock: Timeline) -> tuple[float, float] | None:
    """Returns from when to when a clock runs, in seconds from the first frame of its video.

    None where nothing is known of time.
    """
    rate = tick_rate(clock)
    if rate <= 0:
        return None
    return clock.seconds(0), clock.seconds(clock.ticks - 1) + 1.0 / rate
