"""JPEG and PNG pictures to frames and back: the only door to simplejpeg.

Shape letters: T frames, H W pixels. Frames are RGB, ``uint8``. A tag inside a picture that says
which way is up (EXIF) is not read: frames are stored upright.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import numpy as np
import simplejpeg
from PIL import Image, UnidentifiedImageError

from connsearch.data.decode import Frames
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
    fast = _fast_size(data)
    if fast is not None:
        return fast
    with _opened(data, name) as picture:
        return picture.height, picture.width


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
    # one buffer for all: fresh memory for every picture would cost more than decoding it
    frames_THWC = np.empty((len(pictures), height, width, 3), np.uint8)
    for n, data in enumerate(pictures):
        try:
            into = frames_THWC[n]
            simplejpeg.decode_jpeg(data, min_height=height, min_width=width, buffer=into)
        except ValueError as error:
            raise _damaged(named(places[n]), data, str(error)) from None
    return scale_frames(frames_THWC, size or stored)


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
    if not data.startswith(_JPEG):
        return None
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError:
        return None
    return None if colours in ("CMYK", "YCCK") else (int(height), int(width))


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
        except (OSError, SyntaxError, ValueError) as error:
            raise _damaged(name, data, str(error)) from None


def _opened(data: bytes, name: str) -> Image.Image:
    if not data.startswith((_JPEG, _PNG)):
        raise _damaged(name, data, "neither JPEG nor PNG")
    try:
        return Image.open(io.BytesIO(data), formats=("JPEG", "PNG"))
    except UnidentifiedImageError:
        raise _damaged(name, data, "its header is damaged") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
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
        "pack the video again, or take it off the list"
    )
