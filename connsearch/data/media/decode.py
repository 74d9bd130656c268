"""Video files to frames and back; with ``opening.py`` and ``survey.py`` the only door to PyAV.

Shape letters: T frames, H W pixels. Frames are RGB, ``uint8``.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from functools import partial
from itertools import chain, dropwhile
from pathlib import Path
from types import TracebackType
from typing import Literal

import av
import numpy as np
import numpy.typing as npt
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream

from connsearch.data.media.opening import decoded, demuxed, opened
from connsearch.data.records import VideoInfo
from connsearch.errors import DataError

Frames = npt.NDArray[np.uint8]

SEEK_AFTER = 64
"""A clip that starts later than this many frames into its video is reached by a seek."""


_SMOOTH = Interpolation.BILINEAR | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND
"""Colours of 4:2:0 interpolated for every pixel and rounded, not cut off: without these, greys that
are scaled down come out up to 2 levels too dark, and others at their full size up to 1."""


class _Scaler:
    """Frames to pictures; kept for the frames of one file, which spares setting it up for each."""

    def __init__(self, size: tuple[int, int] | None) -> None:
        self._size = size
        self._reformatter = VideoReformatter()

    def __call__(self, frame: VideoFrame) -> Frames:
        """Returns one upright RGB picture (H, W, 3); the size is (H, W) as shown."""
        turns = (frame.rotation // 90) % 4
        height, width = self._size if self._size is not None else (0, 0)
        if turns % 2:
            height, width = width, height
        # one thread: by default every frame would start as many as there are cores
        rgb = self._reformatter.reformat(
            frame,
            width=width or None,
            height=height or None,
            format="rgb24",
            interpolation=_SMOOTH,
            threads=1,
        ).to_ndarray()
        if turns:
            rgb = np.rot90(rgb, turns)
        return np.ascontiguousarray(rgb, dtype=np.uint8)


def _from_start(container: InputContainer, stream: VideoStream) -> Iterator[tuple[int, VideoFrame]]:
    yield from enumerate(decoded(container, stream))


def _sought(
    container: InputContainer, stream: VideoStream, key: tuple[int, int], before: float
) -> Iterator[tuple[int, VideoFrame]]:
    """Yields (number, frame) from a key frame on, reached by a seek; nothing if that fails.

    Args:
        container: the file.
        stream: its video stream.
        key: (presentation time, number) of the key frame.
        before: seconds before it to aim at: some containers seek by other times than these.
    """
    if not _primed(container, stream):
        return
    stamp, number = key
    unit = float(stream.time_base or 1)
    container.seek(stamp - round(before / unit), stream=stream, backward=True)
    packets = (packet for _, packet in demuxed(container, stream))
    for packet in packets:
        if packet.dts is not None and packet.dts > stamp:
            return  # behind it already
        if packet.pts == stamp and packet.is_keyframe:
            frames = _frames(packet, packets)
            # pictures that lead up to the key frame refer to what was not decoded
            beginning = dropwhile(lambda frame: frame.pts is None or frame.pts < stamp, frames)
            for n, frame in enumerate(beginning):
                if n == 0 and frame.pts != stamp:
                    return
                yield number + n, frame


def _skipped(
    container: InputContainer, stream: VideoStream, key: tuple[int, int]
) -> Iterator[tuple[int, VideoFrame]]:
    """Yields (number, frame) from a key frame on; packets before it are not decoded.

    Args:
        container: the file.
        stream: its video stream.
        key: (place of its packet, number) of the key frame.
    """
    primed = False
    packets = (packet for _, packet in demuxed(container, stream))
    for packet in packets:
        if packet.opaque == key[0]:
            if not primed:
                return
            stream.codec_context.flush_buffers()
            frames = _frames(packet, packets)
            beginning = dropwhile(lambda frame: frame.opaque != key[0], frames)
            yield from enumerate(beginning, start=key[1])
        elif not primed:
            primed = bool(packet.decode())


def _primed(container: InputContainer, stream: VideoStream) -> bool:
    """Decodes one frame, and returns whether there was one.

    Only the first packet says which encoder wrote a stream, and without knowing it H.264 in 4:4:4
    decodes to noise.
    """
    return next(decoded(container, stream), None) is not None


def _frames(
    first: Packet[VideoStream], more: Iterable[Packet[VideoStream]]
) -> Iterator[VideoFrame]:
    for packet in chain([first], more):
        yield from packet.decode()


def _ways(
    info: VideoInfo | None, first: int
) -> Iterator[Callable[..., Iterator[tuple[int, VideoFrame]]]]:
    """Yields ways to the frames from ``first`` on, quick ones before the one that always leads."""
    if info is not None and first > SEEK_AFTER:
        place = bisect_right(info.keys, first, key=lambda key: key[1]) - 1
        if place >= 0 and info.keys_by == "time":
            yield partial(_sought, key=info.keys[place], before=0.0)
            yield partial(_sought, key=info.keys[place], before=3.0)
        elif place >= 0:
            yield partial(_skipped, key=info.keys[place])
    yield _from_start


def read_frames(
    path: Path,
    indices: Sequence[int],
    *,
    size: tuple[int, int] | None = None,
    info: VideoInfo | None = None,
) -> Frames:
    """Returns the frames of those numbers, ``uint8`` (T, H, W, 3).

    A number is a frame's place in one pass from the start, however it is read.

    Args:
        path: a video file.
        indices: frame numbers from 0, in any order, repeats allowed.
        size: (H, W) to scale to, smoothed where that shrinks the picture; None: as recorded.
        info: what :func:`probe` said, so that frames far into the file are reached without decoding
            all before them; None: the file is decoded from its start.

    Raises:
        DataError: the file is unreadable, damaged on the way, or has fewer frames than requested.
    """
    wanted = set(indices)
    found: dict[int, Frames] = {}
    read = 0
    *quick, whole = _ways(info, min(wanted))
    for way in quick:
        # A file that cannot be sought in is read from its start, below.
        with suppress(DataError), opened(path) as (container, stream):
            found, _ = _collect(way(container, stream), wanted, size)
        if len(found) == len(wanted):
            break
    if len(found) < len(wanted):
        with opened(path) as (container, stream):
            found, read = _collect(whole(container, stream), wanted, size)
    if len(found) < len(wanted):
        raise DataError(
            f"{path}: frame {max(wanted) + 1} was needed, decoding stopped after {read} "
            f"(the file is damaged or cut off); cure: re-encode it or remove it from the list"
        )
    return np.stack([found[index] for index in indices])


def stream_frames(path: Path, *, size: tuple[int, int] | None = None) -> Iterator[Frames]:
    """Yields every frame of a video, (H, W, 3), upright, each as :func:`read_frames` gives it.

    Args:
        path: a video file.
        size: (H, W) to scale to; None: as recorded.

    Raises:
        DataError: the file is unreadable, or damaged on the way.
    """
    scaled = _Scaler(size)
    with opened(path) as (container, stream):
        for frame in decoded(container, stream):
            yield scaled(frame)


def _collect(
    frames: Iterable[tuple[int, VideoFrame]], wanted: set[int], size: tuple[int, int] | None
) -> tuple[dict[int, Frames], int]:
    """Returns number -> picture of the wanted frames, and how many frames were gone through."""
    found: dict[int, Frames] = {}
    scaled = _Scaler(size)
    read, last = 0, max(wanted)
    for number, frame in frames:
        read += 1
        if number in wanted:
            found[number] = scaled(frame)
        if number >= last:
            break
    return found, read


def can_write() -> bool:
    """Returns whether the libraries here can write H.264."""
    try:
        return av.Codec("libx264", "w").is_encoder
    except ValueError:  # unknown here
        return False


class VideoFile:
    """An H.264 file that is written frame by frame, in a ``with``.

    Args:
        path: where to; the suffix names the container (.mp4).
        fps: frames per second.
        quality: quantiser, the same for every frame, 0 (best, nothing is lost) to 51.
        key_every: one frame in this many, or more, can be reached by a seek.
        pixels: ``yuv444p`` keeps the colour of every pixel; ``yuv420p`` halves the colours'
            resolution, which every player shows; height and width are even then.
    """

    def __init__(
        self,
        path: Path,
        *,
        fps: int | Fraction,
        quality: int = 23,
        key_every: int = 250,
        pixels: Literal["yuv444p", "yuv420p"] = "yuv420p",
    ) -> None:
        # Rate control and frames out of order make the encoder look ahead, which on pictures this
        # small gives other bytes from run to run; without them a seed decides every byte.
        options = {"qp": str(quality), "bf": "0", "preset": "veryfast"}
        options |= {"threads": "1", "g": str(key_every)}
        self._container = av.open(
            f"file:{os.path.abspath(path)}", "w", format=path.suffix.removeprefix(".")
        )
        self._stream = self._container.add_stream("libx264", rate=Fraction(fps), options=options)
        self._stream.pix_fmt = pixels
        self._begun = False

    def __enter__(self) -> VideoFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()

    def add(self, frame: Frames, *, seconds: float | None = None) -> None:
        """Writes the next frame.

        Args:
            frame: ``uint8`` (H, W, 3), all of one size.
            seconds: when it is shown, rising from 0; None: at the rate of the file. All frames of
                a file have it, or none.
        """
        if not self._begun:
            self._begun = True
            self._stream.height, self._stream.width = frame.shape[:2]
            if seconds is not None:
                self._stream.codec_context.time_base = _FINE
        picture = VideoFrame.from_ndarray(frame, format="rgb24")
        if seconds is not None:
            picture.pts, picture.time_base = round(seconds / _FINE), _FINE
        self._container.mux(self._stream.encode(picture))


_FINE = Fraction(1, 90_000)
"""The step of times that players know best."""


def write_video(
    path: Path,
    frames: Iterable[Frames],
    *,
    fps: int | Fraction = 12,
    quality: int = 9,
    key_every: int = 250,
    pixels: Literal["yuv444p", "yuv420p"] = "yuv444p",
) -> None:
    """Writes frames, ``uint8`` (T, H, W, 3) or that many (H, W, 3), as a :class:`VideoFile`."""
    with VideoFile(path, fps=fps, quality=quality, key_every=key_every, pixels=pixels) as film:
        for frame in frames:
            film.add(frame)
