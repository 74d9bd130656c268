"""Layers over images: the frames of clips, one after the other, each by itself.

Shape letters: B clips, T frames, N = B T images, C channels, H W pixels.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch.nn.functional as F
from torch import Tensor, nn

from connsearch.nn.layers import safe_stride
from connsearch.nn.split_norm import ImageNorm
from connsearch.nn.temporal_shift import TemporalShift


class SafeImageConv(nn.Conv2d):
    """A convolution that keeps clear of a shape torch 2.13 gets wrong in bfloat16 on CPUs.

    Strided over an axis of one pixel, the backward pass reads and writes memory beyond its own: the
    stride is left out there, which changes no result.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Maps ``(N, C, H, W)`` as ``nn.Conv2d`` does."""
        stride = safe_stride(input, self.stride)
        padding = tuple(int(p) for p in self.padding)
        return F.conv2d(input, self.weight, self.bias, stride, padding, self.dilation, self.groups)


def image_conv(
    in_width: int, width: int, side: int, *, stride: int = 1, groups: int = 1
) -> nn.Conv2d:
    """Returns a padded convolution of ``side`` x ``side`` pixels without bias."""
    return SafeImageConv(
        in_width, width, side, stride=stride, padding=side // 2, groups=groups, bias=False
    )


def image_norm(width: int) -> ImageNorm:
    """Returns batch normalisation with the constants of torch, which are the published ones."""
    return ImageNorm(width, eps=1e-5, momentum=0.1)


def frames_as_images(x_BCTHW: Tensor) -> Tensor:
    """Returns the frames of clips as images ``(N, C, H, W)``, those of the first clip first.

    In memory the channels are last wherever those of the clips are.
    """
    return x_BCTHW.transpose(1, 2).flatten(0, 1)


def note_frames(network: nn.Module, frames: int) -> None:
    """Tells layers how many images a clip has: norms, for statistics in groups, and shifts.

    Args:
        network: holds :class:`ImageNorm` or :class:`~connsearch.nn.temporal_shift.TemporalShift`.
        frames: T of the clips that come next.
    """
    for layer in _told(network):
        layer.frames = frames


def _told(network: nn.Module) -> Iterator[ImageNorm | TemporalShift]:
    kinds = (ImageNorm, TemporalShift)
    return (module for module in network.modules() if isinstance(module, kinds))
