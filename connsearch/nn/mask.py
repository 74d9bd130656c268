"""What a hard mask keeps: the other side of the prune exactness check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from connsearch.graph.spec import Edge, Peer
from connsearch.pruning.pruner import Pruned


@dataclass(frozen=True)
class Mask:
    """Connections, final nodes and peers that stay; everything else is multiplied by zero.

    Attributes:
        edges: connections whose coefficient stays.
        finals: nodes the head still reads; its divisor is their number.
        peers: the peers of each kept connection with the coefficients they get. Where a block has
            no entry at all, its peers stay as they are.
        nodes: nodes that are alive; others leave soft mixtures of peers. None: all are.
        ungated: connections without a gate: their features pass as they are.
        opened: connections without a temporal gate: their features are added to every clip.
    """

    edges: frozenset[Edge]
    finals: frozenset[int]
    peers: Mapping[Edge, tuple[Peer, ...]] = field(default_factory=dict)
    nodes: frozenset[int] | None = None
    ungated: frozenset[Edge] = frozenset()
    opened: frozenset[Edge] = frozenset()

    @classmethod
    def of(cls, pruned: Pruned) -> Mask:
        """Returns the mask under which the original computes what a pruning has left."""
        return cls(
            edges=pruned.edges,
            finals=frozenset(pruned.finals),
            peers=pruned.peers,
            nodes=frozenset(pruned.node_map),
            ungated=frozenset(pruned.ungated),
            opened=frozenset(pruned.opened),
        )
