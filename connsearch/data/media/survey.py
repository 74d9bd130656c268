"""The facts of a video file, and how its frames are found.

The number of a frame is its place in one pass from the start, as the decoder shows them. Where a
container keeps presentation times, packets are enough to count frames and to find them. Others
(AVI, raw streams, MPEG program streams ...) have stamps that FFmpeg derives from the order of
storage; they are decoded once, and that pass gives the facts.

With ``opening.py`` and ``decode.py`` the only door to PyAV.
"""

from __future__ import annotations

import zlib
from bisect import bisect_left
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import cast

from av.video.frame import VideoFrame

from connsearch.data.media.clock import FEW_BACK, Clock, read_clock, tells_order
from connsearch.data.media.opening import decoded, demuxed, opened, shown
from connsearch.data.records import VideoInfo
from connsearch.errors import DataError

_TIMED_CONTAINERS = {"mov", "matroska", "mpegts", "flv"}
"""Containers that keep the presentation time of every frame."""

_IN_ORDER = set("vp8 vp9 av1 mjpeg prores dnxhd ffv1 png".split())
"""Codecs whose packets, the hidden ones of VP8 aside, show one frame each, in order of storage."""

_REORDERED = set("h264 hevc mpeg2video mpeg1video".split())
"""The same, but frames may be stored later than others that are shown after them."""

KEYS_APART = 16
"""Frames between two places from which decoding may begin, at least: nearer ones save nothing."""

MOST_HELD = 16
"""Frames a decoder holds back at most to bring them in order."""


def probe(path: Path) -> VideoInfo:
    """Returns the facts of a file.

    Packets are counted where that is enough; else the file is decoded once.

    Raises:
        DataError: the file cannot be opened, or has no video or no frame.
    """
    packets = _packets(path)
    first = packets.first
    if first is None:
        raise DataError(
            f"{path}: {len(packets.stamps)} frames, none can be decoded; cure: re-encode the file"
        )
    if packets.tell_all:
        ranks = sorted(cast(list[int], packets.stamps))
        keys = [(stamp, bisect_left(ranks, stamp)) for stamp in packets.key_stamps]
        count, way = len(ranks), "time"
        clock = read_clock(ranks, packets.unit, packets.rate)
    else:
        count, keys, clock = _decoded(path, packets)
        way = "order"
    height, width = first.height, first.width
    if first.rotation % 180 == 90:
        height, width = width, height
    return VideoInfo(
        count,
        height,
        width,
        clock.fps,
        clock.times,
        keys=_spread(keys),
        keys_by="time" if way == "time" else "order",
        note=clock.note,
    )


@dataclass(frozen=True, slots=True)
class _Packets:
    """The facts from the packets of a file, and the first frame.

    Attributes:
        timed: the container keeps presentation times, and the codec a frame a packet.
        ordered: the codec stores frames in the order in which they are shown.
        first: the first frame; None: nothing could be decoded.
        depth: how many frames the decoder holds back to bring them in order.
        rate: frames per second from the header; 0: none.
        unit: seconds of a step of the stamps.
        stamps: presentation time of every packet that is shown, in the order of storage.
        stored: their decoding times.
        key_stamps: presentation times of those from which decoding may begin.
        begins: whether the first packet is one of these.
        leading: whether a frame is shown before the key frame that is stored before it.
    """

    timed: bool
    ordered: bool
    first: VideoFrame | None
    depth: int
    rate: float
    unit: float
    stamps: Sequence[int | None]
    stored: Sequence[int | None]
    key_stamps: Sequence[int]
    begins: bool
    leading: bool

    @property
    def tell_all(self) -> bool:
        """Whether packets tell how many frames there are, and which is which.

        Not where stamps are missing or repeated, where the clock is set back, where groups of
        pictures are open (frames that lead up to a key frame are lost where the file was cut, and
        in HEVC many more where parts were joined), where two packets may be the fields of one
        frame, and where the decoder reorders but stamps follow the storage: then they are not
        real.
        """
        stamps, first = self.stamps, self.first
        if not self.timed or first is None or not stamps or None in stamps:
            return False
        known = cast(Sequence[int], stamps)
        stored = [stamp for stamp in self.stored if stamp is not None]
        depth = _depth(known)
        made_up = depth > self.depth or (depth == 0 < self.depth)
        return (
            len(set(known)) == len(known)
            and all(a <= b for a, b in pairwise(stored))
            and self.begins
            and not self.leading
            and first.pts == known[0] == min(known)
            and not first.interlaced_frame
            and (depth == 0 if self.ordered else not made_up)
        )


def _depth(stamps: Sequence[int]) -> int:
    """Returns how many packets are stored before one that is shown earlier, at most.

    >>> _depth([0, 1, 2]), _depth([0, 3, 1, 2]), _depth([0, 4, 2, 1, 3])
    (0, 1, 2)
    """
    waiting: list[int] = []
    depth = 0
    for stamp in stamps:
        place = bisect_left(waiting, stamp)
        depth = max(depth, len(waiting) - place)
        waiting = [*waiting[:place], stamp, *waiting[place:]][-64:]
    return depth


def _packets(path: Path) -> _Packets:
    """Returns the facts from the packets of a file; one frame is decoded."""
    with opened(path) as (container, stream):
        codec = stream.codec_context.codec.canonical_name
        timed = container.format.name.split(",")[0] in _TIMED_CONTAINERS
        stamps: list[int | None] = []
        stored: list[int | None] = []
        key_stamps: list[int] = []
        begins = leading = False
        first, depth = None, 0
        for _, packet in demuxed(container, stream):
            if shown(packet, codec):
                begins = begins or (not stamps and packet.is_keyframe)
                stamps.append(packet.pts)
                stored.append(packet.dts)
                if key_stamps and packet.pts is not None:
                    leading = leading or packet.pts < key_stamps[-1]
                if packet.is_keyframe and packet.pts is not None:
                    key_stamps.append(packet.pts)
            if first is None:
                first = next(iter(packet.decode()), None)
                depth = stream.codec_context.reorder_depth
        return _Packets(
            timed=timed and codec in _IN_ORDER | _REORDERED,
            ordered=codec in _IN_ORDER,
            first=first,
            depth=depth,
            rate=float(stream.average_rate or 0),
            unit=float(stream.time_base or 0),
            stamps=stamps,
            stored=stored,
            key_stamps=key_stamps,
            begins=begins,
            leading=leading,
        )


@dataclass(frozen=True, slots=True)
class _KeyFrame:
    """A frame from which decoding may begin: its packet, its number, and what it looks like."""

    place: int
    number: int
    look: int


def _decoded(path: Path, packets: _Packets) -> tuple[int, list[tuple[int, int]], Clock]:
    """Returns number of frames, (packet, number) of key frames, and the clock, by decoding all.

    A file that is damaged further on keeps the count of its packets: the part before the damage
    can be used.
    """
    keys: list[_KeyFrame] = []
    stamps: list[int | None] = []
    places: list[int] = []
    try:
        with opened(path) as (container, stream):
            for frame in decoded(container, stream):
                if frame.key_frame and _apart(keys, len(stamps)):
                    keys.append(_KeyFrame(cast(int, frame.opaque), len(stamps), _look(frame)))
                stamps.append(frame.pts)
                places.append(cast(int, frame.opaque))
    except DataError:
        return len(packets.stamps), [], read_clock(None, packets.unit, packets.rate)
    count = len(stamps)
    clock = read_clock(_likely(stamps, packets), packets.unit, packets.rate)
    parting = _parting(places)
    proven = _proven(path, [key for key in keys if key.number in parting])
    return count, [(key.place, key.number) for key in proven], clock


def _parting(places: Sequence[int]) -> set[int]:
    """Returns the frames after which none is shown that is stored before them.

    >>> sorted(_parting([0, 2, 1, 4, 3]))
    [0, 2, 4]
    """
    lowest, found = len(places) and max(places) + 1, set[int]()
    for number in range(len(places) - 1, -1, -1):
        if places[number] < lowest:
            found.add(number)
        lowest = min(lowest, places[number])
    return found


def _likely(shown: Sequence[int | None], packets: _Packets) -> Sequence[int] | None:
    """Returns the likeliest times of the frames: those that rise, or else those that rise mostly.

    If the times of a few neighbours are interchanged, because a program wrote them in the order of
    storage, they are sorted.

    Args:
        shown: the decoder's time of each frame.
        packets: whose decoding times rise as evenly as the frames are shown, earlier by a delay.
    """
    for back in (0.0, FEW_BACK):
        for stamps in (shown, packets.stored):
            if len(stamps) == len(shown) and tells_order(stamps, back=back):
                return cast(Sequence[int], stamps)
    known = [stamp for stamp in shown if stamp is not None]
    even = len(known) == len(shown) == len(set(known)) and _depth(known) <= MOST_HELD
    return sorted(known) if even else None


def _apart(keys: Sequence[_KeyFrame], number: int) -> bool:
    return number >= (keys[-1].number if keys else 0) + KEYS_APART


def _spread(keys: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Returns the keys without those that are too near to the one before, or to the start."""
    kept: list[tuple[int, int]] = []
    for key in keys:
        if key[1] >= (kept[-1][1] if kept else 0) + KEYS_APART:
            kept.append(key)
    return tuple(kept)


def _look(frame: VideoFrame) -> int:
    return zlib.crc32(frame.to_ndarray(format="rgb24").tobytes())


def _proven(path: Path, keys: Sequence[_KeyFrame]) -> list[_KeyFrame]:
    """Returns the keys from which a new decoder gives the same picture as the one pass."""
    places = {key.place: key for key in keys}
    proven: list[_KeyFrame] = []
    key: _KeyFrame | None = None
    with suppress(DataError), opened(path) as (container, stream):
        first = False
        for place, packet in demuxed(container, stream):
            if not first:
                first = bool(packet.decode())
                continue
            if place in places:
                key = places[place]
                stream.codec_context.flush_buffers()
            if key is None:
                continue
            for frame in packet.decode():
                if key is not None and frame.opaque == key.place:
                    proven += [key] if _look(frame) == key.look else []
                    key = None
    return proven
