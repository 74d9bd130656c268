"""What a step of a training learns from its batch: predictions, a loss, and gradients."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from connsearch.data.loading.batches import Batch
from connsearch.errors import SettingsError
from connsearch.models.model import Model
from connsearch.seeds import derive
from connsearch.training.curriculum import CyclicClips
from connsearch.training.evaluate import Compute
from connsearch.training.hooks import Hook
from connsearch.training.losses import Loss
from connsearch.training.optimisers import Optimisers


class Lesson:
    """Computes the gradients of every step for the optimisers.

    Args:
        network: what learns.
        optimisers: they separate filters and logits.
        loss: the quantity to minimise.
        compute: device and precision.
        seed: of everything random in a step.
        smoothing: share of the target that is spread over all classes.
        hooks: they may add to the loss.
        apart: clips that teach the logits of connections alone; None: each batch teaches both.
        total: steps of the whole training.
        classes: how many logits there must be.
    """

    def __init__(
        self,
        network: Model,
        optimisers: Optimisers,
        loss: Loss,
        compute: Compute,
        *,
        seed: int,
        smoothing: float,
        hooks: Sequence[Hook],
        apart: CyclicClips | None,
        total: int,
        classes: int,
    ) -> None:
        self.network, self.optimisers, self.loss, self.compute = network, optimisers, loss, compute
        self.seed, self.smoothing = seed, smoothing
        self.hooks, self.apart, self.total = tuple(hooks), apart, total
        self.classes = classes

    def learn(self, batch: Batch, step: int) -> tuple[Tensor, float]:
        """Returns logits ``(B, K)`` and loss of a batch, after its gradients are there.

        Raises:
            FloatingPointError: a loss is not finite.
        """
        logits, loss = self._forward(batch, step, "step")
        other = None if self.apart is None else self.apart.batch(step)
        penalty = self._penalty(step)
        if other is None:
            _backward(loss if penalty is None else loss + penalty, None)
        else:
            _backward(loss, self.optimisers.filters)
            aim = self._forward(other, step, "connections")[1]
            _backward(aim if penalty is None else aim + penalty, self.optimisers.logits)
        return logits, loss.item()

    def _penalty(self, step: int) -> Tensor | None:
        """What the hooks add to the loss of this step; None: nothing."""
        asked = [hook.penalty(step, self.total) for hook in self.hooks]
        parts = [penalty for penalty in asked if penalty is not None]
        return torch.stack(parts).sum() if parts else None

    def _forward(self, batch: Batch, step: int, purpose: str) -> tuple[Tensor, Tensor]:
        """The only place with random numbers of torch's own (dropout)."""
        devices = [torch.cuda.current_device()] if self.compute.device == "cuda" else []
        with torch.random.fork_rng(devices):
            torch.manual_seed(derive(self.seed, purpose, step))
            found = self.compute.predictions(self.network, batch)
        _require_classes(found.logits, self.classes)
        smoothing = self.smoothing
        loss = self.loss.training(found.logits, batch, smoothing=smoothing)
        for further in found.auxiliary:
            loss = loss + self.loss.training(further, batch, smoothing=smoothing)
        return found.logits.detach(), loss


def _require_classes(logits: Tensor, classes: int) -> None:
    """Refuses a network that does not answer for the classes of the data.

    Raises:
        SettingsError: its logits have another form.
    """
    if logits.ndim != 2 or logits.shape[1] != classes:
        raise SettingsError(
            f"the network returns logits {tuple(logits.shape)}, the data has {classes} classes\n"
            f"  allowed: (clips, {classes})"
        )


def _backward(loss: Tensor, into: list[Tensor] | None) -> None:
    """Adds gradients to the given parameters, or to all; refuses a loss that is not finite."""
    value = loss.item()
    if not math.isfinite(value):
        raise FloatingPointError(f"the loss is {value}")
    loss.backward(inputs=into)
