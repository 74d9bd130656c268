"""Video files to frames and back: the only door to PyAV.

Shape letters: T frames, H W pixels. Frames are RGB, ``uint8``.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.container import InputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from connsearch.data.options import Short
from connsearch.data.records import VideoInfo
from connsearch.data.sampling import clip_indices
from connsearch.errors import DataError

Frames = npt.NDArray[np.uint8]

SEEK_AFTER = 64
"""A clip that starts later than this many frames into its video is reached by a seek."""


@contextmanager
def _opened(path: Path) -> Generator[tuple[InputContainer, VideoStream]]:
    """Opens the first video stream of a file; whatever goes wrong becomes a :class:`DataError`."""
    try:
        # "file:" keeps a name with a colon from being read as a protocol, and the white list
        # keeps a playlist in disguise from reaching out to other places.
        with av.open(
            f"file:{os.path.abspath(path)}",
            options={"protocol_whitelist": "file"},
            metadata_errors="ignore",
        ) as container:
            if not container.streams.video:
                kinds = ", ".join(sorted({s.type for s in container.streams})) or "nothing"
                raise DataError(
                    f"{path}: no video stream; read: {kinds}; "
                    "cure: take the file off the list, or replace it with a video"
                )
            stream = container.streams.video[0]
            stream.thread_type = "NONE"
            yield container, stream
    except (FFmpegError, OSError) as error:
        reason = error.strerror or type(error).__name__
        size = f"{path.stat().st_size} bytes" if path.is_file() else "no such file"
        raise DataError(
            f"{path}: not readable as video ({reason}); read: {size}; "
            "cure: re-encode the file, fetch it again, or take it off the list"
        ) from error


def _times(container: InputContainer, stream: VideoStream) -> list[int | None]:
    """Returns the presentation time of every frame that will be shown, in file order."""
    return [p.pts for p in container.demux(stream) if p.size > 0 and not p.is_discard]


def probe(path: Path) -> VideoInfo:
    """Returns what a file says about itself: packets are counted, only one frame is decoded.

    Raises:
        DataError: the file cannot be opened, or holds no video or no frame.
    """
    with _opened(path) as (container, stream):
        frames = len(_times(container, stream))
        if frames == 0 or stream.width < 1 or stream.height < 1:
            raise DataError(f"{path}: a video stream without frames; cure: replace the file")
        height, width = stream.height, stream.width
        container.seek(0, stream=stream)
        first = next(iter(container.decode(stream)), None)
        if first is None:
            raise DataError(f"{path}: {frames} frames, none can be decoded; cure: re-encode it")
        if first.rotation % 180 == 90:
            height, width = width, height
        return VideoInfo(frames, height, width, float(stream.average_rate or 0))


def _picture(frame: VideoFrame, size: tuple[int, int] | None) -> Frames:
    """Returns one upright RGB picture (H, W, 3); ``size`` is (H, W) as shown."""
    turns = (frame.rotation // 90) % 4
    height, width = size if size is not None else (0, 0)
    if turns % 2:
        height, width = width, height
    rgb = frame.to_ndarray(
        format="rgb24", width=width or None, height=height or None, interpolation="BILINEAR"
    )
    return np.ascontiguousarray(np.rot90(rgb, turns), dtype=np.uint8)


def _numbered(
    container: InputContainer, stream: VideoStream, first: int
) -> Iterator[tuple[int, VideoFrame]]:
    """Yields (number, frame) in order of presentation, from at or before frame ``first``."""
    if first > SEEK_AFTER:
        times = _times(container, stream)
        known = sorted(t for t in times if t is not None)
        if len(set(known)) == len(times) and first < len(known):
            number = {time: n for n, time in enumerate(known)}
            container.seek(known[first], stream=stream, backward=True)
            frames = container.decode(stream)
            frame = next(frames, None)
            if frame is not None and number.get(frame.pts or 0, len(known)) <= first:
                yield number[frame.pts or 0], frame
                for frame in frames:
                    if frame.pts in number:
                        yield number[frame.pts], frame
                return
        container.seek(0, stream=stream)
    yield from enumerate(container.decode(stream))


def read_frames(
    path: Path, indices: Sequence[int], *, size: tuple[int, int] | None = None
) -> Frames:
    """Returns the frames of those numbers, ``uint8`` (T, H, W, 3).

    Args:
        path: a video file.
        indices: frame numbers from 0, in any order, repeats allowed.
        size: (H, W) to scale to, smoothed where that shrinks the picture; None: as recorded.

    Raises:
        DataError: the file is unreadable, damaged on the way, or holds fewer frames than asked.
    """
    wanted, last = set(indices), max(indices)
    pictures: dict[int, Frames] = {}
    read = 0
    with _opened(path) as (container, stream):
        for number, frame in _numbered(container, stream, min(wanted)):
            read = number + 1
            if number in wanted:
                pictures[number] = _picture(frame, size)
            if number >= last:
                break
    if len(pictures) < len(wanted):
        raise DataError(
            f"{path}: frame {last + 1} was needed, decoding stopped after {read} "
            f"(the file is damaged or cut off); cure: re-encode it or take it off the list"
        )
    return np.stack([pictures[index] for index in indices])


def read_clip(
    path: Path,
    *,
    frames: int,
    stride: int = 1,
    short: Short = "repeat",
    size: tuple[int, int] | None = None,
) -> Frames:
    """Returns the centre clip of a video, ``uint8`` (T, H, W, 3).

    Args:
        path: a video file.
        frames: T.
        stride: every how manyth frame.
        short: what to do with a video of fewer than ``(frames - 1) * stride + 1`` frames:
            repeat its last frame, loop it, or refuse it.
        size: (H, W) to scale to; None: as recorded.

    Raises:
        DataError: the file is unreadable, damaged, or too short while ``short`` is "refuse".
    """
    indices = clip_indices(probe(path).frames, frames, stride, short=short, name=str(path))
    return read_frames(path, indices, size=size)


def write_video(path: Path, frames: Frames, *, fps: int = 12, quality: int = 6) -> None:
    """Writes an H.264 file in which every pixel keeps its own colour (4:4:4).

    Args:
        path: where to; the suffix names the container (.mp4).
        frames: ``uint8`` (T, H, W, 3).
        fps: frames per second.
        quality: constant rate factor, 0 (best) to 51.
    """
    options = {"crf": str(quality), "preset": "veryfast", "threads": "1"}
    with av.open(f"file:{os.path.abspath(path)}", "w", format=path.suffix[1:]) as container:
        stream = container.add_stream("libx264", rate=Fraction(fps), options=options)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv444p"
        for frame in frames:
            container.mux(stream.encode(VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
