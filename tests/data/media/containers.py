"""Small videos in many containers and codecs: how people's files are, not only how ours are.

Every maker writes one file with PyAV. ``VIDEOS`` names them: container, codec, and what is special.
Frames of one video all differ, and no two look like each other scaled or moved.

Two files lie beside this one because PyAV cannot write their like. FFmpeg's ``testsrc2`` at 64 x 48
and 25 frames a second for 3.6 s was written as ``theora.ogv`` (libtheora, quality 2; repeated
pictures are packets without content) and ``alt_ref.webm`` (libvpx in two passes, 60 kbit/s,
auto-alt-ref 1, lag-in-frames 16).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.packet import Packet
from av.video.frame import VideoFrame

HEIGHT, WIDTH = 48, 64
COUNT = 100
FILES = Path(__file__).parent / "files"

Bytes = npt.NDArray[np.uint8]
Packets = list[Packet]


def pictures(count: int = COUNT) -> Bytes:
    """Returns frames that all differ: waves that travel, and a field of noise of their own."""
    rng = np.random.default_rng(5)
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    out = np.empty((count, HEIGHT, WIDTH, 3), np.uint8)
    for t in range(count):
        wave = 90 + 60 * np.sin((columns * (1 + t % 7) + rows * 2 + 11 * t) / 15)
        out[t] = wave[..., None].clip(0, 255)
        block = rng.integers(0, 256, (6, 8, 3)).astype(np.uint8)
        out[t, 12:36, 16:48] = block.repeat(4, 0).repeat(4, 1)
    return out


@dataclass(frozen=True)
class Coded:
    """How frames are encoded.

    Attributes:
        codec: FFmpeg's name of the encoder.
        options: of the encoder.
        gop: at most that many frames from key to key.
        pixels: FFmpeg's name of the pixel format.
        rate: frames a second.
        times: presentation time of every frame, in 1 / ticks of a second; None: evenly.
        ticks: a second.
        count: frames.
        interlaced: each frame holds two fields.
    """

    codec: str
    options: dict[str, str] = field(default_factory=dict[str, str])
    gop: int = 30
    pixels: str = "yuv420p"
    rate: int = 25
    times: Callable[[int], int] | None = None
    ticks: int = 1000
    count: int = COUNT
    interlaced: bool = False


def write(path: Path, coded: Coded, container: str) -> Path:
    """Encodes the frames into a container; returns the path."""
    base = Fraction(1, coded.rate if coded.times is None else coded.ticks)
    with av.open(str(path), "w", format=container) as out:
        options = {"threads": "1", **coded.options}
        stream = out.add_stream(coded.codec, rate=coded.rate, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, coded.pixels
        context = stream.codec_context
        context.gop_size, context.time_base = coded.gop, base
        if coded.interlaced:
            context.flags |= av.codec.context.Flags.interlaced_dct
        for n, picture in enumerate(pictures(coded.count)):
            frame = VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = n if coded.times is None else coded.times(n)
            frame.time_base = base
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def copied(
    path: Path,
    container: str,
    first: Path,
    change: Callable[[Packets], Iterable[Packet]] = lambda packets: packets,
    *more: Path,
    options: dict[str, str] | None = None,
) -> Path:
    """Writes the packets of files one after another without coding them anew."""
    with av.open(str(path), "w", format=container, options=options or {}) as out:
        with av.open(str(first)) as source:
            stream = out.add_stream_from_template(source.streams.video[0])
        packets: Packets = []
        for place in (first, *more):
            with av.open(str(place)) as source:
                packets += [p for p in source.demux(source.streams.video[0]) if p.size]
        for packet in change(packets):
            packet.stream = stream
            out.mux_one(packet)
    return path


def coded_then(
    path: Path,
    container: str,
    coded: Coded,
    between: str,
    change: Callable[[Packets], Iterable[Packet]],
    **settings: dict[str, str],
) -> Path:
    """Encodes into one container, changes the packets, and writes them to another."""
    draft = write(path.with_name(f"draft-{path.name}.{between}"), coded, between)
    copied(path, container, draft, change, **settings)  # type: ignore[arg-type]
    draft.unlink()
    return path


def moved(packet: Packet, by: int) -> Packet:
    """Moves a packet in time, by steps of its own time base."""
    packet.pts = None if packet.pts is None else packet.pts + by
    packet.dts = None if packet.dts is None else packet.dts + by
    return packet


def cut(packets: Packets, *, key: int, after: int = 0) -> Packets:
    """Returns the packets from the key-th key packet on, and that many more are gone."""
    keys = [n for n, packet in enumerate(packets) if packet.is_keyframe]
    kept = packets[keys[key] + after :]
    stamps = [p.dts if p.dts is not None else p.pts for p in kept]
    shift = -min(stamp for stamp in stamps if stamp is not None)
    return [moved(packet, shift) for packet in kept]


def joined(packets: Packets, *, seconds: float) -> Packets:
    """Returns the packets, the second half of which is that much later."""
    keys = [n for n, packet in enumerate(packets) if packet.is_keyframe]
    half = next(n for n in keys if n >= len(packets) // 2)
    for packet in packets[half:]:
        moved(packet, round(seconds / packet.time_base))
    return packets


def parts(packets: Packets) -> Packets:
    """Returns the packets, and behind them those from the second key packet on once more."""
    key = [n for n, packet in enumerate(packets) if packet.is_keyframe][1]
    length = 1 + max(p.pts for p in packets if p.pts is not None)
    more = [_like(packet, bytes(packet)) for packet in packets[key:]]
    return packets + [moved(packet, length) for packet in more]


def packed(packets: Packets) -> Packets:
    """Returns packets as DivX stored them: a B-frame behind its P-frame, then one that is empty."""
    out: Packets = []
    n = 0
    while n < len(packets):
        here, then = packets[n], packets[n + 1 : n + 2]
        if then and _is_b_frame(then[0]):
            out += [_like(here, bytes(here) + bytes(then[0])), _like(then[0], _NOT_CODED)]
            n += 2
        else:
            out.append(here)
            n += 1
    head = bytes(out[0])
    place = head.index(b"\0\0\1\xb6")
    out[0] = _like(out[0], head[:place] + b"\0\0\1\xb2DivX503b1393p\0" + head[place:])
    return out


_NOT_CODED = bytes([0, 0, 1, 0xB6, 0x50, 0x7F])
"""An MPEG-4 picture that says of itself that it is not coded."""


def _is_b_frame(packet: Packet) -> bool:
    data = bytes(packet)
    return data[data.index(b"\0\0\1\xb6") + 4] >> 6 == 2


def _like(packet: Packet, data: bytes) -> Packet:
    new: Packet = Packet(data)
    new.pts, new.dts, new.time_base = packet.pts, packet.dts, packet.time_base
    new.is_keyframe = packet.is_keyframe
    return new


def with_hidden(packets: Packets, *, later: int) -> Packets:
    """Returns VP8 packets with frames between them that are not shown, as alt-ref frames are.

    Args:
        packets: each shows a frame.
        later: steps of the time base from the packet before; more than a frame: as the next one.
    """
    out: Packets = []
    for n, packet in enumerate(packets):
        if n % 12 == 5:
            data = bytearray(bytes(packet))
            data[0] &= ~0x10
            hidden = _like(packet, bytes(data))
            before = packets[n - 1]
            assert before.pts is not None
            assert packet.pts is not None
            hidden.pts = hidden.dts = min(before.pts + later, packet.pts)
            out.append(hidden)
        out.append(packet)
    return out


def numbered(packets: Packets) -> Packets:
    """Returns packets with hidden ones among them, each at a time of its own."""
    out = with_hidden(packets, later=0)
    for n, packet in enumerate(out):
        packet.pts = packet.dts = n
    return out


def early(packets: Packets, *, seconds: float) -> Packets:
    """Returns the packets, that much earlier: an edit list then hides the first."""
    return [moved(packet, -round(seconds / packet.time_base)) for packet in packets]


def set_back(path: Path, coded: Coded, container: str) -> Path:
    """Writes a recording and behind it another whose clock begins anew."""
    first = write(path.with_name("first-" + path.name), coded, container)
    path.write_bytes(first.read_bytes() * 2)
    first.unlink()
    return path


def again(packets: Packets) -> Packets:
    """Returns the packets; some have the time of the one before."""
    for n in range(10, len(packets), 20):
        packets[n].pts, packets[n].dts = packets[n - 1].pts, packets[n - 1].dts
    return packets


def as_stored(packets: Packets) -> Packets:
    """Returns the packets, each shown when it is stored: made up where an AVI has no such times."""
    first = packets[0].dts or 0
    for packet in packets:
        assert packet.dts is not None
        packet.pts = packet.dts = packet.dts - first
    return packets


def uneven(n: int) -> int:
    """A clock as telephones have it: from 20 to 60 ms between frames."""
    return 40 * n + (n * 7919) % 20


def holes(n: int) -> int:
    """A clock without some of its ticks."""
    return 40 * (n + n // 9)


_B = {"bf": "3", "b-pyramid": "normal"}
H264 = Coded("libx264", {"preset": "veryfast", "bf": "0"})
H264_B = Coded("libx264", {"preset": "veryfast", **_B})
H264_OPEN = Coded("libx264", {"preset": "veryfast", **_B, "x264-params": "open-gop=1:scenecut=0"})
H264_REFRESH = Coded("libx264", {"preset": "veryfast", "bf": "0", "intra-refresh": "1"})
H264_FIELDS = Coded("libx264", {"preset": "veryfast", **_B, "x264-params": "tff=1"})
H264_VFR = Coded("libx264", {"preset": "veryfast", **_B}, times=uneven)
H264_HOLES = Coded("libx264", {"preset": "veryfast", **_B}, times=holes)
H264_TICKS = Coded(H264_B.codec, H264_B.options, times=lambda n: 2 * n, ticks=50)
_QUIET = "log-level=none:pools=1:frame-threads=1"
HEVC = Coded("libx265", {"preset": "ultrafast", "x265-params": _QUIET + ":bframes=4"})
HEVC_NO_B = Coded("libx265", {"preset": "ultrafast", "x265-params": _QUIET + ":bframes=0"})
HEVC_VFR = Coded(HEVC.codec, HEVC.options, times=uneven)
MPEG4 = Coded("mpeg4", {"bf": "0", "b": "400k"}, gop=12)
MPEG4_B = Coded("mpeg4", {"bf": "2", "b": "400k"}, gop=12)
MPEG4_ONE_B = Coded("mpeg4", {"bf": "1", "b_strategy": "0", "b": "400k"}, gop=13)
MPEG2 = Coded("mpeg2video", {"bf": "0", "b": "600k"}, gop=12)
MPEG2_B = Coded("mpeg2video", {"bf": "2", "b": "600k"}, gop=12)
MPEG2_FIELDS = Coded("mpeg2video", {"bf": "2", "b": "600k"}, gop=12, interlaced=True)
MPEG1_B = Coded("mpeg1video", {"bf": "2", "b": "600k"}, gop=12)
VP8 = Coded("libvpx", {"deadline": "realtime", "cpu-used": "8", "b": "300k"})
VP9 = Coded("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "b": "300k"})
VP9_ALT = Coded(
    "libvpx-vp9",
    {"deadline": "good", "cpu-used": "8", "b": "300k", "auto-alt-ref": "1", "lag-in-frames": "16"},
)
AV1 = Coded("libsvtav1", {"preset": "12", "svtav1-params": "lp=1"})
MJPEG = Coded("mjpeg", {"q": "3"}, pixels="yuvj420p")
FFV1 = Coded("ffv1", {}, gop=1)
FFV1_GOP = Coded("ffv1", {}, gop=25)
PRORES = Coded("prores_ks", {}, pixels="yuv422p10le")
FLV1 = Coded("flv", {"b": "400k"})
WMV2 = Coded("wmv2", {"b": "400k"})
MSMPEG4 = Coded("msmpeg4", {"b": "400k"})
HUFFYUV = Coded("huffyuv", {}, pixels="yuv422p")
RAW = Coded("rawvideo", {}, pixels="yuv420p")
PNG = Coded("png", {}, pixels="rgb24")


def gif(rate: int) -> Coded:
    return Coded("gif", {}, pixels="rgb8", rate=rate, count=80)


def _beside(path: Path, *, name: str) -> Path:
    path.write_bytes((FILES / name).read_bytes())
    return path


def _half(coded: Coded) -> Coded:
    return replace(coded, count=COUNT // 2)


_NEGATIVE = {"avoid_negative_ts": "disabled"}

Maker = Callable[[Path], Path]


def plain(coded: Coded, container: str) -> Maker:
    return partial(write, coded=coded, container=container)


def changed(
    coded: Coded,
    between: str,
    container: str,
    change: Callable[[Packets], Iterable[Packet]],
    **settings: dict[str, str],
) -> Maker:
    return partial(
        coded_then, coded=coded, between=between, container=container, change=change, **settings
    )


VIDEOS: dict[str, Maker] = {
    **{f"h264 {kind}.{end}": plain(coded, container)
       for end, container in (("mp4", "mp4"), ("mkv", "matroska"), ("ts", "mpegts"))
       for kind, coded in (
           ("without B", H264), ("with B", H264_B), ("open", H264_OPEN),
           ("intra refresh", H264_REFRESH), ("fields", H264_FIELDS), ("uneven", H264_VFR),
           ("holes", H264_HOLES))},
    **{f"h264 {kind}.{end}": plain(coded, container)
       for end, container in (("avi", "avi"), ("flv", "flv"), ("h264", "h264"), ("nut", "nut"),
                              ("mov", "mov"))
       for kind, coded in (("without B", H264), ("with B", H264_B), ("open", H264_OPEN))},
    "h264 holes.avi": plain(H264_HOLES, "avi"),
    "h264 every other tick.avi": plain(H264_TICKS, "avi"),
    **{f"hevc {kind}.{end}": plain(coded, container)
       for end, container in (("mp4", "mp4"), ("mkv", "matroska"), ("ts", "mpegts"),
                              ("hevc", "hevc"))
       for kind, coded in (("without B", HEVC_NO_B), ("default", HEVC))},
    "hevc uneven.mkv": plain(HEVC_VFR, "matroska"),
    **{f"mpeg4 {kind}.{end}": plain(coded, container)
       for end, container in (("avi", "avi"), ("mp4", "mp4"), ("mkv", "matroska"), ("m4v", "m4v"),
                              ("ts", "mpegts"), ("nut", "nut"))
       for kind, coded in (("without B", MPEG4), ("with B", MPEG4_B))},
    "mpeg4 packed.avi": changed(MPEG4_ONE_B, "mp4", "avi", packed),
    "mpeg4 packed.mkv": changed(MPEG4_ONE_B, "mp4", "matroska", packed),
    **{f"{codec} {kind}.{end}": plain(coded, container)
       for end, container in (("mpg", "mpeg"), ("ts", "mpegts"), ("mkv", "matroska"),
                              ("m2v", "mpeg2video"), ("vob", "vob"))
       for codec, kind, coded in (
           ("mpeg2", "without B", MPEG2), ("mpeg2", "with B", MPEG2_B),
           ("mpeg2", "fields", MPEG2_FIELDS))},
    "mpeg1 with B.mpg": plain(MPEG1_B, "mpeg"),
    "mpeg2 with B.avi": plain(MPEG2_B, "avi"),
    "mpeg2 with B.mxf": plain(MPEG2_B, "mxf"),
    **{f"vp8.{end}": plain(VP8, end) for end in ("webm", "avi", "ivf", "ogg")},
    **{f"vp8 hidden {kind}.webm": changed(VP8, "webm", "webm", partial(with_hidden, later=later))
       for kind, later in (("at the same time", 99), ("at its own time", 1))},
    "vp8 alt-ref.webm": partial(_beside, name="alt_ref.webm"),
    "theora.ogv": partial(_beside, name="theora.ogv"),
    "vp8 hidden.avi": changed(VP8, "webm", "avi", numbered),
    "vp9.webm": plain(VP9, "webm"),
    **{f"vp9 alt-ref.{end}": plain(VP9_ALT, end) for end in ("webm", "mp4", "ivf")},
    **{f"av1.{end}": plain(AV1, container)
       for end, container in (("mp4", "mp4"), ("mkv", "matroska"), ("ivf", "ivf"))},
    **{f"mjpeg.{end}": plain(MJPEG, container)
       for end, container in (("avi", "avi"), ("mov", "mov"), ("mkv", "matroska"),
                              ("mjpeg", "mjpeg"))},
    "ffv1.mkv": plain(FFV1, "matroska"),
    "ffv1 groups.avi": plain(FFV1_GOP, "avi"),
    "prores.mov": plain(PRORES, "mov"),
    "flv1.flv": plain(FLV1, "flv"),
    "wmv2.wmv": plain(WMV2, "asf"),
    "msmpeg4.avi": plain(MSMPEG4, "avi"),
    "huffyuv.avi": plain(HUFFYUV, "avi"),
    "raw.avi": plain(RAW, "avi"),
    "png.mov": plain(PNG, "mov"),
    **{f"{rate} a second.gif": plain(gif(rate), "gif") for rate in (10, 15, 30, 60)},
    **{f"{codec} {kind}.{end}": changed(coded, between, container, change)
       for end, between, container in (("mkv", "matroska", "matroska"), ("ts", "mpegts", "mpegts"),
                                       ("mp4", "mp4", "mp4"))
       for codec, coded in (("hevc", HEVC), ("h264 open", H264_OPEN))
       for kind, change in (
           ("cut at a key", partial(cut, key=1)),
           ("cut behind a key", partial(cut, key=0, after=2)))
       # parameters stand in a transport stream's key packets only: nothing can begin behind one
       if not (end == "ts" and change.keywords.get("after"))},
    **{f"{codec} parts.{end}": changed(coded, container, container, parts)
       for end, container in (("mkv", "matroska"), ("mp4", "mp4"))
       for codec, coded in (("hevc", HEVC), ("h264 open", H264_OPEN), ("h264", H264_B))},
    **{f"h264 every other tick, as stored.{end}": changed(H264_TICKS, "avi", container, as_stored)
       for end, container in (("mkv", "matroska"), ("mp4", "mp4"), ("flv", "flv"))},
    "mpeg2 cut at a key.ts": changed(MPEG2_B, "mpegts", "mpegts", partial(cut, key=1)),
    "mpeg4 cut at a key.avi": changed(MPEG4_B, "avi", "avi", partial(cut, key=1)),
    "h264 repeated times.mkv": changed(H264, "matroska", "matroska", again),
    **{f"h264 jump of {seconds:g} s.{end}": changed(
           H264_B, between, container, partial(joined, seconds=seconds))
       for end, between, container in (("ts", "mpegts", "mpegts"), ("mkv", "matroska", "matroska"),
                                       ("mp4", "mp4", "mp4"))
       for seconds in (3600.0, 5.0)},
    **{f"h264 edit list, {kind}.mp4": changed(
           coded, "mp4", "mp4", partial(early, seconds=0.5), options=_NEGATIVE)
       for kind, coded in (("with B", H264_B), ("without B", H264), ("open", H264_OPEN))},
    **{f"{codec} twice.{end}": partial(set_back, coded=coded, container=container)
       for end, container in (("ts", "mpegts"), ("mpg", "mpeg"))
       for codec, coded in (("mpeg2 with B", _half(MPEG2_B)), ("h264 with B", _half(H264_B)))},
    "mpeg4 twice.m4v": partial(set_back, coded=_half(MPEG4_B), container="m4v"),
    "h264 twice.h264": partial(set_back, coded=_half(H264_B), container="h264"),
    "hevc twice.hevc": partial(set_back, coded=_half(HEVC), container="hevc"),
    "one frame.mp4": plain(Coded("libx264", count=1), "mp4"),
    "one frame.avi": plain(Coded("mpeg4", count=1), "avi"),
    "one frame.gif": plain(Coded("gif", pixels="rgb8", count=1), "gif"),
}  # fmt: skip
"""Name with suffix -> what writes it to a path."""


def make(name: str, folder: Path) -> Path:
    """Writes one of them into a folder; returns its path."""
    return VIDEOS[name](folder / name)


def every(folder: Path, names: Sequence[str] = tuple(VIDEOS)) -> dict[str, Path]:
    """Writes all of them."""
    return {name: make(name, folder) for name in names}
