"""Features brought to another size so that their mean over time and over pixels stays exactly.

Shape letters: B clips, C channels, T frames, H W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def spread(x: Tensor, sizes: Sequence[int], first: int = 2) -> Tensor:
    """Returns features whose axes from ``first`` on have other sizes; means over them stay.

    Along each axis, a place of the result is the mean of the places it covers, each by the share
    that is covered; so one place becomes several equal ones, or several become their mean.
    (Linear interpolation keeps no mean where sizes are no multiples.)

    Args:
        x: any, such as ``(B, C, T, H, W)``.
        sizes: of the axes from ``first`` on; axes behind them stay.
        first: the first of these axes.

    >>> spread(torch.tensor([[[0.0, 6.0]]]), [4]).tolist()
    [[[0.0, 0.0, 6.0, 6.0]]]
    >>> spread(torch.tensor([[[0.0, 6.0]]]), [3]).tolist()
    [[[0.0, 3.0, 6.0]]]
    """
    for axis, size in enumerate(sizes, first):
        x = _along(x, axis, size)
    return x


def _along(x: Tensor, axis: int, size: int) -> Tensor:
    before = x.shape[axis]
    if before == size:
        return x
    if size % before == 0:
        return x.repeat_interleave(size // before, dim=axis)
    if before % size == 0:
        return x.unflatten(axis, (size, before // size)).mean(axis + 1)
    moved = x.movedim(axis, -1)
    with torch.autocast(x.device.type if x.device.type != "meta" else "cpu", enabled=False):
        found = moved @ _shares(before, size, x)
    return found.movedim(-1, axis)


def _shares(before: int, size: int, like: Tensor) -> Tensor:
    """``(before, size)``: how much of each place of the result is of each one before."""
    old = torch.arange(before, device=like.device).unsqueeze(1) * size
    new = torch.arange(size, device=like.device).unsqueeze(0) * before
    covered = torch.minimum(old + size, new + before) - torch.maximum(old, new)
    return (covered.clamp(min=0).double() / before).to(like.dtype)
