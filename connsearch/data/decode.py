"""Video files to frames and back: the only door to PyAV.

Shape letters: T frames, H W pixels. Frames are RGB, ``uint8``.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import numpy as np
import numpy.typing as npt
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from connsearch.data.options import Short
from connsearch.data.records import VideoInfo
from connsearch.data.sampling import clip_ticks
from connsearch.disk import require_plain
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
        require_plain(path)  # a pipe would be waited for
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
        cure = "re-encode the file, fetch it again, or take it off the list"
        if _is_pointer(path):
            size, cure = "a Git LFS pointer, not the file itself", "git lfs pull"
        raise DataError(
            f"{path}: not readable as video ({reason}); read: {size}; cure: {cure}"
        ) from error


def _is_pointer(path: Path) -> bool:
    """Returns whether the file only says where Git LFS keeps the real one."""
    if not path.is_file() or path.stat().st_size > 1024:
        return False
    return path.read_bytes().startswith(b"version https://git-lfs")


def _shown(packet: Packet[VideoStream]) -> bool:
    """Returns whether a packet holds a frame that is to be shown."""
    return packet.size > 0 and not packet.is_discard


def probe(path: Path) -> VideoInfo:
    """Returns what a file says about itself: packets are counted, only one frame is decoded.

    Raises:
        DataError: the file cannot be opened, or holds no video or no frame.
    """
    first: VideoFrame | None = None
    stamps: list[int | None] = []
    with _opened(path) as (container, stream):
        for packet in container.demux(stream):
            if _shown(packet):
                stamps.append(packet.pts)
            if first is None:
                first = next(iter(packet.decode()), None)
        fps = float(stream.average_rate or 0)
        unit = float(stream.time_base or 0)
    if first is None:
        raise DataError(
            f"{path}: {len(stamps)} frames, none can be decoded; cure: re-encode the file"
        )
    height, width = first.height, first.width
    if first.rotation % 180 == 90:
        height, width = width, height
    times, grid = _clock(stamps, unit)
    if times and times[-1] > 0:
        fps = (len(times) - 1) / times[-1]
    return VideoInfo(len(stamps), height, width, fps, times, grid)


UNEVEN = 0.5
"""Timestamps that stray from an even clock by more than this share of a frame are respected; less
is how a container rounds."""


def _clock(
    stamps: Sequence[int | None], unit: float
) -> tuple[tuple[float, ...], tuple[int, int] | None]:
    """Returns seconds from the first frame where the rate varies, and the exact grid if it has one.

    Args:
        stamps: presentation time of every packet, in the order they are stored.
        unit: seconds of one step of the file's time base.
    """
    known = sorted({stamp for stamp in stamps if stamp is not None})
    if len(known) < 2 or len(known) != len(stamps) or unit <= 0:
        return (), None
    first, step = known[0], (known[-1] - known[0]) / (len(known) - 1)
    strays = max(abs(stamp - first - n * step) for n, stamp in enumerate(known))
    if strays > UNEVEN * step:
        return tuple((stamp - first) * unit for stamp in known), None
    return (), (first, round(step)) if strays == 0 else None


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
            interpolation="BILINEAR",
            threads=1,
        ).to_ndarray()
        if turns:
            rgb = np.rot90(rgb, turns)
        return np.ascontiguousarray(rgb, dtype=np.uint8)


def _numbers_by_time(path: Path) -> dict[int, int]:
    """Returns presentation time -> frame number; empty where times are missing or repeated."""
    with _opened(path) as (container, stream):
        times = [packet.pts for packet in container.demux(stream) if _shown(packet)]
    known = sorted({time for time in times if time is not None})
    return {time: n for n, time in enumerate(known)} if len(known) == len(times) else {}


@dataclass(frozen=True, slots=True)
class _Grid:
    """The same for a file whose times are exactly ``start + n * step``: nothing to look up."""

    start: int
    step: int

    def time(self, number: int) -> int:
        return self.start + number * self.step

    def number(self, time: int) -> int:
        number, rest = divmod(time - self.start, self.step)
        return -1 if rest else number


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of all times, for a file whose clock is not even."""

    numbers: Mapping[int, int]

    def time(self, number: int) -> int:
        return next(time for time, n in self.numbers.items() if n == number)

    def number(self, time: int) -> int:
        return self.numbers.get(time, -1)


def _sought(
    container: InputContainer, stream: VideoStream, places: _Grid | _Table, first: int
) -> Iterator[tuple[int, VideoFrame]]:
    """Yields (number, frame) from the key frame before ``first`` on; nothing if that fails."""
    # One frame is decoded before the seek: only the first packet says which encoder wrote the
    # stream, and without knowing it H.264 in 4:4:4 decodes to noise.
    if next(container.decode(stream), None) is None:
        return
    container.seek(places.time(first), stream=stream, backward=True)
    begun = False
    for frame in container.decode(stream):
        number = -1 if frame.pts is None else places.number(frame.pts)
        if not begun and not 0 <= number <= first:
            return
        begun = True
        if number >= 0:
            yield number, frame


def read_frames(
    path: Path,
    indices: Sequence[int],
    *,
    size: tuple[int, int] | None = None,
    grid: tuple[int, int] | None = None,
) -> Frames:
    """Returns the frames of those numbers, ``uint8`` (T, H, W, 3).

    Args:
        path: a video file.
        indices: frame numbers from 0, in any order, repeats allowed.
        size: (H, W) to scale to, smoothed where that shrinks the picture; None: as recorded.
        grid: the file's exact clock (``VideoInfo.grid``), so that a seek need not read it all.

    Raises:
        DataError: the file is unreadable, damaged on the way, or holds fewer frames than asked.
    """
    wanted = set(indices)
    found: dict[int, Frames] = {}
    if min(wanted) > SEEK_AFTER:
        places = _Grid(*grid) if grid is not None else _Table(_numbers_by_time(path))
        if isinstance(places, _Grid) or min(wanted) < len(places.numbers):
            # A file that cannot be sought in is read from its start, below.
            with suppress(DataError), _opened(path) as (container, stream):
                found, _ = _collect(_sought(container, stream, places, min(wanted)), wanted, size)
    read = 0
    if len(found) < len(wanted):
        with _opened(path) as (container, stream):
            found, read = _collect(enumerate(container.decode(stream)), wanted, size)
    if len(found) < len(wanted):
        raise DataError(
            f"{path}: frame {max(wanted) + 1} was needed, decoding stopped after {read} "
            f"(the file is damaged or cut off); cure: re-encode it or take it off the list"
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
    with _opened(path) as (container, stream):
        for frame in container.decode(stream):
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
    info = probe(path)
    indices = clip_ticks(info.frames, frames, stride, short=short, name=str(path))
    return read_frames(path, indices, size=size, grid=info.grid)


def write_video(
    path: Path,
    frames: Iterable[Frames],
    *,
    fps: int | Fraction = 12,
    quality: int = 9,
    key_every: int = 250,
    pixels: Literal["yuv444p", "yuv420p"] = "yuv444p",
) -> None:
    """Writes an H.264 file in which every pixel keeps its own colour (4:4:4).

    Args:
        path: where to; the suffix names the container (.mp4).
        frames: ``uint8`` (T, H, W, 3), or that many (H, W, 3), one at a time.
        fps: frames per second.
        quality: quantiser, the same for every frame, 0 (best, nothing is lost) to 51.
        key_every: at least every that manyth frame can be reached by a seek.
        pixels: ``yuv420p`` halves the colours' resolution, which every player shows; height and
            width are even then.
    """
    # Rate control and frames out of order make the encoder look ahead, which on pictures this
    # small gives other bytes from run to run; without them a seed decides every byte.
    options = {"qp": str(quality), "bf": "0", "preset": "veryfast"}
    options |= {"threads": "1", "g": str(key_every)}
    with av.open(f"file:{os.path.abspath(path)}", "w", format=path.suffix[1:]) as container:
        stream = container.add_stream("libx264", rate=Fraction(fps), options=options)
        stream.pix_fmt = pixels
        for number, frame in enumerate(frames):
            if not number:
                stream.height, stream.width = frame.shape[:2]
            container.mux(stream.encode(VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
