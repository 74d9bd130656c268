"""Every network that pruning can leave of a small structure, one by one, and the best of them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, combinations
from typing import TypeVar

from connsearch.graph.cost import cost
from connsearch.graph.plan import final_nodes
from connsearch.graph.spec import Attention, Edge, Stem, Structure
from connsearch.pruning.closure import fed_nodes
from connsearch.pruning.pruner import Pruned, prune
from connsearch.pruning.scores import unweighted
from tests.pruning.structures import random_tiny

Item = TypeVar("Item")

CLASSES, CLIP = 3, (2, 16, 16)


@dataclass(frozen=True)
class Left:
    """A network that is left, and what it is worth.

    Attributes:
        pruned: the pruning.
        strength: over all paths from a stem to the head, the product of what each connection of it
            is of its block's weights; half for one that lost its gate.
        gating: of the connections that lead to the head, these parts times coefficients of the
            peers left.
        spent: macs, params and connections.
    """

    pruned: Pruned
    strength: Fraction
    gating: Fraction
    spent: dict[str, int]

    @property
    def worth(self) -> tuple[Fraction, Fraction, int]:
        """The better network has the larger."""
        return self.strength, self.gating, self.spent["macs"]


def with_peers(seed: int, *, fewest: int = 5, most: int = 9) -> Structure:
    """Returns a random structure with learned peers and so many connections."""
    rng = random.Random(seed)
    while True:
        found = random_tiny(rng)
        peered = found.network.attention is Attention.PEER
        if peered and fewest <= len(found.edges()) <= most:
            return found


def counted(structure: Structure) -> dict[str, int]:
    """Returns what a structure costs."""
    found = cost(structure, num_classes=CLASSES, clip=CLIP)
    edges = len(structure.edges())
    return {"macs": found.macs, "params": found.parameters, "connections": edges}


def everything_left(structure: Structure) -> list[Left]:
    """Returns every network that some connections and some choice of who may gate leave.

    All sets of connections, and for each all sets of those nodes that would gate and do nothing
    else. Each connection is gated by the strongest of its peers that is there.
    """
    found: dict[tuple[frozenset[int], frozenset[Edge]], Left] = {}
    fixed = unweighted(structure)
    for keep in {chosen | fixed for chosen in _subsets(structure.edges())}:
        fed = fed_nodes(structure, keep)
        feeding = _feeding(structure, keep)
        for gating in _subsets(sorted(fed - feeding)):
            allowed = feeding.union(gating)
            gates = {edge: allowed for edge in structure.edges()}
            pruned = prune(structure, keep, gates=gates)
            if not pruned.repairs:
                name = frozenset(pruned.node_map), pruned.edges
                found.setdefault(name, _left(structure, pruned))
    return list(found.values())


def best_within(found: list[Left], whole: dict[str, int], shares: dict[str, int]) -> Left | None:
    """Returns the best of the networks within so many percent of the whole; None: there is none."""
    within = [
        one
        for one in found
        if all(100 * one.spent[q] <= share * whole[q] for q, share in shares.items())
    ]
    return max(within, key=lambda one: one.worth, default=None)


def parts(structure: Structure) -> dict[Edge, Fraction]:
    """Returns what every weight is of all weights of its block; coefficient 1 is a top weight."""
    found: dict[Edge, Fraction] = {}
    for index, block in structure.blocks():
        known = [Fraction(float(c.weight)) for c in block.connections if c.weight is not None]
        top = max(known, default=Fraction(1))
        own = {
            Edge(c.source, index): top if c.weight is None else Fraction(float(c.weight))
            for c in block.connections
        }
        found |= {edge: weight / sum(own.values()) for edge, weight in own.items()}
    return found


def strength(structure: Structure, pruned: Pruned) -> Fraction:
    """Returns the sum over all paths from a stem to the head that are left, path by path."""
    part, finals = parts(structure), final_nodes(structure)

    def below(node: int) -> Fraction:
        if node not in pruned.node_map:
            return Fraction(0)
        if isinstance(structure.nodes[node], Stem):
            return Fraction(1)
        return sum(
            (
                part[edge] / (2 if edge in pruned.ungated else 1) * below(edge.source)
                for edge in pruned.edges
                if edge.target == node
            ),
            Fraction(0),
        )

    return sum((below(node) for node in finals), Fraction(0)) / len(finals)


def _left(structure: Structure, pruned: Pruned) -> Left:
    listened = _feeding(structure, pruned.edges)
    peers = {edge: dict(c.peers) for edge, c in structure.connections()}
    part, gating = parts(structure), Fraction(0)
    for edge in pruned.edges:
        if edge.target in listened:
            kept = pruned.peers.get(edge, ())
            gating += sum(part[edge] * Fraction(peers[edge][peer.node]) for peer in kept)
    return Left(pruned, strength(structure, pruned), gating, counted(pruned.structure))


def _feeding(structure: Structure, keep: frozenset[Edge]) -> set[int]:
    """Nodes that are fed and that a final node depends on over connections."""
    found = fed_nodes(structure, keep)
    kept = {e for e in keep if e.source in found}
    reached = {f for f in final_nodes(structure) if f in found}
    for index in reversed(range(len(structure))):
        reached |= {e.source for e in kept if e.target == index and index in reached}
    return reached


def _subsets(items: Sequence[Item]) -> Iterator[frozenset[Item]]:
    sizes = range(len(items) + 1)
    return map(frozenset, chain.from_iterable(combinations(items, size) for size in sizes))
