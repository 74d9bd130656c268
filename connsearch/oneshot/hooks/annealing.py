"""Temperature, path dropout and hard forward: how a search computes with its weights, by step."""

from __future__ import annotations

from connsearch.models.structure import Network
from connsearch.nn.relaxation import Relaxation
from connsearch.oneshot.hooks import SEARCH_HOOKS
from connsearch.oneshot.options import RelaxationOptions, Relaxed
from connsearch.oneshot.ramp import ramp
from connsearch.training.hooks import Hook


class Annealing(Hook):
    """Relaxes connection weights and peer mixtures by the options, and settles them at the end.

    Args:
        options: of the search.
        network: what is searched.
    """

    name = "annealing"

    def __init__(self, options: Relaxed, network: Network) -> None:
        self._options, self._network = options, network

    def begin(self, step: int, total: int) -> None:
        """Sets temperature, path dropout and hard forward of this step."""
        self._network.relax(relaxation(self._options, step, total))

    def finish(self) -> None:
        """Writes the temperature into the logits and ends path dropout and hard forward."""
        self._network.settle()
        self._network.relax(Relaxation())


def relaxation(options: Relaxed, step: int, total: int) -> Relaxation:
    """Returns the relaxation of a step.

    Both follow ``ramp``: the temperature falls from 1 to its last value along a geometric series,
    path dropout rises in a straight line.
    """
    late = ramp(step, total, start=options.anneal_start)
    return Relaxation(
        temperature=options.temperature**late,
        path_dropout=options.path_dropout * late,
        hard_share=options.hard_share,
    )


@SEARCH_HOOKS.register("annealing")
def annealing(
    options: RelaxationOptions, network: Network, clip: tuple[int, int, int]
) -> Annealing:
    """Returns the hook; every search has one."""
    return Annealing(options.relaxed, network)
