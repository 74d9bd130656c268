"""The expected cost of a search's connections: multiply-accumulates as a function of the weights.

Each connection is assumed to stay with a probability equal to its weight, independently of the
others. The cost of a connection follows: the projection of a bucket exists while one of its inputs
does that share it, a temporal gate while its connection does, a block while it has an input and is
read by an existing node.
"""

from __future__ import annotations

import torch
from torch import Tensor

from connsearch.graph.cost import addends, cost
from connsearch.graph.plan import BlockPlan
from connsearch.models.structure import Network


class ExpectedCost:
    """The expected share of a network's multiply-accumulates, as a function of its weights.

    Args:
        network: whose connections learn.
        clip: (T, H, W) of its clips.
    """

    def __init__(self, network: Network, clip: tuple[int, int, int]) -> None:
        self._plan = network.plan
        self._structure = network.structure
        spent = cost(network.structure, num_classes=network.num_classes, clip=clip)
        self._total = float(spent.macs)
        self._head = float(spent.head.macs)
        self._nodes = [float(node.macs) for node in spent.nodes]
        self._addends = {
            index: list(addends(shape, clip))
            for index, shape in enumerate(self._plan.nodes)
            if isinstance(shape, BlockPlan)
        }

    def __call__(self, network: Network) -> Tensor:
        """Returns the expected share of the whole network's cost, 0-d in (0, 1]."""
        stays = network.connection_chances()
        one = next(iter(stays.values())).new_ones(())
        fed = self._fed(stays, one)
        needed = self._needed(stays, one)
        total = one * self._head
        for index in range(len(self._plan.nodes)):
            alive = fed[index] * needed[index]
            own = self._nodes[index]
            for sources, macs in self._addends.get(index, ()):
                own -= macs
                there = _any([stays.get((s, index), one) for s in sources])
                total = total + macs * needed[index] * there
            total = total + own * alive
        return total / self._total

    def _fed(self, stays: dict[tuple[int, int], Tensor], one: Tensor) -> list[Tensor]:
        """The chance that a stem reaches a node."""
        fed: list[Tensor] = []
        for index, shape in enumerate(self._plan.nodes):
            if isinstance(shape, BlockPlan):
                fed.append(_any([stays.get((s, index), one) * fed[s] for s in shape.sources]))
            else:
                fed.append(one)
        return fed

    def _needed(self, stays: dict[tuple[int, int], Tensor], one: Tensor) -> list[Tensor]:
        """The chance that a final node is reached from a node."""
        readers: dict[int, list[int]] = {}
        for source, target in self._structure.edges():
            readers.setdefault(source, []).append(target)
        needed = [one] * len(self._plan.nodes)
        for index in reversed(range(len(needed))):
            if index not in self._plan.finals:
                read = [stays.get((index, t), one) * needed[t] for t in readers.get(index, [])]
                needed[index] = _any(read) if read else one * 0.0
        return needed


def _any(chances: list[Tensor]) -> Tensor:
    """The probability that at least one of several independent events happens."""
    return 1 - torch.stack([1 - chance for chance in chances]).prod()
