"""Features with another number of frames: the largest or the mean of windows of frames."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from connsearch.nn.layers import adaptive_windows, same_padding, widest


def pool_frames_to(x_BCTHW: Tensor, frames: int) -> Tensor:
    """Returns the clip max-pooled to so many frames, by the rule of ``nn.layers.pool_to``.

    An export settles both numbers.

    Args:
        x_BCTHW: of at least so many frames.
        frames: of the result.
    """
    before = x_BCTHW.shape[2]
    if torch.compiler.is_exporting():
        before, frames = int(before), int(frames)
    if before == frames:
        return x_BCTHW
    ratio = (before + 1) // frames
    if -(-before // ratio) == frames:
        first, _ = same_padding(before, ratio, ratio)
        window = (ratio, 1, 1)
        return F.max_pool3d(x_BCTHW, window, window, (first, 0, 0), ceil_mode=True)
    if torch.compiler.is_exporting():  # ONNX has no adaptive pooling
        return widest(x_BCTHW, 2, frames)
    return F.adaptive_max_pool3d(x_BCTHW, (frames, *x_BCTHW.shape[3:]))


def mean_frames_to(x_BTC: Tensor, frames: int) -> Tensor:
    """Returns means of frames ``(B, frames, C)``: of adaptive windows, which also repeat frames.

    An export settles both numbers.
    """
    before = x_BTC.shape[1]
    if torch.compiler.is_exporting():
        before, frames = int(before), int(frames)
    if before == frames:
        return x_BTC
    if torch.compiler.is_exporting():  # ONNX has no adaptive pooling
        return _averages(before, frames).to(x_BTC) @ x_BTC
    return F.adaptive_avg_pool1d(x_BTC.transpose(1, 2), frames).transpose(1, 2)


def _averages(length: int, frames: int) -> Tensor:
    """The matrix ``(frames, length)`` that averages over the windows of adaptive pooling."""
    rows = [
        [1 / (end - start) if start <= at < end else 0.0 for at in range(length)]
        for start, end in adaptive_windows(length, frames)
    ]
    return torch.tensor(rows)
