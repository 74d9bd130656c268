"""The cupboard of augmentations: changes to whole clips, one draw for all frames.

Shape letters: T frames, C colours, H W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from torch import Tensor

from connsearch.data.options import DataOptions
from connsearch.registry import Registry


class Change(Protocol):
    """What was drawn for one clip. Either the colours change, or the geometry, or both."""

    def rgb(self, rgb_TCHW: Tensor) -> Tensor:
        """Returns the changed frames, float32 in 0 to 255, of the same shape."""
        ...

    def maps(self, maps_THW: Tensor) -> Tensor:
        """Returns the object maps, ``uint8``, moved as the frames are; unmoved if they are not."""
        ...


Augmentation = Callable[[np.random.Generator], Change]
"""Draws the parameters of one clip; always the same number of draws."""

AUGMENTATIONS: Registry[Augmentation] = Registry("augmentation", __name__)


def draw_changes(options: DataOptions, rng: np.random.Generator) -> tuple[Change, ...]:
    """Returns what is done to one clip, in the order the options name."""
    return ()


def change_rgb(changes: Sequence[Change], rgb_TCHW: Tensor) -> Tensor:
    """Returns frames, float32 in 0 to 255, after all changes."""
    for change in changes:
        rgb_TCHW = change.rgb(rgb_TCHW)
    return rgb_TCHW.clamp_(0.0, 255.0) if changes else rgb_TCHW
