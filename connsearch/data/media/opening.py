"""Video files opened, and taken apart into packets and frames. One of the three doors to PyAV."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from av.codec.context import Flags
from av.container import InputContainer
from av.container import open as open_container
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from connsearch.errors import DataError


@contextmanager
def opened(path: Path) -> Generator[tuple[InputContainer, VideoStream]]:
    """Opens the video stream of a file; every error becomes a :class:`DataError`.

    A cover picture is not a video: the first stream that is not one is used.
    """
    try:
        # "file:" keeps a name with a colon from being read as a protocol, and the white list
        # keeps a playlist in disguise from reaching out to other places.
        with open_container(
            f"file:{os.path.abspath(path)}",
            options={"protocol_whitelist": "file"},
            metadata_errors="ignore",
        ) as container:
            stream = _chosen(path, container)
            stream.thread_type = "NONE"
            # AV1's decoder starts threads of its own, and closing one that was not read to its end
            # could wait for them for good; it seems that they wait for Python in turn
            stream.codec_context.thread_count = 1
            yield container, stream
    except (FFmpegError, OSError) as error:
        reason = error.strerror or type(error).__name__
        size = f"{path.stat().st_size} bytes" if path.is_file() else "no such file"
        cure = "re-encode the file, fetch it again, or remove it from the list"
        if _is_pointer(path):
            size, cure = "a Git LFS pointer, not the file itself", "git lfs pull"
        raise DataError(
            f"{path}: not readable as video ({reason}); read: {size}; cure: {cure}"
        ) from error


def _chosen(path: Path, container: InputContainer) -> VideoStream:
    """Returns the first video stream that is not a cover picture and can be decoded."""
    pictures = Disposition.attached_pic | Disposition.timed_thumbnails
    found = [s for s in container.streams.video if not s.disposition & pictures]
    known = [s for s in found if cast("object | None", s.codec_context) is not None]
    if known:
        return known[0]
    kinds = {s.type for s in container.streams if s.type != "video"}
    if found:
        kinds.add("a video stream with a codec that FFmpeg does not know")
    elif container.streams.video:
        kinds.add("a cover picture")
    raise DataError(
        f"{path}: no video stream; read: {', '.join(sorted(kinds)) or 'nothing'}; "
        "cure: remove the file from the list, or replace it with a video"
    )


def _is_pointer(path: Path) -> bool:
    """Returns whether the file is only a pointer of Git LFS."""
    if not path.is_file() or path.stat().st_size > 1024:
        return False
    return path.read_bytes().startswith(b"version https://git-lfs")


def shown(packet: Packet[VideoStream], codec: str) -> bool:
    """Returns whether a packet holds a frame that is to be shown."""
    if packet.size == 0 or packet.is_discard:
        return False
    # VP8 keeps frames that are only referred to in packets of their own; a bit says so
    return codec != "vp8" or bool(bytes(packet)[0] & 0x10)


def demuxed(
    container: InputContainer, stream: VideoStream
) -> Generator[tuple[int, Packet[VideoStream]]]:
    """Yields (place, packet) of a stream, last the empty one that ends it.

    A frame's ``opaque`` is the place of its packet. Packets without content are left out: Theora
    has them for repeated pictures, and decoders treat them as errors.
    """
    stream.codec_context.flags |= Flags.copy_opaque
    for place, packet in enumerate(container.demux(stream)):
        packet.opaque = place
        if packet.size or packet.dts is None:
            yield place, packet


def decoded(container: InputContainer, stream: VideoStream) -> Generator[VideoFrame]:
    """Yields the frames of a stream from where the container stands."""
    for _, packet in demuxed(container, stream):
        yield from packet.decode()
