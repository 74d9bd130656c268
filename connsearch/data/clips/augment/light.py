"""Light: add, multiply, gamma, contrast, noise. Shape letters: T frames, C colours, H W pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from connsearch.data.clips.augment import AUGMENTATIONS
from connsearch.data.clips.augment.kinds import Recoloured

MIDDLE = 127.5
ADD = (-5, 15)
MULTIPLY = (0.8, 1.2)
GAMMA = (0.85, 1.15)
CONTRAST = (0.85, 1.115)
NOISE = 0.3 * 255.0
"""As described with the published sets; their code has 0.03, in a line that is disabled."""

Three = tuple[float, float, float]


def _per_channel(values: Three) -> Tensor:
    return torch.tensor(values).view(1, 3, 1, 1)


@dataclass(frozen=True, slots=True)
class ChannelAdd(Recoloured):
    """A separate number added to each colour."""

    values: Three

    def rgb(self, rgb_TCHW: Tensor) -> Tensor:
        """Returns the tinted frames."""
        return rgb_TCHW + _per_channel(self.values)


@dataclass(frozen=True, slots=True)
class Multiply(Recoloured):
    """Everything multiplied by one number."""

    factor: float

    def rgb(self, rgb_TCHW: Tensor) -> Tensor:
        """Returns lighter or darker frames."""
        return rgb_TCHW * self.factor


@dataclass(frozen=True, slots=True)
class ChannelGamma(Recoloured):
    """Each colour raised to its own power; black and full light stay."""

    gammas: Three

    def rgb(self, rgb_TCHW: Tensor) -> Tensor:
        """Returns the frames on other curves."""
        share = rgb_TCHW * (1.0 / 255.0)
        # One power a colour: a power with a number is several times as fast as with a tensor.
        for channel, gamma in enumerate(self.gammas):
            share[:, channel].pow_(gamma)
        return share.mul_(255.0)


@dataclass(frozen=True, slots=True)
class LinearContrast(Recoloured):
    """The distance from mid-grey multiplied by one number."""

    factor: float

    def rgb(self, rgb_TCHW: Tensor) -> Tensor:
        """Returns frames of more or less contrast."""
        return (rgb_TCHW - MIDDLE).mul_(self.factor).add_(MIDDLE)


@dataclass(frozen=True, slots=True)
class GaussianNoise(Recoloured):
    """One grey picture of noise, added to all frames of the clip.

    Attributes:
        scale: its standard deviation.
        seed: decides the picture.
    """

    scale: float
    seed: int

    def rgb(self, rgb_TCHW: Tensor) -> Tensor:
        """Returns the noisy frames."""
        rng = torch.Generator().manual_seed(self.seed)
        return rgb_TCHW + self.scale * torch.randn(rgb_TCHW.shape[2:], generator=rng)


@AUGMENTATIONS.register("channel_add")
def draw_channel_add(rng: np.random.Generator) -> ChannelAdd:
    """Returns whole numbers, mostly towards the light."""
    red, green, blue = rng.integers(ADD[0], ADD[1], size=3, endpoint=True).tolist()
    return ChannelAdd((float(red), float(green), float(blue)))


@AUGMENTATIONS.register("multiply")
def draw_multiply(rng: np.random.Generator) -> Multiply:
    """Returns a factor on everything."""
    return Multiply(float(rng.uniform(*MULTIPLY)))


@AUGMENTATIONS.register("channel_gamma")
def draw_channel_gamma(rng: np.random.Generator) -> ChannelGamma:
    """Returns a power for each colour."""
    red, green, blue = rng.uniform(*GAMMA, size=3).tolist()
    return ChannelGamma((red, green, blue))


@AUGMENTATIONS.register("linear_contrast")
def draw_linear_contrast(rng: np.random.Generator) -> LinearContrast:
    """Returns a factor on the distance from mid-grey."""
    return LinearContrast(float(rng.uniform(*CONTRAST)))


@AUGMENTATIONS.register("gaussian_noise")
def draw_gaussian_noise(rng: np.random.Generator) -> GaussianNoise:
    """Returns strong noise that is the same in all frames."""
    return GaussianNoise(NOISE, int(rng.integers(2**63)))
