"""Frame rates of files that do not tell them: folders of frames, stores and others.

The first known one is used: the rate of the file itself; the column ``fps`` of a list; the option
``media_fps``; the rate at which a published set of frames was made. If a file and the column
differ, the clip is refused, because it is unknown which of them is wrong.
"""

from __future__ import annotations

from dataclasses import replace

from connsearch.data.options import ClipLabels
from connsearch.data.records import Record, Source, VideoInfo
from connsearch.errors import DataError

RATES = (1e-3, 1e6)
"""The slowest and the fastest rate that can be given."""

CURE = "cure: give the rate of files that do not tell it with --media-fps or in a column fps"

_ALIKE = 0.02
"""Share by which two rates may differ and mean the same: 30 and 29.97."""


def with_rate(info: VideoInfo, record: Record) -> VideoInfo:
    """Returns the facts of a video, with its rate from elsewhere if the file has none.

    A folder of every fifth frame has a fifth of the rate: the given rate is that of the video in
    which its frames are numbered.

    Raises:
        DataError: the list has another rate than the file.
    """
    if info.fps > 0:
        if record.fps is not None and abs(record.fps / info.fps - 1.0) > _ALIKE:
            raise DataError(
                f"{record.name}: the column fps gives {record.fps:g} frames per second, the file "
                f"{info.fps:g}; cure: correct the column, or leave it empty for files that tell "
                "their rate"
            )
        return info
    given = record.fps or record.media_fps
    return info if given is None else replace(info, fps=given / info.step)


def with_media_rate(source: Source, rate: float | None) -> Source:
    """Returns the data set with this rate, in frames a second, for files without one."""
    if rate is None:
        return source
    records = tuple(replace(record, media_fps=rate) for record in source.records)
    return replace(source, records=records)


def check_spans(info: VideoInfo, record: Record, labels: ClipLabels) -> None:
    """Refuses a clip whose classes depend on seconds if its rate is unknown.

    Raises:
        DataError: names the clip, and how to give its rate.
    """
    if labels == "clip" and record.spans and info.fps <= 0:
        raise DataError(
            f"{record.name}: its classes are given in seconds, and {record.path} has no frame "
            f"rate; {CURE}, or use the classes of the whole video with --clip-labels video"
        )
