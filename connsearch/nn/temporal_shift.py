"""A shift of channels between neighbouring frames, for networks of images (TSM, arXiv 1811.08383).

Shape letters: B clips, T frames, N = B T images, C channels, H W pixels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SHARE = 8
"""One channel of so many comes from the next frame, and one from the frame before."""


def temporal_shift(x_NCHW: Tensor, frames: int) -> Tensor:
    """Returns images whose first C // 8 channels are the next frame's, the second the last one's.

    Beyond the ends of a clip there are zeros; all other channels stay.

    Args:
        x_NCHW: the frames of clips, those of the first clip first.
        frames: T of a clip.

    >>> temporal_shift(torch.arange(1.0, 4).view(3, 1, 1, 1).expand(3, 8, 1, 1), 3)[:, :3, 0, 0]
    tensor([[2., 0., 1.],
            [3., 1., 2.],
            [0., 2., 3.]])
    """
    x_BTCHW = x_NCHW.unflatten(0, (-1, frames))
    part = x_BTCHW.shape[2] // SHARE
    pixels = (0, 0, 0, 0, 0, 0)
    shifted = [
        F.pad(x_BTCHW[:, 1:, :part], (*pixels, 0, 1)),
        F.pad(x_BTCHW[:, :-1, part : 2 * part], (*pixels, 1, 0)),
        x_BTCHW[:, :, 2 * part :],
    ]
    return torch.cat(shifted, 2).flatten(0, 1)


class TemporalShift(nn.Module):
    """The shift as a layer.

    Attributes:
        frames: T of the clips that come next; ``nn.images.note_frames`` tells it.
    """

    frames: int = 1

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Maps ``(N, C, H, W)`` to the same shape; see :func:`temporal_shift`."""
        return temporal_shift(x_NCHW, self.frames)


def shift_or_not(shifts: bool) -> nn.Module:
    """Returns the layer, or one that changes nothing."""
    return TemporalShift() if shifts else nn.Identity()
