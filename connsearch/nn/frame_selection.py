"""The half of a clip's frames that are most like their neighbours (arXiv 2011.03949).

Shape letters: B clips, C channels, T frames, H W pixels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

WIDEST = 2
"""Frames of a clip too short to leave any out: each has no neighbour on one side."""


def select_frames(x_BCTHW: Tensor) -> Tensor:
    """Returns floor(T / 2) frames of every clip, in their order; of two frames or one all.

    Kept are those inside the clip (the first and the last are never among them) with the greatest
    likeness to the frame before and the frame after; of equal ones the earliest. Each clip decides
    for itself. Gradient flows into the frames that are kept, and none through the choice.

    Args:
        x_BCTHW: features ``(B, C, T, H, W)``.
    """
    frames = x_BCTHW.shape[2]
    if frames <= WIDEST:  # published: an error
        return x_BCTHW
    kept_BT = most_alike(x_BCTHW.detach(), frames // 2)
    clips_B1 = torch.arange(x_BCTHW.shape[0], device=x_BCTHW.device)[:, None]
    # Channels last, a frame is one piece of memory: five times as fast as a gather.
    return x_BCTHW.permute(0, 2, 3, 4, 1)[clips_B1, kept_BT].permute(0, 4, 1, 2, 3)


def most_alike(x_BCTHW: Tensor, count: int) -> Tensor:
    """Returns the numbers ``(B, count)`` of the frames that are most like their neighbours, rising.

    The likeness of two frames is the square of the cosine between their means over H and W; that of
    a frame to its neighbours is the mean of two such numbers, in float32 at least.

    Args:
        x_BCTHW: features ``(B, C, T, H, W)``, of three frames or more.
        count: of frames, at most T - 2.
    """
    exact = torch.promote_types(x_BCTHW.dtype, torch.float32)
    u_BCT = x_BCTHW.mean((3, 4), dtype=exact)
    likeness = F.cosine_similarity(u_BCT[:, :, 1:], u_BCT[:, :, :-1], dim=1).square()
    both = (likeness[:, 1:] + likeness[:, :-1]) / 2
    return _greatest(both, count) + 1


def _greatest(score_BT: Tensor, count: int) -> Tensor:
    """The places ``(B, count)`` of the greatest numbers, rising; of equal ones the earliest.

    By comparing all with all: ONNX has no stable sort.
    """
    places = torch.arange(score_BT.shape[1], device=score_BT.device)
    other, own = score_BT[:, None, :], score_BT[:, :, None]
    ahead = (other > own) | ((other == own) & (places < places[:, None]))
    kept_BT = ahead.sum(2) < count
    turn_BT = kept_BT.cumsum(1)
    wanted = torch.arange(1, count + 1, device=score_BT.device)[:, None]
    return (kept_BT[:, None] & (turn_BT[:, None] == wanted)).int().argmax(2)
