"""Where to look: policies that map feature maps to places (AdaFocusV2, arXiv 2112.14238).

A place is (row, column), each from 0 to 1: of the way that the top left corner of a window can go.
It is computed in the precision of the weights, also under autocast: rounded to 16 bits it would be
tenths of a pixel off.

Shape letters: B clips, C channels, T frames, h w places of a feature map.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from connsearch.nn.precision import own_precision
from connsearch.nn.recurrent import scanned

ENCODED = 64
"""Channels into which a feature map is squeezed before its places are told apart."""


class RecurrentPolicy(nn.Module):
    """A place for every frame, from that frame and those looked at before it.

    Args:
        map_channels: C.
        map_size: (h, w).
        hidden: width of the vector of a frame and of the recurrent cell (published:
            ``hidden_state_dim``).
        actions: numbers it gives for a frame.
    """

    def __init__(
        self, map_channels: int, map_size: tuple[int, int], hidden: int, actions: int = 2
    ) -> None:
        super().__init__()
        height, width = map_size
        self.map_size = map_size
        self.squeeze = nn.Conv2d(map_channels, ENCODED, 1, bias=False)
        self.squeeze_norm = nn.BatchNorm2d(ENCODED)
        self.encode = nn.Linear(ENCODED * height * width, hidden)
        self.encode_norm = nn.BatchNorm1d(hidden)
        self.recurrence = nn.GRU(hidden, hidden, batch_first=True)
        self.act = nn.Linear(hidden, actions)

    def forward(self, maps_BTChw: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Maps feature maps to places ``(B, T, actions)``, and the state after the last frame.

        Args:
            maps_BTChw: of the frames in the order in which they are looked at.
            state: ``(1, B, hidden)``, as it was returned for the frames before; None: there are
                none.
        """
        clips, frames = maps_BTChw.shape[:2]
        x = self.squeeze_norm(self.squeeze(maps_BTChw.flatten(0, 1))).tanh()
        x = self.encode_norm(self.encode(x.flatten(1))).tanh()
        x_BTD = x.unflatten(0, (clips, frames))
        if state is None and torch.compiler.is_exporting():  # it settles the number of clips
            hidden_BTD = scanned(self.recurrence, x_BTD.transpose(0, 1)).transpose(0, 1)
            after = hidden_BTD[:, -1:].transpose(0, 1)
        else:
            hidden_BTD, after = self.recurrence(x_BTD, state)
        return placed(self.act, hidden_BTD), after


class ClipPolicy(nn.Module):
    """One place for all frames of a clip, from all its feature maps.

    Args:
        map_channels: C.
        map_size: (h, w).
        frames: T of the maps.
        hidden: width of the vector of a clip (published: 1024); a second layer has half of it.
        actions: numbers it gives for a clip.
    """

    def __init__(
        self,
        map_channels: int,
        map_size: tuple[int, int],
        frames: int,
        hidden: int,
        actions: int = 2,
    ) -> None:
        super().__init__()
        height, width = map_size
        self.map_size = map_size
        narrow = max(hidden // 2, 1)
        self.squeeze = nn.Conv2d(frames * map_channels, ENCODED, 1, bias=False)
        self.squeeze_norm = nn.BatchNorm2d(ENCODED)
        self.encode = nn.Linear(ENCODED * height * width, hidden)
        self.encode_norm = nn.BatchNorm1d(hidden)
        self.narrow = nn.Linear(hidden, narrow)
        self.narrow_norm = nn.BatchNorm1d(narrow)
        self.act = nn.Linear(narrow, actions)

    def forward(self, maps_BCThw: Tensor) -> Tensor:
        """Maps feature maps, in the order of time, to places ``(B, 1, actions)``."""
        stacked = maps_BCThw.transpose(1, 2).flatten(1, 2)
        x = self.squeeze_norm(self.squeeze(stacked)).tanh()
        x = self.encode_norm(self.encode(x.flatten(1))).tanh()
        x = self.narrow_norm(self.narrow(x)).tanh()
        return placed(self.act, x).unsqueeze(1)


def placed(act: nn.Linear, found: Tensor) -> Tensor:
    """Returns the places ``(..., actions)`` that a layer makes of vectors, in its own precision."""
    with own_precision(found.device.type):
        return act(found.to(act.weight.dtype)).sigmoid()
