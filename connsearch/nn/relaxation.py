"""How a search turns logits into the coefficients it computes with; a found network does not.

The published search uses the sigmoid of a logit. What stands here changes that on the way: colder
(0 or 1), with connections left out at random, or with the strongest alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Relaxation:
    """What a search does to its connection and peer logits in this step.

    Attributes:
        temperature: logits are divided by it, above 0; below 1 weights move towards 0 and 1 and
            peer mixtures towards one peer.
        path_dropout: chance of a connection that learns to be left out of a training step, in
            [0, 1); those that stay are scaled by 1 / (1 - chance) (Bender et al., ICML 2018). Each
            block keeps one of them at least.
        hard_share: only this share of a block's inputs, the strongest, is computed with, in (0, 1];
            the gradient reaches the logits of the others as if they had been (Discovering Neural
            Wirings, 1906.00586). None: all of them.
    """

    temperature: float = 1.0
    path_dropout: float = 0.0
    hard_share: float | None = None


PUBLISHED = Relaxation()
"""The sigmoid of the logit and nothing else."""


def soft_weights(logits_E: Tensor, relaxation: Relaxation = PUBLISHED) -> Tensor:
    """Returns the post-sigmoid weights ``(E,)``, float32."""
    # Through float64, so that a weight's last bit does not depend on its place in the vector.
    return (logits_E.double() / relaxation.temperature).sigmoid().float()


def working_weights(logits_E: Tensor, relaxation: Relaxation, *, training: bool) -> Tensor:
    """Returns the weights ``(E,)`` the next pass computes with.

    Random numbers are drawn from torch's generator, and only in training with path dropout.
    """
    weights_E = soft_weights(logits_E, relaxation)
    if relaxation.hard_share is not None:
        weights_E = _strongest(weights_E, relaxation.hard_share)
    if training and relaxation.path_dropout > 0:
        weights_E = _with_some_left_out(weights_E, relaxation.path_dropout)
    return weights_E


def _strongest(weights_E: Tensor, share: float) -> Tensor:
    """Zero for all but the strongest, whose number is rounded; gradients reach every logit."""
    count = max(1, round(share * len(weights_E)))
    away = torch.ones_like(weights_E, dtype=torch.bool)
    away[weights_E.detach().topk(count).indices] = False
    return torch.where(away, weights_E - weights_E.detach(), weights_E)


def _with_some_left_out(weights_E: Tensor, chance: float) -> Tensor:
    draws_E = torch.rand(len(weights_E)).to(weights_E.device)
    stays_E = draws_E >= chance
    stays_E[draws_E.argmax()] = True
    return weights_E * stays_E / (1 - chance)
