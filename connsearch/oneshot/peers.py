"""Which node gates which connection: the learned mixtures of peers, connection by connection.

Peer attention works if mixtures are neither near-uniform (no peer was chosen) nor all on one node
(all have the same gate); both are detected here and raised as alarms by a search.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from connsearch.graph.spec import Edge, Peer, Structure
from connsearch.oneshot.alarms import (
    COLLAPSED,
    COLLAPSED_SHARE,
    UNIFORM,
    collapses,
    entropy_share,
    has_chosen,
    is_uniform,
)


@dataclass(frozen=True, slots=True)
class Mixture:
    """The mixture of peers of one connection.

    Attributes:
        edge: the connection.
        peers: strongest first.
        entropy_share: its entropy over the largest possible: 1 is uniform, 0 one node.
        effective: the number of equally strong peers with this entropy.
    """

    edge: Edge
    peers: tuple[Peer, ...]
    entropy_share: float
    effective: float

    @property
    def top(self) -> Peer:
        """The strongest peer."""
        return self.peers[0]

    @property
    def soft(self) -> bool:
        """Whether there is anything to choose: a mixture of one peer has nothing."""
        return len(self.peers) > 1

    @property
    def uniform(self) -> bool:
        """Whether no peer was chosen, as the alarm of that name has it."""
        return is_uniform([peer.coefficient for peer in self.peers])

    @property
    def chosen(self) -> bool:
        """Whether one node was chosen and nothing else, as the alarm of a collapse counts it."""
        return self.soft and has_chosen(self.top.coefficient)


@dataclass(frozen=True, slots=True)
class BlockPeers:
    """What the connections of one block have in common.

    Attributes:
        node: the block.
        mixtures: number of its connections that are gated by peers.
        top: the node that is the strongest peer of most of them.
        agreeing: of how many.
        decided: how many have more than ``COLLAPSED`` on it.
    """

    node: int
    mixtures: int
    top: int
    agreeing: int
    decided: int

    @property
    def agree(self) -> bool:
        """Whether all connections of the block have the same strongest peer."""
        return self.agreeing == self.mixtures

    @property
    def collapsed(self) -> bool:
        """Whether nearly all of several connections have chosen one and the same node."""
        return self.mixtures > 1 and self.decided > COLLAPSED_SHARE * self.mixtures


@dataclass(frozen=True, slots=True)
class PeerReport:
    """Every mixture of a structure, every block, and what is wrong with them.

    Attributes:
        mixtures: in connection order.
        blocks: in node order.
        uniform: connections with a near-uniform mixture.
        collapsed: nodes that nearly all mixtures of the network have chosen, with their number.
    """

    mixtures: tuple[Mixture, ...]
    blocks: tuple[BlockPeers, ...]
    uniform: tuple[Edge, ...]
    collapsed: dict[int, int]

    def to_json(self) -> dict[str, Any]:
        """Returns the report as JSON values."""
        return {
            "thresholds": {
                "near_uniform": UNIFORM,
                "collapsed": COLLAPSED,
                "collapsed_share": COLLAPSED_SHARE,
            },
            "connections": [
                {
                    "source": m.edge.source,
                    "target": m.edge.target,
                    "entropy_share": m.entropy_share,
                    "effective": m.effective,
                    "peers": [list(peer) for peer in m.peers],
                }
                for m in self.mixtures
            ],
            "blocks": [
                {**asdict(b), "agree": b.agree, "collapsed": b.collapsed} for b in self.blocks
            ],
            "near_uniform": [list(edge) for edge in self.uniform],
            "collapsed": {str(node): count for node, count in self.collapsed.items()},
        }


def peer_report(structure: Structure) -> PeerReport:
    """Returns the peers of all connections, learned or fixed; empty without any."""
    gated = {edge: c.peers for edge, c in structure.connections() if c.peers}
    mixtures = tuple(_mixture(edge, peers) for edge, peers in gated.items())
    several = {edge: peers for edge, peers in gated.items() if len(peers) > 1}
    by_block: dict[int, list[Mixture]] = {}
    for mixture in mixtures:
        by_block.setdefault(mixture.edge.target, []).append(mixture)
    return PeerReport(
        mixtures=mixtures,
        blocks=tuple(_block(node, found) for node, found in by_block.items()),
        uniform=tuple(m.edge for m in mixtures if m.uniform),
        collapsed={node: len(edges) for node, edges in collapses(several).items()},
    )


def effective_peers(coefficients: tuple[float, ...]) -> float:
    """Returns the number of equally strong peers that would have the same entropy.

    >>> effective_peers((0.5, 0.5, 0.0)), effective_peers((1.0,))
    (2.0, 1.0)
    """
    return math.exp(-sum(c * math.log(c) for c in coefficients if c > 0))


def _mixture(edge: Edge, peers: tuple[Peer, ...]) -> Mixture:
    ranked = tuple(sorted(peers, key=lambda peer: -peer.coefficient))
    coefficients = tuple(peer.coefficient for peer in ranked)
    return Mixture(edge, ranked, entropy_share(coefficients), effective_peers(coefficients))


def _block(node: int, mixtures: list[Mixture]) -> BlockPeers:
    ((top, agreeing),) = Counter(m.top.node for m in mixtures).most_common(1)
    decided = sum(m.top.node == top and has_chosen(m.top.coefficient) for m in mixtures)
    # A mixture of one peer has nothing to choose.
    chosen = decided if any(len(m.peers) > 1 for m in mixtures) else 0
    return BlockPeers(node, len(mixtures), top, agreeing, chosen)
