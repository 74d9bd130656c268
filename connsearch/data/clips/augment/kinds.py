"""The two kinds of change: of colour, where maps stay, and of place, where they move as well.

Shape letters: T frames, C colours, H W pixels.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor
from torch.nn import functional as F


class Recoloured(ABC):
    """A change of colour: object maps stay as they are."""

    @abstractmethod
    def rgb(self, rgb_TCHW: Tensor) -> Tensor:
        """Returns the changed frames, float32, of the same shape."""

    def maps(self, maps_THW: Tensor) -> Tensor:
        """Returns the object maps, unmoved."""
        return maps_THW


class Moved(ABC):
    """A change of place, given by where every pixel comes from.

    Beyond the border frames are black and maps have class 0.
    """

    @abstractmethod
    def origin(self, x_HW: Tensor, y_HW: Tensor) -> tuple[Tensor, Tensor]:
        """Returns where pixels come from: x and y, -1 and 1 at the outer edges of the frame.

        Args:
            x_HW: the pixels' own places, in the same units.
            y_HW: the same, downwards.
        """

    def rgb(self, rgb_TCHW: Tensor) -> Tensor:
        """Returns the moved frames, float32, of the same shape, interpolated linearly."""
        # All frames are channels of one picture, so the grid is evaluated once for all.
        return self._sample(rgb_TCHW.flatten(0, 1), "bilinear").unflatten(0, rgb_TCHW.shape[:2])

    def maps(self, maps_THW: Tensor) -> Tensor:
        """Returns the object maps moved by the same grid: each pixel takes the nearest class."""
        return self._sample(maps_THW.float(), "nearest").to(maps_THW.dtype)

    def _sample(self, x_CHW: Tensor, mode: str) -> Tensor:
        height, width = x_CHW.shape[1:]
        y_HW, x_HW = torch.meshgrid(_centres(height), _centres(width), indexing="ij")
        grid_HW2 = torch.stack(self.origin(x_HW, y_HW), -1).float()
        return F.grid_sample(
            x_CHW[None], grid_HW2[None], mode=mode, padding_mode="zeros", align_corners=False
        )[0]


def _centres(count: int) -> Tensor:
    """Returns the centres of so many pixels between -1 and 1."""
    return (torch.arange(count, dtype=torch.float64) * 2 + 1) / count - 1


def weighted_sum(x_TCHW: Tensor, taps: dict[tuple[int, int], float]) -> Tensor:
    """Returns the sum of shifted frames: tap (dy, dx) adds its weight times the pixel there.

    Borders are repeated outwards. For the few taps of a small blur this is several times as fast
    as a convolution of single channels.
    """
    reach = max(max(abs(dy), abs(dx)) for dy, dx in taps)
    height, width = x_TCHW.shape[2:]
    padded = F.pad(x_TCHW, (reach, reach, reach, reach), mode="replicate")
    out = torch.zeros_like(x_TCHW)
    for (dy, dx), weight in taps.items():
        rows = padded.narrow(2, reach + dy, height)
        out.add_(rows.narrow(3, reach + dx, width), alpha=weight)
    return out
