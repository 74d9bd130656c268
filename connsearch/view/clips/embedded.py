"""Pictures of pixels inside of a page: small enough to stay there."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from connsearch.errors import RunError

MOST_PIXELS = 40_000_000
"""A larger picture is not one of ours, and is not decoded."""
MOST_BYTES = 400_000
"""Of one picture in a page; it is made smaller until it has no more."""
_QUALITIES = (82, 65, 45)


@dataclass(frozen=True, slots=True)
class Embedded:
    """A picture as part of a page: its address, and its width and height in pixels."""

    source: str
    width: int
    height: int


def embedded(path: Path) -> Embedded:
    """Returns the picture in a file as a ``data:`` address of at most :data:`MOST_BYTES`.

    Raises:
        RunError: it cannot be read, or is far too large.
    """
    try:
        with Image.open(path) as file:
            if file.width * file.height > MOST_PIXELS:
                raise RunError(
                    f"{path}: {file.width}x{file.height} pixels, more than a page can show\n"
                    "  cure: rerun the command that drew it, with fewer --clips"
                )
            picture = file.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise RunError(
            f"{path}: cannot be read as a picture: {error}\n  cure: rerun the command that drew it"
        ) from None
    size = picture.size
    while True:
        for quality in _QUALITIES:
            buffer = io.BytesIO()
            picture.save(buffer, format="jpeg", quality=quality, optimize=True)
            if buffer.tell() <= MOST_BYTES:
                text = base64.b64encode(buffer.getvalue()).decode()
                return Embedded(f"data:image/jpeg;base64,{text}", *size)
        smaller = max(picture.width * 3 // 4, 1), max(picture.height * 3 // 4, 1)
        picture = picture.resize(smaller, Image.Resampling.BOX)
