"""Random places that follow from what a clip shows: the same clip always has the same ones.

So an evaluation of random windows does not hang on one draw for all of its clips, and neither on
batches, on the order of clips, nor on how often it is run.

Shape letters: B clips, S places.
"""

from __future__ import annotations

import torch
from torch import Tensor

STEP = 97
"""One of so many numbers of a clip decides."""
_BITS = 24
# Odd numbers of 64 bits, as in common generators; products wrap around.
_SPREAD, _NEXT, _MIX = 6364136223846793005, 1442695040888963407, 3935559000370003845


def places_by_clip(clips_B: Tensor, count: int, *, first: int = 0) -> Tensor:
    """Returns places (row, column), ``(B, count, 2)`` in float32, evenly spread over 0 to 1.

    Args:
        clips_B: ``(B, ...)`` in [-1, 1], as they come: in steps of 1 / 127.5.
        count: S.
        first: the number of the first of them.
    """
    some = clips_B.detach().flatten(1)[:, ::STEP]
    pixels = ((some.float() + 1) * 127.5).round().long()
    weights = torch.arange(1, pixels.shape[1] + 1, device=pixels.device) * _SPREAD + _NEXT
    keys_B = (pixels * weights).sum(1)
    numbers = torch.arange(2 * first, 2 * (first + count), device=pixels.device)
    mixed = (keys_B[:, None] + numbers * _NEXT) * _SPREAD
    for _ in range(2):
        mixed = (mixed ^ (mixed >> 29)) * _MIX
    found = (mixed >> (63 - _BITS)) & (2**_BITS - 1)
    return (found.float() / 2**_BITS).unflatten(1, (count, 2))
