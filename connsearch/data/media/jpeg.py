"""JPEG and PNG pictures to frames and back: the only door to simplejpeg.

Shape letters: T frames, H W pixels. Frames are RGB, ``uint8``. A tag inside a picture that says
which way is up (EXIF) is not read: frames are stored upright.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import simplejpeg
from PIL import Image, UnidentifiedImageError

from connsearch.data.bounds import AT_ONCE, PICTURE_FAULTS, png_header, refuse_large
from connsearch.data.media.decode import Frames
from connsearch.data.records import VideoInfo
from connsearch.errors import DataError

_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
_KINDS = frozenset(("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK"))
"""PIL's names for pixels that become RGB; transparency is dropped."""

_Named = Callable[[int], str]


def picture_size(data: bytes, name: str) -> tuple[int, int]:
    """Returns (H, W) of a JPEG or PNG, from its header.

    Raises:
        DataError: neither, or a damaged header.
    """
    header = png_header(data)
    read = _jpeg_header(data) if header is None else header[:2]
    if read is not None:
        refuse_large(name, read[:2])  # before anything is made of that size
    fast = _fast_size(data)
    if fast is not None:
        return fast
    with _opened(data, name) as picture:
        refuse_large(name, (picture.height, picture.width))
        return picture.height, picture.width


def read_numbered(
    pictures: Iterable[tuple[int, bytes]],
    numbers: Sequence[int],
    named: _Named,
    *,
    info: VideoInfo,
    size: tuple[int, int] | None,
) -> Frames:
    """Returns the frames of those numbers, ``uint8`` (T, H, W, 3).

    Args:
        pictures: number and content of every picture that is wanted, once, in any order; never
            more than some of them are held at a time.
        numbers: in any order, repeats allowed, at least one.
        named: number -> what to call the picture in a message.
        info: of the video.
        size: (H, W) to scale to; None: as stored.

    Raises:
        DataError: a picture is damaged or of another size, or what the pictures come from.
    """
    order: list[int] = []
    parts: list[Frames] = []
    for part in _parts(pictures):
        there = [number for number, _ in part]
        parts.append(
            decode_pictures(
                [data for _, data in part],
                lambda n, there=there: named(there[n]),
                stored=(info.height, info.width),
                size=size,
            )
        )
        order += there
    frames_THWC = parts[0] if len(parts) == 1 else np.concatenate(parts)
    if order == list(numbers):
        return frames_THWC
    places = {number: n for n, number in enumerate(order)}
    return frames_THWC[np.array([places[number] for number in numbers])]


def _parts(pictures: Iterable[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    """Yields the pictures, as many together as may be held at once."""
    part: list[tuple[int, bytes]] = []
    held = 0
    for number, data in pictures:
        if part and held + len(data) > AT_ONCE:
            yield part
            part, held = [], 0
        part.append((number, data))
        held += len(data)
    yield part


def decode_pictures(
    pictures: Sequence[bytes],
    named: _Named,
    *,
    stored: tuple[int, int],
    size: tuple[int, int] | None = None,
) -> Frames:
    """Returns the pictures, ``uint8`` (T, H, W, 3).

    A JPEG is decoded at a half, a quarter or an eighth of its size where that is still no smaller
    than asked for (the decoder is fast at these), and then scaled as :func:`scale_frames` does.

    Args:
        pictures: the bytes of JPEG or PNG files, at least one.
        named: number in that list -> what to call the picture in a message.
        stored: (H, W) of every picture.
        size: (H, W) to scale to; None: as stored.

    Raises:
        DataError: a picture is neither, damaged, of another size, or not of 8 bits a colour.
    """
    sizes = [_fast_size(data) for data in pictures]
    kinds: dict[bool, list[int]] = {}
    for n, read in enumerate(sizes):
        kinds.setdefault(read is not None, []).append(n)
        if read is not None:
            _check_size(named(n), read, stored)
    groups = [
        (_jpegs if fast else _others)([pictures[n] for n in places], places, named, stored, size)
        for fast, places in kinds.items()
    ]
    if len(groups) == 1:
        return groups[0]
    frames_THWC = np.empty((len(pictures), *groups[0].shape[1:]), np.uint8)
    for places, group in zip(kinds.values(), groups, strict=True):
        frames_THWC[places] = group
    return frames_THWC


def _jpegs(
    pictures: Sequence[bytes],
    places: Sequence[int],
    named: _Named,
    stored: tuple[int, int],
    size: tuple[int, int] | None,
) -> Frames:
    part = 1
    while size is not None and part < 8 and _fits(stored, 2 * part, size):
        part *= 2
    height, width = (-(-side // part) for side in stored)
    most = max(1, AT_ONCE // (height * width * 3))
    done: list[Frames] = []
    for first in range(0, len(pictures), most):
        some = pictures[first : first + most]
        # one buffer for them: fresh memory for every picture would cost more than decoding it
        frames_THWC = np.empty((len(some), height, width, 3), np.uint8)
        for n, data in enumerate(some):
            try:
                into = frames_THWC[n]
                simplejpeg.decode_jpeg(data, min_height=height, min_width=width, buffer=into)
            except (ValueError, RuntimeError, MemoryError) as error:
                raise _damaged(named(places[first + n]), data, str(error)) from None
        done.append(scale_frames(frames_THWC, size or stored))
    return done[0] if len(done) == 1 else np.concatenate(done)


def _fits(stored: tuple[int, int], part: int, size: tuple[int, int]) -> bool:
    """Returns whether that part of the stored size is no smaller than the size asked for."""
    return all(-(-whole // part) >= side for whole, side in zip(stored, size, strict=True))


def _others(
    pictures: Sequence[bytes],
    places: Sequence[int],
    named: _Named,
    stored: tuple[int, int],
    size: tuple[int, int] | None,
) -> Frames:
    """Returns PNG, and JPEG in print colours or of a rare kind: slower, one by one."""
    return np.concatenate(
        [
            scale_frames(_by_pil(data, named(place), stored)[None], size or stored)
            for data, place in zip(pictures, places, strict=True)
        ]
    )


def scale_frames(frames: Frames, size: tuple[int, int]) -> Frames:
    """Returns frames (T, H, W, 3) at that (H, W): bilinear, smoothed where that shrinks them."""
    if frames.shape[1:3] == size:
        return frames
    import torch  # here, so that processes that only write stores need not load it
    from torch.nn import functional as F

    frames_TCHW = torch.from_numpy(frames).permute(0, 3, 1, 2)
    scaled_TCHW = F.interpolate(frames_TCHW, size, mode="bilinear", antialias=True)
    return np.ascontiguousarray(scaled_TCHW.permute(0, 2, 3, 1).numpy())


def encode_jpeg(frame: Frames, *, quality: int) -> bytes:
    """Returns the bytes of a JPEG file (4:2:0) of one RGB frame (H, W, 3)."""
    return simplejpeg.encode_jpeg(
        np.ascontiguousarray(frame), quality=quality, colorsubsampling="420"
    )


def _fast_size(data: bytes) -> tuple[int, int] | None:
    """Returns (H, W) of a JPEG that simplejpeg turns into RGB; None: ask PIL."""
    header = _jpeg_header(data)
    return None if header is None or header[2] in ("CMYK", "YCCK") else header[:2]


def _jpeg_header(data: bytes) -> tuple[int, int, str] | None:
    """Returns (H, W, colours) of a JPEG; None: its header cannot be read, or it is none."""
    if not data.startswith(_JPEG):
        return None
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
    except (ValueError, RuntimeError, MemoryError):
        return None
    return int(height), int(width), str(colours)


def _by_pil(data: bytes, name: str, stored: tuple[int, int]) -> Frames:
    with _opened(data, name) as picture:
        _check_size(name, (picture.height, picture.width), stored)
        if picture.mode not in _KINDS:
            raise DataError(
                f"{name}: pixels of kind {picture.mode}; allowed: grey or colour of 8 bits; cure: "
                "convert the picture"
            )
        try:
            return np.array(picture.convert("RGB"))
        except PICTURE_FAULTS as error:
            raise _damaged(name, data, str(error)) from None


def _opened(data: bytes, name: str) -> Image.Image:
    if not data.startswith((_JPEG, _PNG)):
        raise _damaged(name, data, "neither JPEG nor PNG")
    try:
        return Image.open(io.BytesIO(data), formats=("JPEG", "PNG"))
    except UnidentifiedImageError:
        raise _damaged(name, data, "its header is damaged") from None
    except PICTURE_FAULTS as error:
        raise _damaged(name, data, str(error)) from None


def _check_size(name: str, read: tuple[int, int], stored: tuple[int, int]) -> None:
    if read != stored:
        raise DataError(
            f"{name}: {read[0]}x{read[1]} pixels (height x width), the first frame has "
            f"{stored[0]}x{stored[1]}; cure: frames of one clip must be of one size, extract them "
            "again"
        )


def _damaged(name: str, data: bytes, reason: str) -> DataError:
    return DataError(
        f"{name}: not readable as a picture ({reason}); read: {len(data)} bytes; cure: extract or "
        "pack the video again, or remove it from the list"
    )
