"""Weights of a pruned network from its parent: node by node, logit by logit, nothing rebuilt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from connsearch.errors import PruneError
from connsearch.models.block_node import BlockNode
from connsearch.models.gates import decides, let_decide
from connsearch.models.structure import Network
from connsearch.nn.attention import PeerAttention
from connsearch.nn.connection import ConnectionFusion
from connsearch.pruning.pruner import Pruned


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A tensor that could not be taken over: the published rules gave it another shape."""

    name: str
    parent: tuple[int, ...]
    child: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.name}: {self.parent} -> {self.child}"


@dataclass(frozen=True, slots=True)
class InheritReport:
    """How every tensor of the pruned network got its values, by its name there.

    Attributes:
        copied: inherited from the parent.
        mismatched: left at their first values, because the shape changed.
        fresh: left at their first values, because the parent has no such tensor.
    """

    copied: tuple[str, ...]
    mismatched: tuple[Mismatch, ...] = ()
    fresh: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every tensor was taken over, as always in mode ``pinned``."""
        return not self.mismatched and not self.fresh

    def __str__(self) -> str:
        total = len(self.copied) + len(self.mismatched) + len(self.fresh)
        lines = [f"{len(self.copied)} of {total} tensors inherited"]
        lines += [f"  other shape: {mismatch}" for mismatch in self.mismatched]
        lines += [f"  not in the parent: {name}" for name in self.fresh]
        return "\n".join(lines)


def inherit(child: Network, parent: Network, pruned: Pruned) -> InheritReport:
    """Copies the parent's tensors into the network of the pruned structure; returns the account.

    Connection and peer logits go over as the float32 numbers they are: a connection that learned
    and is fixed now gets exactly the coefficient it had. In mode ``pinned`` everything is taken
    over; in mode ``published`` tensors of another shape keep their first values and are listed.
    Temporal gates decide as those of the parent do.

    Args:
        child: built from ``pruned.structure``; changed in place.
        parent: the network whose structure was pruned; not changed.
        pruned: the account of the pruning.

    Raises:
        PruneError: the networks are not the parent and the child of this pruning.
    """
    check_kinship(child, parent, pruned)
    old = {new: before for before, new in pruned.node_map.items()}
    theirs = parent.state_dict()
    copied: list[str] = []
    mismatched: list[Mismatch] = []
    fresh: list[str] = []
    with torch.no_grad():
        for name, tensor in child.state_dict().items():
            given = _learned(name, child, parent, old)
            given = theirs.get(parent_name(name, old) or "") if given is None else given
            if given is None:
                fresh.append(name)
            elif given.shape != tensor.shape:
                mismatched.append(Mismatch(name, tuple(given.shape), tuple(tensor.shape)))
            else:
                tensor.copy_(given)
                copied.append(name)
    let_decide(child, gated=decides(parent))
    return InheritReport(tuple(copied), tuple(mismatched), tuple(fresh))


def check_kinship(child: Network, parent: Network, pruned: Pruned) -> None:
    """Refuses networks that are not the parent and the child of a pruning.

    Raises:
        PruneError: another structure on either side.
    """
    result = pruned.structure
    if child.structure.edges() != result.edges() or len(child.nodes) != len(result):
        raise PruneError(
            f"the network of {child.structure.name} is not that of the pruned structure "
            f"{result.name}\n  cure: build it with Network(pruned.structure, ...)"
        )
    nodes = len(pruned.node_map) + len(pruned.dead)
    if len(parent.nodes) != nodes or not pruned.edges <= set(parent.structure.edges()):
        raise PruneError(
            f"{result.name} was not pruned from the structure of this parent, "
            f"{parent.structure.name}: {nodes} nodes there, {len(parent.nodes)} here"
        )


def parent_name(name: str, old: Mapping[int, int]) -> str | None:
    """Returns the name of a tensor in the parent, where nodes have other numbers.

    None where one of the nodes it belongs to has none there.

    >>> parent_name("nodes.2.fusion.attention.gates.0.weight", {0: 1, 2: 5})
    'nodes.5.fusion.attention.gates.1.weight'
    """
    parts = name.split(".")
    numbers = [1] if parts[0] == "nodes" else []
    if parts[2:4] == ["fusion", "attention"] and parts[4] in ("project", "gates"):
        numbers.append(5)
    if parts[2:4] in (["fusion", "norms"], ["fusion", "gates"]):
        numbers.append(4)
    for place in numbers:
        node = old.get(int(parts[place]))
        if node is None:
            return None
        parts[place] = str(node)
    return ".".join(parts)


def _learned(name: str, child: Network, parent: Network, old: Mapping[int, int]) -> Tensor | None:
    """What a vector with one entry a connection becomes; None for any other tensor."""
    parts = name.split(".")
    if parts[0] != "nodes" or parts[2] != "fusion":
        return None
    match parts[3:]:
        case ["logits"] | ["coefficients"]:
            index = int(parts[1])
            fusion = block_fusion(child, index)
            sources = fusion.learned if parts[3] == "logits" else fusion.fixed
            given = block_fusion(parent, old[index])
            pick = stored_logit if parts[3] == "logits" else stored_weight
            values = [pick(given, old[source]) for source in sources]
            return torch.stack(values) if values else torch.empty(0)
        case ["attention", "logits"]:
            return _peer_logits(child, parent, int(parts[1]), old)
        case _:
            return None


def stored_logit(fusion: ConnectionFusion, source: int) -> Tensor:
    """Returns the logit of a connection that has a weight, 0-d, whether it learns or not."""
    if fusion.logits is not None and source in fusion.learned:
        return fusion.logits.detach()[fusion.learned.index(source)]
    # A fixed coefficient that learns from now on: its nearest logit, finite also for 0 and 1.
    return torch.logit(stored_weight(fusion, source).double(), eps=1e-6).float()


def stored_weight(fusion: ConnectionFusion, source: int) -> Tensor:
    """Returns the post-sigmoid weight of a connection that has one, 0-d, without its gradient."""
    return fusion.weights()[source].detach()


def _peer_logits(child: Network, parent: Network, index: int, old: Mapping[int, int]) -> Tensor:
    """Rows of the kept inputs, columns of the nodes still there (unlearned peers stay soft)."""
    mine = block_fusion(child, index).attention
    given = block_fusion(parent, old[index]).attention
    assert isinstance(mine, PeerAttention)
    assert isinstance(given, PeerAttention)
    assert given.logits is not None
    rows = [given.sources.index(old[source]) for source in mine.sources]
    columns = [given.candidates.index(old[node]) for node in mine.candidates]
    return given.logits.detach()[rows][:, columns]


def block_fusion(network: Network, index: int) -> ConnectionFusion:
    """Returns the fusion of a block; a stem there is a programming error."""
    node = network.nodes[index]
    assert isinstance(node, BlockNode), f"node {index} is a stem"
    return node.fusion
