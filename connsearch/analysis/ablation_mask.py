"""What stays alive in a searched, not yet pruned network when some connections are silent.

Only connections are silenced. A node whose connection is silent still gates others as a peer, and
all candidate peers keep their shares, as long as they are alive: pruning leaves each connection its
strongest peer, an ablation does not.
"""

from __future__ import annotations

from collections.abc import Collection

from connsearch.graph.spec import Attention, Edge, Structure
from connsearch.nn.mask import Mask
from connsearch.pruning.closure import Closure, close
from connsearch.pruning.repair import close_with_repairs


def soft_closure(structure: Structure, keep: Collection[Edge]) -> Closure:
    """Returns what is alive when only the connections in ``keep`` are heard, peers as searched."""
    return close(_all_peers(structure), keep, peers_kept=len(structure))


def repaired_closure(structure: Structure, keep: Collection[Edge]) -> Closure:
    """Returns the same after the repairs that pruning makes: something always reaches the head."""
    closure, _ = close_with_repairs(_all_peers(structure), keep, peers_kept=len(structure))
    return closure


def soft_mask(closure: Closure) -> Mask:
    """Returns the mask that multiplies by zero whatever is not alive.

    What a dead node would still emit (the bias of its normalisation) has no reader: its outgoing
    connections are not in the closure, and it leaves the mixtures of peers and the head.
    """
    peers = {**closure.peers, **{edge: () for edge in closure.starved}}
    return Mask(
        closure.edges,
        frozenset(closure.finals),
        peers,
        frozenset(closure.nodes),
        opened=frozenset(closure.opened),
    )


def _all_peers(structure: Structure) -> Structure:
    """In mode ``peer`` every lower node gates, whatever it has learned."""
    if structure.network.attention is not Attention.PEER:
        return structure
    return structure.with_peers(dict.fromkeys(structure.edges(), ()))
