"""What a pruning has left, as its record says it: peers that moved, and the cost of every node."""

from __future__ import annotations

from connsearch.graph.cost import Cost
from connsearch.graph.spec import Structure
from connsearch.pruning.pruner import Pruned, Substitute, needless
from connsearch.runs.formats.prune import NodeCosts, PeerRecord, RegatedRecord


def regated(done: Substitute) -> RegatedRecord:
    """Returns a connection that other peers gate now, as it is recorded."""
    before, after = (
        [PeerRecord(node=peer.node, coefficient=peer.coefficient) for peer in peers]
        for peers in (done.before, done.after)
    )
    source, target = done.edge
    return RegatedRecord(source=source, target=target, before=before, after=after)


def node_costs(structure: Structure, pruned: Pruned, before: Cost, after: Cost) -> list[NodeCosts]:
    """Returns what every node costs before and after, the head last."""
    only = needless(structure, pruned)
    left = {index: after.nodes[new] for index, new in pruned.node_map.items()}
    return [
        NodeCosts(
            node=node.index,
            kind=node.kind,
            macs=node.macs,
            macs_left=None if rest is None else rest.macs,
            parameters=node.parameters,
            parameters_left=None if rest is None else rest.parameters,
            peer_only=node.index in only,
        )
        for node in (*before.nodes, before.head)
        for rest in [after.head if node.index is None else left.get(node.index)]
    ]
