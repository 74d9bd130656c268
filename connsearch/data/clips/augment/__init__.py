"""The cupboard of augmentations: changes to whole clips, one draw for all frames.

Shape letters: T frames, C colours, H W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Protocol
from zlib import crc32

import numpy as np
from torch import Tensor

from connsearch.data.options import AugmentOptions
from connsearch.errors import UnknownNameError
from connsearch.registry import Registry, suggest


class ClipChange(Protocol):
    """What was drawn for one clip. Either the colours change, or the geometry, or both."""

    def rgb(self, rgb_TCHW: Tensor) -> Tensor:
        """Returns the changed frames, float32, of the same shape; what it is given stays as it is.

        Read within 0 to 255; what leaves that range is cut off afterwards.
        """
        ...

    def maps(self, maps_THW: Tensor) -> Tensor:
        """Returns the object maps, ``uint8``, moved as the frames are; unmoved if they are not."""
        ...


Augmentation = Callable[[np.random.Generator], ClipChange]
"""Draws the parameters of one clip, from its own generator."""

AUGMENTATIONS: Registry[Augmentation] = Registry("augmentation", __name__)

PRESETS: Mapping[str, tuple[str, ...]] = {
    "srtg_small": (
        "gaussian_blur",
        "channel_add",
        "hue_saturation",
        "linear_contrast",
        "perspective_or_rotation",
    ),
    "srtg_large": (
        "gaussian_blur",
        "channel_add",
        "average_blur",
        "multiply",
        "channel_gamma",
        "hue_saturation",
        "linear_contrast",
        "perspective_or_rotation",
    ),
}
"""The sets published with SRTG, in their fixed order: for small data sets (UCF-101, HMDB-51,
Diving-48) and for large ones (Kinetics, HACS, Moments in Time)."""


@lru_cache(maxsize=64)
def expanded(names: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the augmentations that names and presets stand for, each once, in that order.

    >>> expanded(("gaussian_noise", "srtg_small"))[:3]
    ('gaussian_noise', 'gaussian_blur', 'channel_add')

    Raises:
        UnknownNameError: neither an augmentation nor a preset, with the nearest and the known.
    """
    found: list[str] = []
    for name in names:
        if name not in PRESETS and name not in AUGMENTATIONS:
            known = sorted([*AUGMENTATIONS, *PRESETS])
            raise UnknownNameError(suggest("augmentation", name, known))
        found += PRESETS.get(name, (name,))
    return tuple(dict.fromkeys(found))


def draw_changes(options: AugmentOptions, rng: np.random.Generator) -> tuple[ClipChange, ...]:
    """Returns what is done to one clip, in the order the options name.

    ``rng`` always makes two draws: each augmentation has its own generator, seeded by one of
    them and its name, so that adding one to the options does not change what the others do
    to a clip.
    """
    names = expanded(options.augment)
    if not names:
        return ()
    root, tried = int(rng.integers(2**63)), rng.random() < options.augment_any
    changes: list[ClipChange] = []
    for name in names if tried else ():
        own = np.random.default_rng([root, crc32(name.encode())])
        if own.random() < options.augment_each:
            changes.append(AUGMENTATIONS[name](own))
    return tuple(changes)


def change_rgb(changes: Sequence[ClipChange], rgb_TCHW: Tensor) -> Tensor:
    """Returns frames, float32 in 0 to 255, after all changes; cut to that range after each."""
    for change in changes:
        changed = change.rgb(rgb_TCHW)
        rgb_TCHW = changed if changed is rgb_TCHW else changed.clamp_(0.0, 255.0)
    return rgb_TCHW
