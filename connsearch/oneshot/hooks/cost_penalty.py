"""A penalty on what the wiring is expected to cost."""

from __future__ import annotations

from torch import Tensor

from connsearch.models.structure import Network
from connsearch.oneshot.expected_cost import ExpectedCost
from connsearch.oneshot.hooks import SEARCH_HOOKS
from connsearch.oneshot.options import RelaxationOptions
from connsearch.training.hooks import Hook


class CostPenalty(Hook):
    """Adds to the loss the share of the multiply-accumulates that is expected to stay.

    Args:
        network: what is searched.
        clip: (T, H, W) of its clips.
        factor: of the share.
    """

    name = "cost_penalty"

    def __init__(self, network: Network, clip: tuple[int, int, int], factor: float) -> None:
        self._network, self._factor = network, factor
        self._cost = ExpectedCost(network, clip)

    def penalty(self, step: int, total: int) -> Tensor | None:
        """Returns what the expected cost adds to the loss of a step."""
        return self._factor * self._cost(self._network)


@SEARCH_HOOKS.register("cost_penalty")
def cost_penalty(
    options: RelaxationOptions, network: Network, clip: tuple[int, int, int]
) -> CostPenalty | None:
    """Returns the hook if ``macs_penalty`` asks for it."""
    factor = options.relaxed.macs_penalty
    return CostPenalty(network, clip, factor) if factor > 0 else None
