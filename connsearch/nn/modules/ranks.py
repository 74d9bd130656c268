"""Features of any number of axes as clips, the one layout the rest of ``nn`` knows, and back.

What has no time axis is a clip of one frame, what has no picture axes is a clip of one pixel.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.fx.experimental.symbolic_shapes import has_static_value

from connsearch.errors import DataError
from connsearch.nn.attention import frame_means
from connsearch.nn.frames import mean_frames_to
from connsearch.nn.layers import widest

LAYOUTS = {
    2: "(B, C) vectors",
    3: "(B, C, T) audio",
    4: "(B, C, H, W) images",
    5: "(B, C, T, H, W) video",
}
"""Number of axes -> how they are understood."""


def axes(rank: int) -> tuple[int, ...]:
    """Returns where the axes behind (B, C) of a tensor of this rank stand in a clip.

    >>> axes(2), axes(3), axes(4), axes(5)
    ((), (2,), (3, 4), (2, 3, 4))
    """
    return {2: (), 3: (2,), 4: (3, 4), 5: (2, 3, 4)}[rank]


def as_clip(x: Tensor) -> Tensor:
    """Returns features ``(B, C)``, ``(B, C, T)``, ``(B, C, H, W)`` or clips as ``(B, C, T, H, W)``.

    Nothing is copied.
    """
    present = axes(x.dim())
    for axis in (2, 3, 4):
        if axis not in present:
            x = x.unsqueeze(axis)
    return x


def as_rank(x_BCTHW: Tensor, rank: int) -> Tensor:
    """Returns a clip without the axes that features of this rank do not have; they are 1 there."""
    for axis in (4, 3, 2):
        if axis not in axes(rank):
            x_BCTHW = x_BCTHW.squeeze(axis)
    return x_BCTHW


def means_over(x: Tensor, frames: int) -> Tensor:
    """Returns the spatial means ``(B, T, C)`` of a peer for gates of ``frames`` frames.

    A peer with another number of frames is averaged to that number; one without a time axis has
    one mean, which serves every frame (T is 1 then).
    """
    means_BTC = frame_means(as_clip(x))
    if means_BTC.shape[1] in (1, frames):
        return means_BTC
    if torch.compiler.is_exporting():
        _require_settled(means_BTC.shape[1], frames)
    return mean_frames_to(means_BTC, frames)


def pool_frames(x_BCTHW: Tensor, frames: int) -> Tensor:
    """Returns the clip max-pooled to ``frames`` frames, the windows adaptive; the picture stays."""
    if x_BCTHW.shape[2] == frames:
        return x_BCTHW
    if torch.compiler.is_exporting():  # ONNX has no adaptive pooling
        _require_settled(x_BCTHW.shape[2], frames)
        return widest(x_BCTHW, 2, frames)
    return F.adaptive_max_pool3d(x_BCTHW, (frames, *x_BCTHW.shape[3:]))


def _require_settled(*lengths: int) -> None:
    """Refuses to write down windows of which nobody knows yet where they lie.

    Raises:
        DataError: a number of frames is open, with the cure.
    """
    if not all(has_static_value(length) for length in lengths):
        raise DataError(
            "an export whose number of frames is open, and streams of different numbers of frames: "
            "which frames are pooled together depends on both numbers\n"
            "  cure: settle the frames (leave only the batch dynamic), or give every stream and "
            "peer the same number of frames, or one"
        )


def check_features(what: str, x: Tensor, width: int, *, clips: int | None = None) -> None:
    """Refuses features of another layout, width, kind of number, or number of clips.

    Raises:
        DataError: with what was read and what is allowed.
    """
    shape = tuple(x.shape)
    if x.dim() not in LAYOUTS or not x.numel():
        layouts = ", ".join(LAYOUTS.values())
        raise DataError(
            f"{what}: got shape {shape}; it must be one of {layouts}, without axes of size 0"
        )
    if shape[1] != width:
        raise DataError(f"{what}: got shape {shape}, {shape[1]} channels; declared: {width}")
    if clips not in (None, shape[0]):
        raise DataError(f"{what}: got shape {shape}, {shape[0]} clips; the streams have {clips}")
    if not x.is_floating_point():
        raise DataError(f"{what}: got {x.dtype}; it must hold floating point numbers")
