"""What a child of an evolution starts from: the weights its parent has left on this machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from connsearch.evolution.child import Child
from connsearch.models.structure import Network
from connsearch.models.weight_inheritance import InheritedWeights, inherit_weights
from connsearch.runs.files import put_weights
from connsearch.runs.names import WEIGHTS
from connsearch.runs.record import RunRecord, open_run

Origins = Callable[[Child], Sequence[Sequence[int]] | None]
"""For every node of a child the nodes of its first parent it was made of; None: nobody knows."""


@dataclass(frozen=True)
class WeightInheritance:
    """Where a child starts, where it does not start anew.

    Attributes:
        parent: number of the parent.
        directory: the parent's finished run.
        origins: for every node of the child, the nodes of the parent it was made of.
    """

    parent: int
    directory: Path
    origins: Sequence[Sequence[int]]

    def start(self, network: Network, *, temperature: float) -> InheritedWeights:
        """Takes over what the parent knows; returns the account.

        Args:
            network: of the child, changed in place.
            temperature: where the parent's search ended, and this one will. It was written into the
                parent's logits (``Network.settle``) and is taken out again, because this search
                begins at 1: otherwise logits would grow from generation to generation until no
                gradient moves them.
        """
        record = open_run(self.directory)
        parent = Network(record.structure, network.num_classes, learn_connections=True, seed=0)
        put_weights(parent, record.weights(), record.weights_path)
        taken = inherit_weights(network, parent, self.origins)
        with torch.no_grad():
            for logits in (*network.connection_parameters(), *network.peer_parameters()):
                logits.mul_(temperature)
        return taken


def weight_inheritance_of(
    child: Child, run: Callable[[int], Path], origins: Origins
) -> WeightInheritance | str:
    """Returns where a child starts, or why it starts anew.

    Args:
        child: that is about to be trained.
        run: the run directory of a number.
        origins: what its nodes were made of.
    """
    if not child.parents:
        return "it has no parent"
    parent = child.parents[0]
    made_of = origins(child)
    if made_of is None:
        return f"nobody knows which nodes of {parent} its nodes were made of"
    directory = run(parent)
    record = RunRecord(directory)
    if not record.finished or not record.has(WEIGHTS):
        return f"the weights of {parent} are not on this machine: no {directory.name}/{WEIGHTS}"
    return WeightInheritance(parent, directory, made_of)
