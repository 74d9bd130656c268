"""Whether the options can be met by a record, before any frame is decoded."""

from __future__ import annotations

from connsearch.data.clips.sampling import clip_ticks
from connsearch.data.clips.timeline import timeline
from connsearch.data.media.rates import check_spans
from connsearch.data.options import ClipLabels, ClipOptions
from connsearch.data.records import Record, VideoInfo
from connsearch.errors import DataError

_LONGEST = 100
"""Largest ratio of the longer to the shorter side of a picture."""


def usable_part(
    record: Record, info: VideoInfo, options: ClipOptions, labels: ClipLabels
) -> tuple[int, int]:
    """Returns the first and the last frame that clips of a record are cut from.

    Args:
        record: the clip.
        info: facts of its file, with its rate from elsewhere if the file has none.
        options: how clips are cut.
        labels: of what a clip has the classes.

    Raises:
        DataError: no clip can be cut from it with these options.
    """
    check_spans(info, record, labels)
    clock = timeline(info, window=record.window, fps=options.fps, name=record.name)
    clip_ticks(
        clock.ticks,
        options.frames,
        options.stride,
        short=options.short,
        sampler=options.sampler,
        name=str(record.path),
    )
    decoded_size(info, options, name=str(record.path))
    return clock.first, clock.last


def decoded_size(
    info: VideoInfo, options: ClipOptions, *, training: bool = True, name: str = "a video"
) -> tuple[int, int]:
    """Returns (H, W) that a video is scaled to when it is decoded.

    Args:
        info: the video.
        options: how clips are cut.
        training: for a training clip; else for an evaluation's.
        name: the video, for the message.

    Raises:
        DataError: it is so long and narrow that scaling it would take all memory there is.
    """
    side = (options.sides if training else options.eval_sides).decoded
    if not options.keep_aspect:
        return side, side
    if max(info.height, info.width) > _LONGEST * min(info.height, info.width):
        raise DataError(
            f"{name}: {info.height}x{info.width} pixels (height x width): one side is more than "
            f"{_LONGEST} times the other; cure: --no-keep-aspect makes pictures square"
        )
    scale = side / min(info.height, info.width)
    if options.rounding == "torchvision":
        short, long = sorted((info.height, info.width))
        cut = int(side * long / short)
        return (side, cut) if info.height <= info.width else (cut, side)
    return max(side, round(info.height * scale)), max(side, round(info.width * scale))


def decoded_bytes(info: VideoInfo, options: ClipOptions, *, training: bool = True) -> int:
    """Returns how much memory a decoded video takes, object maps included.

    Args:
        info: the video.
        options: how clips are cut.
        training: it is on the training list, whose clips are seen as in evaluations, too.
    """
    sizes = {decoded_size(info, options, training=False)}
    sizes |= {decoded_size(info, options)} if training else set()
    return sum(info.frames * height * width * 4 for height, width in sizes)
