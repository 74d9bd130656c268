"""PNG pictures whose values are class numbers, read as they are stored."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from connsearch.data.bounds import PICTURE_FAULTS, file_bytes, png_header, refuse_large
from connsearch.data.media.arrays import ArrayPart
from connsearch.data.media.numbered import numbered
from connsearch.errors import DataError

SUFFIXES = (".png",)
_GREY, _PALETTE = 0, 3
_MODES = {
    (_GREY, 1): "1",
    (_GREY, 2): "L",
    (_GREY, 4): "L",
    (_GREY, 8): "L",
    (_GREY, 16): "I;16",
    **{(_PALETTE, bits): "P" for bits in (1, 2, 4, 8)},
}
"""PIL's name for pixels of one channel, by kind of colour and bits."""
_STRETCHED = {(_GREY, 2): 85, (_GREY, 4): 17}
"""PIL stretches grey of few bits to 0 to 255: by this."""

_CURE = "cure: write the maps again, or remove the clip from the list"


class FolderOfMaps:
    """PNG label maps of a folder as one array (T, H, W), in the order of their numbers.

    Attributes:
        shape: one map per picture, each of the size of the first.
        dtype: wide enough for 16 bits.

    Raises:
        DataError: no such folder, no PNG in it, a number that is missing or repeated, or a
            first picture that is not a label map.
    """

    def __init__(self, path: Path) -> None:
        self._files = [
            path / name for name in numbered(path, SUFFIXES, what="object map", cure=_CURE).names
        ]
        height, width = _size(self._files[0], file_bytes(self._files[0]))
        self.shape: tuple[int, ...] = (len(self._files), height, width)
        self.dtype: np.dtype[Any] = np.dtype(np.uint16)

    def blocks(self) -> Iterator[ArrayPart]:
        """Yields one map after the other, each of the size of the first."""
        for number, file in enumerate(self._files):
            data = file_bytes(file)
            size = _size(file, data)
            if size != self.shape[1:]:
                raise DataError(
                    f"{file}: {size[0]}x{size[1]} pixels (height x width); expected "
                    f"{self.shape[1]}x{self.shape[2]} like the first; {_CURE}"
                )
            yield ArrayPart(number, 0, read_labels(data, str(file))[None])


def _size(file: Path, data: bytes) -> tuple[int, int]:
    """Returns (H, W) of a label map, from its header."""
    header = png_header(data)
    if header is None:
        raise DataError(
            f"{file}: not readable as PNG; read: {len(data)} bytes, begins {data[:8]!r}; {_CURE}"
        )
    height, width, bits, colour = header
    refuse_large(str(file), (height, width))
    if (colour, bits) not in _MODES:
        raise DataError(
            f"{file}: PNG of colour type {colour} with {bits} bits; expected one channel of class "
            f"numbers (grey, or a palette); {_CURE}"
        )
    return height, width


def read_labels(data: bytes, name: str) -> npt.NDArray[Any]:
    """Returns the numbers stored in a PNG of one channel, (H, W): palette indices, not colours.

    Args:
        data: bytes of the file.
        name: of the picture, for messages.

    Raises:
        DataError: not a PNG of one channel, too large, or damaged.
    """
    _size(Path(name), data)
    header = png_header(data)
    assert header is not None, "its size was read"
    height, width, bits, colour = header
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as picture:
            if (picture.mode, picture.size) != (_MODES[colour, bits], (width, height)):
                raise ValueError(f"two headers: {picture.mode} of {picture.size}")
            values = np.asarray(picture)
    except PICTURE_FAULTS as error:
        raise DataError(f"{name}: not readable as PNG ({error}); {_CURE}") from error
    if values.dtype == np.bool_:
        return values.astype(np.uint8)
    return values // _STRETCHED.get((colour, bits), 1)
