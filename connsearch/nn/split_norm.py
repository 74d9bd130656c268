"""Batch normalisation whose statistics in training are of a fixed number of clips.

A multigrid schedule changes the size of the batch by an order of magnitude; how noisy the
statistics are would change with it. So a larger batch is normalised in groups.

Shape letters: B clips, N images (the frames of B clips), C channels, T frames, H W pixels.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from connsearch.nn.exact_norm import exact_batch_norm, is_better


class SplitNorm(nn.BatchNorm3d):
    """Batch normalisation over (B, T, H, W), or in training over groups of clips.

    With groups, the running statistics move towards the mean over the groups of what a batch of
    that group alone would have given. ``state_dict`` is that of ``nn.BatchNorm3d``.

    Attributes:
        clips: the least number of clips of a group; None: the batch is one group.
        frames: rows of the batch that belong to one clip: 1, except where frames are images.
    """

    clips: int | None = None
    frames: int = 1

    def forward(self, input: Tensor) -> Tensor:
        """Maps ``(B, C, T, H, W)`` to the same shape."""
        whole = input.shape[0] // self.frames
        groups = 1 if self.clips is None else whole // self.clips
        if groups < 2 or not self.training:
            tracked = self.running_mean is not None
            if (self.training or not tracked) and self._is_exact(input):
                return self._exact(input)
            return with_plain_gradient(super().forward(input))
        size, more = divmod(whole, groups)  # sizes differ by one at most, none is below `clips`
        sizes = [(size + (n < more)) * self.frames for n in range(groups)]
        parts = input.split(sizes)
        if self.running_mean is None or self.running_var is None:
            return torch.cat([self._normalise(part, None, None) for part in parts])
        means = self.running_mean.new_zeros(groups, self.num_features)
        variances = torch.zeros_like(means)
        out = torch.cat(
            [self._normalise(*group) for group in zip(parts, means, variances, strict=True)]
        )
        self._follow(means.mean(0), variances.mean(0))
        return out

    def _is_exact(self, x: Tensor) -> bool:
        """Whether features are normalised by sums of ours, and not of torch."""
        return self.affine and is_better(x)

    def _exact(self, x: Tensor) -> Tensor:
        """Returns features by their own statistics, which the running ones follow if there are."""
        found = exact_batch_norm(x, self.weight, self.bias, self.eps)
        if self.running_mean is not None:
            self._follow(found.mean, found.variance * _unbiased(x))
        return found.features

    def _normalise(self, part: Tensor, mean: Tensor | None, variance: Tensor | None) -> Tensor:
        """Returns a group by its own statistics, which ``mean`` and ``variance`` become."""
        if self._is_exact(part):
            found = exact_batch_norm(part, self.weight, self.bias, self.eps)
            if mean is not None and variance is not None:
                mean.copy_(found.mean)
                variance.copy_(found.variance * _unbiased(part))
            return found.features
        out = F.batch_norm(
            part, mean, variance, self.weight, self.bias, training=True, momentum=1.0, eps=self.eps
        )
        return with_plain_gradient(out)

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)


def _unbiased(x: Tensor) -> float:
    count = x.numel() // x.shape[1]
    return count / (count - 1)


def with_plain_gradient(out: Tensor) -> Tensor:
    """Returns the output of a batch normalisation; its gradient will lie as torch expects it.

    Where an axis has one entry its stride says nothing, and torch leaves there what was before. On
    CPUs torch 2.13 then takes a gradient in channels last for one that is not, if the features were
    not, and the gradients of features, scale and shift are wrong.
    """
    asked = out.requires_grad and out.device.type == "cpu" and 1 in out.shape
    if asked and out.is_contiguous() and not torch.compiler.is_compiling():
        out.register_hook(_plain)
    return out


def _plain(gradient: Tensor) -> Tensor:
    last = torch.channels_last_3d if gradient.ndim == 5 else torch.channels_last
    if gradient.ndim < 4 or not gradient.is_contiguous(memory_format=last):
        return gradient
    plain = torch.empty_like(gradient, memory_format=last)
    return gradient if plain.stride() == gradient.stride() else plain.copy_(gradient)


class ImageNorm(SplitNorm):
    """The same of images ``(N, C, H, W)``, the frames of clips one after the other."""

    def forward(self, input: Tensor) -> Tensor:
        """Maps ``(N, C, H, W)`` to the same shape."""
        return super().forward(input)

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() != 4:
            raise ValueError(f"expected images (N, C, H, W), got {input.dim()} axes")


@contextmanager
def split_norms(network: nn.Module, clips: int | None) -> Generator[None]:
    """Normalises training batches in groups of ``clips`` clips or a few more; None: as one."""
    layers = [module for module in network.modules() if isinstance(module, SplitNorm)]
    before = [layer.clips for layer in layers]
    for layer in layers:
        layer.clips = clips
    try:
        yield
    finally:
        for layer, number in zip(layers, before, strict=True):
            layer.clips = number
