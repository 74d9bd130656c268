"""What a mutated network takes over from its parent: every tensor that still means the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from connsearch.errors import RunError
from connsearch.graph.plan import BlockPlan
from connsearch.graph.spec import Edge
from connsearch.models.block_node import BlockNode
from connsearch.models.inherit import block_fusion, parent_name, stored_logit, stored_weight
from connsearch.models.structure import Network
from connsearch.nn.attention import PeerAttention
from connsearch.nn.layered import Layered


@dataclass(frozen=True, slots=True)
class InheritedWeights:
    """What a child has taken over from its parent; everything else has its first values.

    Attributes:
        tensors: names in the child, taken over whole.
        connections: of the child, whose weight was taken over.
        peers: (connection, peer) of the child, whose logit was taken over.
        elements: parameters that were taken over, numbers and not tensors.
        of: parameters of the child.
    """

    tensors: tuple[str, ...]
    connections: tuple[Edge, ...]
    peers: tuple[tuple[Edge, int], ...]
    elements: int
    of: int

    @property
    def share(self) -> float:
        """The part of the child's parameters that was taken over, in [0, 1]."""
        return self.elements / self.of

    def __str__(self) -> str:
        return (
            f"{self.share:.0%} of {self.of:,} parameters inherited: {len(self.tensors)} tensors, "
            f"{len(self.connections)} connection weights, {len(self.peers)} peer logits"
        )


def inherit_weights(
    child: Network, parent: Network, origins: Sequence[Sequence[int]]
) -> InheritedWeights:
    """Copies the parent's weights into the network of an offspring; returns the account.

    A tensor is inherited if its nodes were each made of one node of the parent and its shape is
    the same; a projection of inputs of one width only if it projected one of these inputs before,
    and a normalisation layer only with the convolution before it. Weights of connections and logits
    of peers are inherited one by one. Without a mutation, everything is inherited.

    Args:
        child: changed in place.
        parent: not changed.
        origins: for every node of the child, the nodes of the parent it was made of
            (``evolution.structure_editor.Offspring``).

    Raises:
        RunError: the origins are not those of this child and this parent.
    """
    _check(child, parent, origins)
    old = {new: nodes[0] for new, nodes in enumerate(origins) if len(nodes) == 1}
    mine, theirs = child.state_dict(), parent.state_dict()
    source = {name: _given(name, child, parent, old) for name in mine if not is_by_entry(name)}
    same = {
        name: given
        for name, given in source.items()
        if given in theirs and theirs[given].shape == mine[name].shape
    }
    taken = {name: given for name, given in same.items() if _conv_of(name, child) in (None, *same)}
    with torch.no_grad():
        for name, given in taken.items():
            mine[name].copy_(theirs[given])
        connections = _connections(child, parent, old)
        peers = _peers(child, parent, old)
    sizes = {name: parameter.numel() for name, parameter in child.named_parameters()}
    learned = sum(e.source in block_fusion(child, e.target).learned for e in connections)
    return InheritedWeights(
        tensors=tuple(taken),
        connections=tuple(connections),
        peers=tuple(peers),
        elements=sum(sizes.get(name, 0) for name in taken) + learned + len(peers),
        of=sum(sizes.values()),
    )


def _check(child: Network, parent: Network, origins: Sequence[Sequence[int]]) -> None:
    named = {old for nodes in origins for old in nodes}
    if len(origins) != len(child.nodes) or not named <= set(range(len(parent.nodes))):
        raise RunError(
            f"{child.structure.name}: origins of {len(origins)} nodes that name "
            f"{sorted(named)}, for a child of {len(child.nodes)} nodes and a parent of "
            f"{len(parent.nodes)}: they belong to other structures"
        )


def is_by_entry(name: str) -> bool:
    """Returns whether a tensor, by its name, has one entry a connection or a peer."""
    return name.endswith((".fusion.logits", ".fusion.coefficients", ".attention.logits"))


def _given(name: str, child: Network, parent: Network, old: Mapping[int, int]) -> str | None:
    """The parent's name of a tensor, whatever its shape; None if it has none."""
    parts = name.split(".")
    if parts[2:4] == ["fusion", "project"]:
        node, width = int(parts[1]), int(parts[4])
        before = _bucket(parent, old[node], width) if node in old else ()
        if not any(old.get(source) in before for source in _bucket(child, node, width)):
            return None
    return parent_name(name, old)


def _bucket(network: Network, node: int, width: int) -> tuple[int, ...]:
    """The inputs of a block that have this many channels."""
    shape = network.plan.nodes[node]
    buckets = shape.buckets if isinstance(shape, BlockPlan) else ()
    return next((bucket.sources for bucket in buckets if bucket.width == width), ())


def _conv_of(name: str, network: Network) -> str | None:
    """The kernel before a normalisation layer; None for any other tensor."""
    place, _, layer = name.rpartition(".")[0].rpartition(".")
    if place == "head.bns":
        return f"head.convs.{layer}.weight"
    module = network.get_submodule(place) if place else None
    if not isinstance(module, Layered) or layer not in module.kernels:
        return None
    return f"{place}.{module.kernels[layer]}"


def _connections(child: Network, parent: Network, old: Mapping[int, int]) -> list[Edge]:
    """Copies the weights of connections that were there before; returns them."""
    found: list[Edge] = []
    for target, before in _blocks(child, parent, old):
        mine, given = block_fusion(child, target), block_fusion(parent, before)
        known = given.weights()
        for sources, into, pick in (
            (mine.learned, mine.logits, stored_logit),
            (mine.fixed, mine.coefficients, stored_weight),
        ):
            for place, source in enumerate(sources):
                if into is not None and old.get(source) in known:
                    into[place] = pick(given, old[source])
                    found.append(Edge(source, target))
    return found


def _peers(child: Network, parent: Network, old: Mapping[int, int]) -> list[tuple[Edge, int]]:
    """Copies the logits of peers that were candidates before; returns them."""
    found: list[tuple[Edge, int]] = []
    for target, before in _blocks(child, parent, old):
        mine = block_fusion(child, target).attention
        given = block_fusion(parent, before).attention
        if not isinstance(mine, PeerAttention) or not isinstance(given, PeerAttention):
            continue
        if mine.logits is None or given.logits is None:
            continue
        rows = {source: row for row, source in enumerate(given.sources)}
        columns = {node: column for column, node in enumerate(given.candidates)}
        for row, source in enumerate(mine.sources):
            for column, node in enumerate(mine.candidates):
                if old.get(source) in rows and old.get(node) in columns:
                    value = given.logits[rows[old[source]], columns[old[node]]]
                    mine.logits[row, column] = value
                    found.append((Edge(source, target), node))
    return found


def _blocks(child: Network, parent: Network, old: Mapping[int, int]) -> list[tuple[int, int]]:
    """Blocks of the child and the block of the parent each was made of."""
    return [
        (new, before)
        for new, before in old.items()
        if isinstance(child.nodes[new], BlockNode) and isinstance(parent.nodes[before], BlockNode)
    ]
