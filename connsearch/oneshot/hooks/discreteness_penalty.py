"""A penalty on undecided weights."""

from __future__ import annotations

import torch
from torch import Tensor

from connsearch.models.structure import Network
from connsearch.nn.relaxation import soft_weights
from connsearch.oneshot.hooks import SEARCH_HOOKS
from connsearch.oneshot.options import RelaxationOptions, Relaxed
from connsearch.oneshot.ramp import ramp
from connsearch.training.hooks import Hook


class DiscretenessPenalty(Hook):
    """Adds to the loss how undecided the connection weights are, more and more towards the end.

    Args:
        options: of the search.
        network: what is searched.
    """

    name = "discreteness_penalty"

    def __init__(self, options: Relaxed, network: Network) -> None:
        self._options, self._network = options, network

    def penalty(self, step: int, total: int) -> Tensor | None:
        """Returns what undecided weights add to the loss of this step."""
        options = self._options
        late = ramp(step, total, start=options.anneal_start)
        if late <= 0:
            return None
        factor = options.discreteness_weight * late
        return factor * indecision(self._network, options.discreteness_penalty)


def indecision(network: Network, kind: str) -> Tensor:
    """Returns how undecided the connection weights are, in [0, 1]: 1 if all are at 0.5.

    ``zero_one`` is ``1 - mean((2 w - 1)^2)`` (FairDARTS, 1911.12126, up to a factor and a
    constant), ``entropy`` the mean binary entropy in bits.
    """
    logits = torch.cat(list(network.connection_parameters()))
    weights = soft_weights(logits, network.relaxation)
    if kind == "zero_one":
        return 1 - (2 * weights - 1).square().mean()
    sure = weights.clamp(1e-6, 1 - 1e-6)
    return -(sure * sure.log2() + (1 - sure) * (1 - sure).log2()).mean()


@SEARCH_HOOKS.register("discreteness_penalty")
def discreteness_penalty(
    options: RelaxationOptions, network: Network, clip: tuple[int, int, int]
) -> DiscretenessPenalty | None:
    """Returns the hook if ``discreteness_penalty`` asks for it."""
    chosen = options.relaxed
    asked = chosen.discreteness_penalty != "none"
    return DiscretenessPenalty(chosen, network) if asked else None
