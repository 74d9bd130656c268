"""Hue, saturation and enhancement. Shape letters: T frames, C colours, H W pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from connsearch.data.clips.augment import AUGMENTATIONS
from connsearch.data.clips.augment.kinds import Recoloured

HUE_SATURATION = (-16, 16)
ENHANCE = (1.2, 1.6)
LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True, slots=True)
class HueSaturation(Recoloured):
    """Numbers added to hue and saturation (HSV), both in units of 255; value stays.

    Attributes:
        hue: 255 is once around the circle.
        saturation: 255 is from grey to pure.
    """

    hue: int
    saturation: int

    def rgb(self, rgb_TCHW: Tensor) -> Tensor:
        """Returns the recoloured frames, as by way of HSV and back but without the detour."""
        red, green, blue = rgb_TCHW.unbind(1)
        value = torch.maximum(torch.maximum(red, green), blue)
        chroma = value - torch.minimum(torch.minimum(red, green), blue)
        per = chroma.clamp_min(1e-6).reciprocal_()
        # Hue in sixths of the circle: which colour is greatest, and the lead among the others.
        hue = (red - green).mul_(per).add_(4.0)
        hue = torch.where(value == green, (blue - red).mul_(per).add_(2.0), hue)
        hue = torch.where(value == red, (green - blue).mul_(per), hue)
        hue.add_(self.hue * (6.0 / 255.0))
        chroma.add_(value, alpha=self.saturation / 255.0)
        chroma = torch.minimum(chroma.clamp_min_(0.0), value)
        out = torch.empty_like(rgb_TCHW)
        for channel, turn in enumerate((5.0, 3.0, 1.0)):
            place = (hue + turn).remainder_(6.0)
            lack = torch.minimum(place, 4.0 - place).clamp_(0.0, 1.0)
            torch.addcmul(value, chroma, lack, value=-1.0, out=out[:, channel])
        return out


@dataclass(frozen=True, slots=True)
class ColourEnhance(Recoloured):
    """The distance of each colour from the pixel's own grey multiplied by one number."""

    factor: float

    def rgb(self, rgb_TCHW: Tensor) -> Tensor:
        """Returns frames of stronger colours."""
        red, green, blue = rgb_TCHW.unbind(1)
        grey = (red * LUMA[0]).add_(green, alpha=LUMA[1]).add_(blue, alpha=LUMA[2])
        return torch.lerp(grey[:, None], rgb_TCHW, self.factor)


@AUGMENTATIONS.register("hue_saturation")
def draw_hue_saturation(rng: np.random.Generator) -> HueSaturation:
    """Returns whole numbers, one for the hue and one for the saturation."""
    hue, saturation = rng.integers(*HUE_SATURATION, size=2, endpoint=True).tolist()
    return HueSaturation(hue, saturation)


@AUGMENTATIONS.register("colour_enhance")
def draw_colour_enhance(rng: np.random.Generator) -> ColourEnhance:
    """Returns a factor above 1."""
    return ColourEnhance(float(rng.uniform(*ENHANCE)))
