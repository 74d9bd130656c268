"""Limits for untrusted files, and the errors of the libraries that read them."""

from __future__ import annotations

import lzma
import stat
import struct
import tokenize
import zipfile
import zlib
from pathlib import Path

from PIL import Image

from connsearch.errors import DataError

MOST_PIXELS = 2**26
"""Pixels of one picture: 67 million, twice an 8K frame."""
MOST_BYTES = 2**27
"""Bytes of the file of one picture: 128 MiB."""
AT_ONCE = 2**26
"""Bytes of pictures in memory at once, encoded or decoded, besides the requested ones."""
MOST_FRAMES = 2**22
"""Frames of one store: 46 hours at 25 a second."""

PICTURE_FAULTS = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
"""Errors of picture decoders on damaged bytes."""

ARRAY_FAULTS = (
    *PICTURE_FAULTS,
    Warning,
    lzma.LZMAError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
)
"""What numpy and zipfile raise on damaged bytes; a warning where warnings are errors."""

_PNG = b"\x89PNG\r\n\x1a\n"


def file_bytes(path: Path, *, most: int = MOST_BYTES) -> bytes:
    """Returns the content of a regular file of at most ``most`` bytes.

    Raises:
        DataError: it cannot be read, is larger, or not a regular file (a pipe would never end).
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise DataError(f"{path}: not a regular file; cure: put the file itself there")
        if found.st_size > most:
            raise DataError(
                f"{path}: {found.st_size} bytes; allowed: up to {most}; cure: extract it again, "
                "smaller"
            )
        with path.open("rb") as file:
            return file.read(most)
    except (OSError, ValueError) as error:  # a name with a zero byte is a ValueError
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(
            f"{path}: cannot be read ({reason}); cure: extract the frames or maps again, or "
            "remove the clip from the list"
        ) from error


def refuse_large(name: str, size: tuple[int, int], *, most: int = MOST_PIXELS) -> None:
    """Refuses a picture by the (H, W) in its header, before anything is decoded.

    Raises:
        DataError: it has more pixels than the most, or none.
    """
    height, width = size
    if not 0 < height * width <= most:
        raise DataError(
            f"{name}: its header says {height}x{width} pixels (height x width); allowed: 1 to "
            f"{most} pixels; cure: extract it again, smaller, or remove the clip from the list"
        )


def png_header(data: bytes) -> tuple[int, int, int, int] | None:
    """Returns (H, W, bits of a sample, kind of colour) of a PNG; None: it does not begin as one."""
    if len(data) < 33 or not data.startswith(_PNG) or data[8:16] != b"\0\0\0\rIHDR":
        return None
    width, height, bits, colour = struct.unpack(">IIBB", data[16:26])
    return height, width, bits, colour


def shortly(value: object, most: int = 60) -> str:
    """Returns how a value that was read looks in a message.

    >>> shortly("a" * 100, 10)
    "'aaaaaa..."
    """
    text = repr(value[: most * 2] if isinstance(value, str | bytes | list) else value)
    return text if len(text) <= most else text[: most - 3] + "..."
