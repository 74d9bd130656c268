"""A window that glides through a clip: as one window for all frames, but from place to place.

For local networks that see frames together, such as searched structures and 3D networks: their
layers over time, and flow, need a window that does not jump.

Shape letters: B clips, G frames that are glanced at, T frames that are looked at.
"""

from __future__ import annotations

import torch
from torch import Tensor

from connsearch.models.focus.by_clip import FocusByClip
from connsearch.nn.track import TrackPolicy, between


class FocusByTrack(FocusByClip):
    """Glances at frames of a clip, then looks at a window that moves evenly between their places.

    Every place depends on all glances. A random window goes from a place to another one.
    """

    random_places = 2

    def _new_policy(self) -> TrackPolicy:
        return TrackPolicy(
            self._glances.map_channels,
            self._map_size(),
            self.settings.policy_width,
            self._actions,
        )

    def _steps(self, places_BG2: Tensor, frames: int) -> Tensor:
        exact = torch.promote_types(places_BG2.dtype, torch.float32)
        return between(places_BG2.to(exact), frames)
