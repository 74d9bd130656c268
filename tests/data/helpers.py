"""What the data tests share: small pictures with a known content, and short options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from connsearch.data.clips.sampling import clip_ticks
from connsearch.data.loading.batches import Batch
from connsearch.data.media.decode import Frames, read_frames
from connsearch.data.media.survey import probe
from connsearch.data.options import DataOptions, Short

CLASSES = ("fall", "sit", "walk")
GROUPS = tuple(f"person-{letter}" for letter in "abcdef")
FRAMES, HEIGHT, WIDTH = 12, 24, 32

Bytes = npt.NDArray[np.uint8]


def moving_square(rng: np.random.Generator) -> tuple[Bytes, Bytes]:
    """Returns (frames, maps): a bright square that wanders, and the map that says where it is."""
    frames = rng.integers(30, 90, size=(1, HEIGHT, WIDTH, 3)).repeat(FRAMES, 0).astype(np.uint8)
    maps = np.zeros((FRAMES, HEIGHT, WIDTH), np.uint8)
    top, left = rng.integers(0, HEIGHT - 10), rng.integers(0, WIDTH - 10)
    for t in range(FRAMES):
        y, x = (top + t) % (HEIGHT - 8), (left + t) % (WIDTH - 8)
        frames[t, y : y + 8, x : x + 8] = 220
        maps[t, y : y + 8, x : x + 8] = 1 + t % 2
    return frames, maps


def options(source: str | Path, **changes: Any) -> DataOptions:
    """Returns options for small clips."""
    chosen = {"frames": 6, "size": 16, "short_side": 20, "batch_size": 4, **changes}
    return DataOptions.of(source=str(source), **chosen)


def same(first: list[Batch], second: list[Batch]) -> bool:
    """Returns whether two lists of batches are equal to the bit."""
    return len(first) == len(second) and all(
        torch.equal(a.labels, b.labels)
        and torch.equal(a.indices, b.indices)
        and a.streams.keys() == b.streams.keys()
        and all(torch.equal(a.streams[k], b.streams[k]) for k in a.streams)
        for a, b in zip(first, second, strict=True)
    )


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
    return read_frames(path, indices, size=size, info=info)
