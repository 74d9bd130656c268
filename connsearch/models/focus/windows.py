"""Windows of frames by the numbers of a policy, and how it learns by what was seen of them before.

A place has two numbers (row, column), or with the scales of height and width four (Uni-AdaFocus,
arXiv 2412.11228).

Shape letters: B clips, S steps with a window, A numbers of a place, C channels of a map, t places
in time of a map, h w places of it, K classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from connsearch.models.focus.settings import FocusSettings
from connsearch.models.focus.streams import windows_of
from connsearch.nn.crop import corners_of, crop_resized
from connsearch.nn.track import between

Size = tuple[int, int]
"""Height and width in pixels."""


class Windows(NamedTuple):
    """Windows in frames, in pixels, each (row, column).

    Attributes:
        corners: (B, S, 2), top left.
        sides: (B, S, 2); None: all have the side ``patch``.
    """

    corners: Tensor
    sides: Tensor | None

    def boxes(self, patch: int) -> Tensor:
        """Returns top, left, height and width, ``(B, S, 4)``."""
        sides = torch.full_like(self.corners, patch) if self.sides is None else self.sides
        return torch.cat([self.corners, sides], 2)


def windows_at(places_BSA: Tensor, frame: Size, settings: FocusSettings) -> Windows:
    """Returns the windows at places; those of two numbers have the side ``patch``."""
    patch = settings.patch
    if places_BSA.shape[2] == 2:
        return Windows(corners_of(places_BSA, frame, (patch, patch)), None)
    exact = places_BSA.to(torch.promote_types(places_BSA.dtype, torch.float32))
    whole, least = exact.new_tensor(frame), settings.smallest
    sides = least + exact[..., 2:] * (whole - least)
    return Windows(exact[..., :2] * (whole - sides), sides)


def with_scales(places_BS2: Tensor, frame: Size, settings: FocusSettings) -> Tensor:
    """Returns places of two numbers with the scales whose windows have the side ``patch``."""
    least = settings.smallest
    scales = [(settings.patch - least) / max(side - least, 1) for side in frame]
    scales_BS2 = places_BS2.new_tensor(scales).expand_as(places_BS2)
    return torch.cat([places_BS2, scales_BS2], 2)


def cut(
    streams: Mapping[str, Tensor], places_BSA: Tensor, settings: FocusSettings
) -> dict[str, Tensor]:
    """Returns the windows of streams at places, ``(B, C, T, patch, patch)``."""
    height, width = next(iter(streams.values())).shape[3:]
    found = windows_at(places_BSA, (height, width), settings)
    patch = settings.patch
    return windows_of(streams, found.corners, (patch, patch), found.sides)


def seen_there(
    map_BCthw: Tensor, places_BSA: Tensor, frame: Size, settings: FocusSettings
) -> Tensor:
    """Returns what a map has in windows of frames, ``(B, C)``: the mean over them and over time.

    A window is resampled to as many places as one of the side ``patch`` covers (published: of a
    map that is 32 times smaller, patch / 32). The map has no gradient, the places have.

    Args:
        map_BCthw: in the order of the places.
        places_BSA: as many as t, or one of all, or others that are as evenly spread.
        frame: height and width of the frames.
        settings: of the windows.
    """
    times, *size = map_BCthw.shape[2:]
    exact = places_BSA.to(torch.promote_types(places_BSA.dtype, torch.float32))
    found = windows_at(between(exact, times), frame, settings)
    patch = torch.full_like(found.corners, settings.patch)
    shrink = found.corners.new_tensor([size[0] / frame[0], size[1] / frame[1]])
    sides = patch if found.sides is None else found.sides
    corners_N2, sides_N2 = ((x * shrink).flatten(0, 1) for x in (found.corners, sides))
    cells = [max(1, round(settings.patch * s / f)) for s, f in zip(size, frame, strict=True)]
    maps_NChw = map_BCthw.detach().transpose(1, 2).flatten(0, 1)
    cells_NC = crop_resized(maps_NChw, corners_N2, sides_N2, (cells[0], cells[1])).mean((2, 3))
    return cells_NC.unflatten(0, (-1, times)).mean(1)


def size_penalty(places_BSA: Tensor, settings: FocusSettings) -> Tensor | None:
    """Returns what small windows cost, a number that is added to the loss; None: nothing."""
    if not settings.size_term or places_BSA.shape[2] == 2:
        return None
    return settings.size_term * (places_BSA[..., 2:].float() - 1).square().mean()
