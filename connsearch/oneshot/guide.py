"""What a search does beside training: it anneals, drops, penalises, and knows when to stop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from connsearch.models.structure import Network
from connsearch.nn.relaxation import Relaxation, soft_weights
from connsearch.oneshot.expected_cost import ExpectedCost
from connsearch.oneshot.options import Relaxed
from connsearch.oneshot.stability import Ranking, agreement
from connsearch.training.hooks import Guide


class SearchGuide(Guide):
    """Steers a search as its options say.

    Args:
        options: what the search does beyond the published one.
        network: what is searched.
        clip: (T, H, W), for the expected cost.
        looks: shares of the search after which ``select`` is evaluated, whatever its options say.
    """

    def __init__(
        self,
        options: Relaxed,
        network: Network,
        *,
        clip: tuple[int, int, int],
        looks: Sequence[float] = (),
    ) -> None:
        super().__init__(looks)
        self._options = options
        self._cost = ExpectedCost(network, clip) if options.macs_penalty > 0 else None
        self._rankings: list[Ranking] = []

    def begin(self, network: Network, step: int, total: int) -> None:
        """Sets temperature, path dropout and hard forward of this step."""
        network.relax(relaxation(self._options, step, total))

    def penalty(self, network: Network, step: int, total: int) -> Tensor | None:
        """Returns what undecided weights and expected cost add to the loss."""
        options = self._options
        late = ramp(step, total, start=options.late)
        parts: list[Tensor] = []
        if options.commitment != "none" and late > 0:
            parts.append(options.commitment_weight * late * indecision(network, options.commitment))
        if self._cost is not None:
            parts.append(options.macs_penalty * self._cost(network))
        return torch.stack(parts).sum() if parts else None

    def epoch_done(self, network: Network, step: int, total: int) -> str | None:
        """Returns the reason to stop: the ranking within the blocks has not moved for long."""
        patience = self._options.patience
        if patience is None:
            return None
        self._rankings = [*self._rankings, Ranking.of(network)][-patience - 1 :]
        if len(self._rankings) <= patience or step < self._options.late * total:
            return None
        least = min(agreement(earlier, self._rankings[-1]) for earlier in self._rankings[:-1])
        if least < self._options.stable:
            return None
        return (
            f"the ranking of the inputs of every block has been stable for {patience} epochs "
            f"(mean Kendall tau {least:.3f}, at least {self._options.stable} asked)"
        )

    def finish(self, network: Network) -> None:
        """Writes the temperature into the logits and ends path dropout and hard forward."""
        network.settle()
        network.relax(Relaxation())

    def state(self) -> Mapping[str, Any]:
        """Returns the rankings that the next epochs are compared with."""
        return {"rankings": [ranking.to_json() for ranking in self._rankings]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Puts back what :meth:`state` gave."""
        self._rankings = [Ranking.from_json(found) for found in state["rankings"]]


def ramp(step: int, total: int, *, start: float) -> float:
    """Returns 0 up to ``start`` (a share of the steps), then a straight line to 1 at the last.

    >>> [round(ramp(step, 5, start=0.5), 2) for step in range(5)]
    [0.0, 0.0, 0.0, 0.5, 1.0]
    """
    done = step / max(total - 1, 1)
    return max(0.0, (done - start) / (1 - start)) if start < 1 else 0.0


def relaxation(options: Relaxed, step: int, total: int) -> Relaxation:
    """Returns the relaxation of a step.

    Both follow :func:`ramp`: the temperature falls from 1 to its last value along a geometric
    series, path dropout rises in a straight line.
    """
    late = ramp(step, total, start=options.late)
    return Relaxation(
        temperature=options.temperature**late,
        path_dropout=options.path_dropout * late,
        hard_share=options.hard_share,
    )


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
