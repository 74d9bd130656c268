"""Reachability after a keep-set: which connections must come back, and why.

A repair happens in two cases, and only there:

* no final node is fed by a stem any more: the strongest path to a final node comes back;
* every peer of a live connection is dead: the strongest path to its strongest peer comes back.

A final node without inputs is no reason if another one has some: it leaves the head. Nor is a
block that lost all its inputs: it is removed, and so is everything that only it fed.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from connsearch.errors import PruneError
from connsearch.graph.plan import final_nodes
from connsearch.graph.spec import Edge, Stem, Structure, Weight, as_number
from connsearch.pruning.closure import Closure, Gates, close
from connsearch.pruning.scores import name_edges


@dataclass(frozen=True, slots=True)
class Repair:
    """A connection that came back although the keep-set left it out, and why."""

    edge: Edge
    weight: Weight
    reason: str

    def __str__(self) -> str:
        weight = f"{self.weight:.3f}" if isinstance(self.weight, float) else self.weight
        return f"{name_edges([self.edge])} (weight {weight}) restored: {self.reason}"


def close_with_repairs(
    structure: Structure,
    keep: Collection[Edge],
    *,
    peers_kept: int = 1,
    gates: Gates | None = None,
) -> tuple[Closure, tuple[Repair, ...]]:
    """Returns what is alive once no repair is due, and the repairs that took."""
    kept = set(keep)
    repairs: list[Repair] = []
    weights = structure.weights()
    while True:
        closure = close(structure, kept, peers_kept=peers_kept, gates=gates)
        gap = _gap(structure, closure)
        if gap is None:
            return closure, tuple(done for done in repairs if done.edge in closure.edges)
        targets, reason = gap
        path = strongest_path(structure, targets)
        trail = " -> ".join(str(n) for n in (path[0].source, *(e.target for e in path)))
        for edge in path:
            if edge not in kept:
                kept.add(edge)
                repairs.append(Repair(edge, weights[edge], f"{reason}; strongest path {trail}"))


def _gap(structure: Structure, closure: Closure) -> tuple[tuple[int, ...], str] | None:
    """The nodes one of which must be fed again, and the reason; None when nothing is amiss."""
    if not closure.finals:
        finals = final_nodes(structure)
        return finals, f"no stem reaches a final node ({', '.join(map(str, finals))}) any more"
    if closure.starved:
        edge = closure.starved[0]
        peers = next(c.peers for e, c in structure.connections() if e == edge)
        strongest = max(peers, key=lambda peer: peer.coefficient)
        return (strongest.node,), (
            f"every peer that gates {name_edges([edge])} is dead; node {strongest.node} is the "
            "strongest of them"
        )
    return None


def strongest_path(structure: Structure, targets: Collection[int]) -> tuple[Edge, ...]:
    """Returns the path from a stem to one of ``targets`` with the greatest product of weights.

    Coefficient 1 counts 1 and a free weight 0.5. Of equal paths the shorter wins, then the one
    whose connections are listed first.

    Raises:
        PruneError: no stem leads to any of the targets.
    """
    best: dict[int, tuple[float, int]] = {}
    reached_by: dict[int, Edge] = {}
    for index, node in enumerate(structure.nodes):
        if isinstance(node, Stem):
            best[index] = (1.0, 0)
            continue
        for connection in node.connections:
            if connection.source not in best:
                continue
            product, length = best[connection.source]
            found = (product * as_number(connection.weight), length - 1)
            if index not in best or found > best[index]:
                best[index], reached_by[index] = found, Edge(connection.source, index)
    within_reach = [node for node in targets if node in best]
    if not within_reach:
        raise PruneError(f"{structure.name}: no stem leads to node {sorted(targets)}")
    path = [reached_by[max(within_reach, key=best.__getitem__)]]
    while path[-1].source in reached_by:
        path.append(reached_by[path[-1].source])
    return tuple(reversed(path))
