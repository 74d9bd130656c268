"""A window that moves evenly through a clip: places at some frames, and between them.

A window track as in Uni-AdaFocus (arXiv 2412.11228): layers over time see a window that glides,
where a place chosen anew for every frame would shake what they see.

Shape letters: B clips, C channels, G frames with a place, T frames, h w places of a feature map.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import interpolate

from connsearch.nn.focus_policy import placed
from connsearch.nn.layers import conv, norm


def evenly_spread(frames: int, chosen: int) -> list[int]:
    """Returns so many of the frames of a clip, each from the middle of an equal part of it.

    >>> evenly_spread(16, 4), evenly_spread(3, 3)
    ([2, 6, 10, 14], [0, 1, 2])
    """
    return [(2 * number + 1) * frames // (2 * chosen) for number in range(chosen)]


def between(places_BGA: Tensor, frames: int) -> Tensor:
    """Returns a place for every frame: those of the middles of equal parts, and linear between.

    Before the first and behind the last it stays. In places from 0 to 1, all of it is within.

    Args:
        places_BGA: A numbers for each of G frames, which are evenly spread.
        frames: T.

    Returns:
        ``(B, T, A)``.
    """
    if places_BGA.shape[1] == frames:
        return places_BGA
    found = interpolate(places_BGA.transpose(1, 2), frames, mode="linear", align_corners=False)
    return found.transpose(1, 2)


class TrackPolicy(nn.Module):
    """A place for every frame, from all frames: it sees those behind a frame, too.

    Args:
        map_channels: C.
        map_size: (h, w).
        hidden: width (published for one like it: 128).
        actions: numbers it gives for a frame.
    """

    def __init__(
        self, map_channels: int, map_size: tuple[int, int], hidden: int, actions: int = 2
    ) -> None:
        super().__init__()
        height, width = map_size
        self.map_size = map_size
        self.layers = nn.Sequential(
            *_layer(map_channels, hidden, 1), *_layer(hidden, hidden, 3), *_layer(hidden, hidden, 3)
        )
        self.act = nn.Linear(hidden * height * width, actions)

    def forward(self, maps_BCGhw: Tensor) -> Tensor:
        """Maps feature maps, in the order of time, to places ``(B, G, actions)``."""
        found_BGN = self.layers(maps_BCGhw).transpose(1, 2).flatten(2)
        return placed(self.act, found_BGN)


def _layer(in_width: int, width: int, taps: int) -> tuple[nn.Module, nn.Module, nn.Module]:
    layer = conv(in_width, width, temporal=taps, spatial=taps)
    return layer, norm(width, momentum=0.1), nn.ReLU(inplace=True)
