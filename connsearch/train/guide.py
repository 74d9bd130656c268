"""What steers a training beside the loss of its clips. This one does nothing; a search has more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from connsearch.nn.network import Network


class Guide:
    """Steers a training step by step.

    It may depend on the step and on what :meth:`state` gives, and on nothing else, so that a
    resumed run is steered as an uninterrupted one.
    """

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
