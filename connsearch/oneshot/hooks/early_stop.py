"""An early end of a search whose ranking no longer moves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from connsearch.models.structure import Network
from connsearch.oneshot.hooks import SEARCH_HOOKS
from connsearch.oneshot.options import RelaxationOptions, Relaxed
from connsearch.oneshot.stability import Ranking, agreement
from connsearch.training.hooks import Hook


class EarlyStop(Hook):
    """Ends a search when the ranking within the blocks has not moved for long.

    Args:
        options: of the search.
        network: what is searched.
        patience: epochs without a move.
    """

    name = "early_stop"

    def __init__(self, options: Relaxed, network: Network, patience: int) -> None:
        self._options, self._network, self._patience = options, network, patience
        self._rankings: list[Ranking] = []

    def epoch_done(self, step: int, total: int) -> str | None:
        """Returns the reason to stop; None: the ranking still moves, or it is too early."""
        options, patience = self._options, self._patience
        self._rankings = [*self._rankings, Ranking.of(self._network)][-patience - 1 :]
        if len(self._rankings) <= patience or step < options.anneal_start * total:
            return None
        least = min(agreement(earlier, self._rankings[-1]) for earlier in self._rankings[:-1])
        if least < options.stable:
            return None
        return (
            f"the ranking of the inputs of every block has been stable for {patience} epochs "
            f"(mean Kendall tau {least:.3f}, required {options.stable})"
        )

    def state(self) -> Mapping[str, Any]:
        """Returns the rankings that the next epochs are compared with."""
        return {"rankings": [ranking.to_json() for ranking in self._rankings]}

    def restore(self, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        """Puts back what :meth:`state` gave."""
        self._rankings = [Ranking.from_json(found) for found in state["rankings"]]


@SEARCH_HOOKS.register("early_stop")
def early_stop(
    options: RelaxationOptions, network: Network, clip: tuple[int, int, int]
) -> EarlyStop | None:
    """Returns the hook if ``patience`` asks for it."""
    chosen = options.relaxed
    return None if chosen.patience is None else EarlyStop(chosen, network, chosen.patience)
