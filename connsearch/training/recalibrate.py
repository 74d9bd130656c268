"""Exact batch-norm statistics: pooled over many clips instead of a lagging average.

A short search moves the filters faster than the running averages follow, and a pruned network has
other statistics than its parent. Here every normalisation layer gets the mean and variance of
everything it sees in a number of batches.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm  # pyright: ignore[reportPrivateUsage]

T = TypeVar("T")


@dataclass(slots=True)
class _Statistics:
    """Count, mean and summed squared deviation per channel, in float64."""

    count: int = 0
    mean: Tensor | float = 0.0
    deviation: Tensor | float = 0.0

    def add(self, x: Tensor) -> None:
        """Adds ``(B, C, ...)`` by the pairwise update: exact for batches of unequal size."""
        n = x.numel() // x.shape[1]
        axes = [0, *range(2, x.dim())]
        variance, mean = torch.var_mean(x.detach().double(), axes, correction=0)
        shift, total = mean - self.mean, self.count + n
        self.deviation = self.deviation + variance * n + shift.square() * (self.count * n / total)
        self.mean = self.mean + shift * (n / total)
        self.count = total


def recalibrate(
    network: nn.Module,
    inputs: Iterable[T],
    forward: Callable[[T], object],
    *,
    kept: Collection[nn.Module] = (),
) -> int:
    """Returns the number of layers whose running statistics it set from the given batches.

    Every layer of the ``BatchNorm`` family that keeps statistics gets the mean, and the unbiased
    variance, of everything that reaches it while the layers below it normalise each batch by its
    own statistics, as they do in training. Batches may differ in size. Weights, gradients and the
    modes of the modules stay as they are; dropout is off; the order decides the last bits only.

    Args:
        network: holds the layers.
        inputs: what ``forward`` is called with, one batch each; none leaves everything as it is.
        forward: runs the network; its result is dropped.
        kept: layers that normalise by the statistics they have, and keep them.
    """
    layers = [
        m
        for m in network.modules()
        if isinstance(m, _BatchNorm) and m.track_running_stats and m not in kept
    ]
    pools = {layer: _Statistics() for layer in layers}

    def watch(layer: nn.Module, arguments: tuple[Any, ...]) -> None:
        assert isinstance(layer, _BatchNorm)
        pools[layer].add(arguments[0])

    with ExitStack() as stack:
        stack.enter_context(torch.no_grad())
        stack.enter_context(_batch_statistics(network, layers))
        for layer in layers:
            stack.callback(layer.register_forward_pre_hook(watch).remove)
        for batch in inputs:
            forward(batch)
    for layer, pool in pools.items():
        _store(layer, pool)
    return sum(pool.count > 0 for pool in pools.values())


def _store(layer: _BatchNorm, pool: _Statistics) -> None:
    if not pool.count:  # a layer nothing reached keeps what it has
        return
    assert isinstance(pool.mean, Tensor)
    assert isinstance(pool.deviation, Tensor)
    assert layer.running_mean is not None
    assert layer.running_var is not None
    layer.running_mean.copy_(pool.mean)
    layer.running_var.copy_(pool.deviation / max(pool.count - 1, 1))


@contextmanager
def _batch_statistics(network: nn.Module, layers: list[_BatchNorm]) -> Generator[None]:
    """Normalises by each batch's own statistics without touching the running ones."""
    modes = {module: module.training for module in network.modules()}
    network.eval()
    for layer in layers:
        layer.training = True
        layer.track_running_stats = False
    saved = [(layer.running_mean, layer.running_var) for layer in layers]
    try:
        for layer in layers:
            layer.running_mean = layer.running_var = None
        yield
    finally:
        for layer, (mean, var) in zip(layers, saved, strict=True):
            layer.running_mean, layer.running_var = mean, var
            layer.track_running_stats = True
        for module, mode in modes.items():
            module.training = mode
