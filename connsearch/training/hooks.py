"""What steers a training beside the loss of its clips. This one does nothing; a search has more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from connsearch.models.structure import Network


class Guide:
    """Steers a training step by step.

    It may depend on the step and on what :meth:`state` gives, and on nothing else, so that a
    resumed run is steered as an uninterrupted one.

    Attributes:
        looks: shares of the training after which ``select`` is evaluated, whatever the options say.
    """

    def __init__(self, looks: Sequence[float] = ()) -> None:
        self.looks = tuple(looks)

    def look(self, step: int, total: int) -> bool:
        """Returns whether ``select`` is to be evaluated after so many steps."""
        return any(step == moment(share, total) for share in self.looks)

    def begin(self, network: Network, step: int, total: int) -> None:
        """Prepares the network for a step, from 0, of so many."""

    def penalty(self, network: Network, step: int, total: int) -> Tensor | None:
        """Returns what is added to the loss of this step, 0-d; None: nothing."""
        return None

    def epoch_done(self, network: Network, step: int, total: int) -> str | None:
        """Returns why the training should end here, after so many steps; None: it goes on."""
        return None

    def finish(self, network: Network) -> None:
        """Leaves the network as it is to be judged and kept."""

    def state(self) -> Mapping[str, Any]:
        """Returns what a checkpoint has to hold, as JSON values."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Puts back what :meth:`state` gave."""


def moment(share: float, total: int) -> int:
    """Returns the step nearest to a share of the training, never the last; 0: there is none.

    >>> [moment(share, 10) for share in (0.01, 0.5, 0.99)], moment(0.5, 1)
    ([1, 5, 9], 0)
    """
    return min(max(1, round(share * total)), total - 1)
