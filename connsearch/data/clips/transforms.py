"""Whole-clip augmentation: one draw for all frames, the same geometry for RGB and object maps.

Shape letters: C colours, K object classes, T frames, H W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from connsearch.data.clips.augment import ClipChange, change_rgb
from connsearch.data.clips.multi_scale import PLACES, crop_of, crop_pairs
from connsearch.data.media.decode import Frames
from connsearch.data.media.objects import Maps
from connsearch.data.options import AugmentOptions, Rounding


@dataclass(frozen=True, slots=True)
class View:
    """What is shown of a clip: a window, mirrored or not, and its light.

    Attributes:
        top: first row of the window.
        left: first column of the window.
        height: of the window in decoded pixels.
        width: of it.
        flip: mirrored left to right.
        gain: factor on the contrast around mid-grey.
        lift: added to every pixel, in units of [-1, 1].
    """

    top: int
    left: int
    height: int
    width: int
    flip: bool = False
    gain: float = 1.0
    lift: float = 0.0


def centre_view(height: int, width: int, size: int, rounding: Rounding = "nearest") -> View:
    """Returns the window in the centre, nothing else changed.

    >>> centre_view(36, 48, 32)
    View(top=2, left=8, height=32, width=32, flip=False, gain=1.0, lift=0.0)
    """
    if rounding == "torchvision":
        return View(round((height - size) / 2), round((width - size) / 2), size, size)
    return View((height - size) // 2, (width - size) // 2, size, size)


def grid_view(
    height: int,
    width: int,
    size: int,
    *,
    crop: int = 0,
    crops: int = 1,
    rounding: Rounding = "nearest",
) -> View:
    """Returns one of several windows spread evenly along the longer side; one is the centre.

    >>> [grid_view(36, 48, 32, crop=n, crops=3).left for n in range(3)]
    [0, 8, 16]
    """
    centre = centre_view(height, width, size, rounding)
    if crops == 1:
        return centre
    share = crop / (crops - 1)
    if width >= height:
        return replace(centre, left=round((width - size) * share))
    return replace(centre, top=round((height - size) * share))


def random_view(
    height: int, width: int, size: int, options: AugmentOptions, rng: np.random.Generator
) -> View:
    """Returns a random window and light; always the same number of draws."""
    top, left, rows, columns = _random_window(height, width, size, options, rng)
    mirrored = bool(rng.random() < 0.5)
    gain = 1.0 + options.contrast * rng.uniform(-1.0, 1.0)
    lift = 2.0 * options.brightness * rng.uniform(-1.0, 1.0)
    return View(top, left, rows, columns, options.flip and mirrored, gain, lift)


def _random_window(
    height: int, width: int, size: int, options: AugmentOptions, rng: np.random.Generator
) -> tuple[int, int, int, int]:
    """Returns (top, left, height, width) of a random window."""
    if options.multi_scale:
        pairs = crop_pairs(len(options.multi_scale))
        pair, place = int(rng.integers(len(pairs))), int(rng.integers(PLACES))
        return crop_of((height, width), options.multi_scale, size, pair=pair, place=place)
    scale = rng.uniform(*options.crop_scale)
    side = max(1, min(height, width, round(size * scale)))
    if options.crop_from == "square":
        least = min(height, width)
        above, before = (height - least) // 2, (width - least) // 2
        height = width = least
    else:
        above = before = 0
    top, left = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
    return above + top, before + left, side, side


def _window(frames: Frames | Maps, view: View) -> Frames | Maps:
    """Returns the window of (T, H, W, ...), mirrored where the view says so."""
    out = frames[:, view.top : view.top + view.height, view.left : view.left + view.width]
    return out[:, :, ::-1] if view.flip else out


def show_rgb(frames: Frames, view: View, size: int, changes: Sequence[ClipChange] = ()) -> Tensor:
    """Returns RGB frames (T, H, W, 3) as seen: float32 (3, T, size, size) in [-1, 1]."""
    rgb_THWC = torch.from_numpy(np.ascontiguousarray(_window(frames, view)))
    lit = view.gain != 1.0 or view.lift != 0.0
    as_it_is = (view.height, view.width) == (size, size)
    if not changes and as_it_is:  # put in order while a pixel is still a byte
        rgb_CTHW = rgb_THWC.permute(3, 0, 1, 2).contiguous().to(torch.float32)
        rgb_CTHW = rgb_CTHW.div_(127.5).sub_(1.0)
        return rgb_CTHW.mul_(view.gain).add_(view.lift).clamp_(-1.0, 1.0) if lit else rgb_CTHW
    rgb_TCHW = change_rgb(changes, rgb_THWC.permute(0, 3, 1, 2).to(torch.float32))
    rgb_TCHW = rgb_TCHW.div_(127.5).sub_(1.0)
    if not as_it_is:
        rgb_TCHW = F.interpolate(
            rgb_TCHW, (size, size), mode="bilinear", antialias=True, align_corners=False
        )
    if lit:
        rgb_TCHW = rgb_TCHW.mul_(view.gain).add_(view.lift)
    return rgb_TCHW.clamp_(-1.0, 1.0).transpose(0, 1).contiguous()


def show_objects(
    maps: Maps, view: View, size: int, classes: int, changes: Sequence[ClipChange] = ()
) -> Tensor:
    """Returns object maps (T, H, W) as seen: float32 one-hot (K, T, size, size)."""
    seen_THW = torch.from_numpy(np.ascontiguousarray(_window(maps, view)))
    for change in changes:
        seen_THW = change.maps(seen_THW)
    if (view.height, view.width) != (size, size):
        seen_THW = F.interpolate(seen_THW[None].float(), (size, size), mode="nearest-exact")[0]
    numbers_K = torch.arange(classes).view(-1, 1, 1, 1)
    return (seen_THW == numbers_K).to(torch.float32)
