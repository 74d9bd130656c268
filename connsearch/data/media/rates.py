"""Frames a second of media that do not say it: folders of frames, stores and others.

Whose word counts: what a medium says itself; else the column ``fps`` of a list; else the option
``media_fps``; else the rate at which a published set of frames was made. Where a medium and the
column say different things, the clip is refused: nobody could tell which of them is wrong.
"""

from __future__ import annotations

from dataclasses import replace

from connsearch.data.options import ClipLabels
from connsearch.data.records import Record, Source, VideoInfo
from connsearch.errors import DataError

RATES = (1e-3, 1e6)
"""The slowest and the fastest rate that can be given."""

CURE = (
    "cure: say the rate of media that do not say it themselves with --media-fps or in a column fps"
)

_ALIKE = 0.02
"""Share by which two rates may differ and mean the same: 30 and 29.97."""


def with_rate(info: VideoInfo, record: Record) -> VideoInfo:
    """Returns what a video says about itself, with its rate where only others say it.

    A folder that holds every fifth frame has a fifth of the rate: what is given is the rate of the
    video, in which its frames are numbered.

    Raises:
        DataError: the list says another rate than the medium.
    """
    if info.fps > 0:
        if record.fps is not None and abs(record.fps / info.fps - 1.0) > _ALIKE:
            raise DataError(
                f"{record.name}: the column fps says {record.fps:g} frames a second, the file "
                f"{info.fps:g}; cure: correct the column, or leave it empty for media that say "
                "their rate themselves"
            )
        return info
    given = record.fps or record.media_fps
    return info if given is None else replace(info, fps=given / info.step)


def with_media_rate(source: Source, rate: float | None) -> Source:
    """Returns the data set with this rate, in frames a second, for media that do not say one."""
    if rate is None:
        return source
    records = tuple(replace(record, media_fps=rate) for record in source.records)
    return replace(source, records=records)


def check_spans(info: VideoInfo, record: Record, labels: ClipLabels) -> None:
    """Refuses a clip whose classes depend on seconds where nothing is known of time.

    Raises:
        DataError: says which clip, and how to say its rate.
    """
    if labels == "clip" and record.spans and info.fps <= 0:
        raise DataError(
            f"{record.name}: its classes are given in seconds, and {record.path} says no frame "
            f"rate; {CURE}, or take the classes of the whole video with --clip-labels video"
        )
