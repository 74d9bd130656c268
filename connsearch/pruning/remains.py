"""What a pruning keeps, counted: the one place that commands, pictures and reports count by."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from connsearch.graph.spec import Edge, Structure
from connsearch.pruning.closure import fed_nodes
from connsearch.pruning.pruner import Pruned, needless
from connsearch.pruning.scores import unweighted


@dataclass(frozen=True, slots=True)
class Remains:
    """How many nodes and connections there were, and how many of them stay."""

    nodes: int
    nodes_kept: int
    connections: int
    kept: int

    @property
    def dead(self) -> int:
        """Nodes that go."""
        return self.nodes - self.nodes_kept

    @property
    def removed(self) -> int:
        """Connections that go, those of dead nodes among them."""
        return self.connections - self.kept

    def __str__(self) -> str:
        """Returns what stays in a few words.

        >>> str(Remains(nodes=11, nodes_kept=9, connections=46, kept=27))
        '27 of 46 connections, 9 of 11 nodes'
        """
        connections = f"{self.kept} of {self.connections} connections"
        return f"{connections}, {self.nodes_kept} of {self.nodes} nodes"


def remains_of(pruned: Pruned) -> Remains:
    """Returns how much of a structure a pruning keeps."""
    kept, alive = len(pruned.edges), len(pruned.node_map)
    return Remains(alive + len(pruned.dead), alive, kept + len(pruned.removed), kept)


def why_dead(structure: Structure, keep: Collection[Edge], pruned: Pruned) -> dict[int, str]:
    """Returns why each dead node is dead, in a few words, by its old number.

    Args:
        structure: what was pruned.
        keep: the connections that were to be kept.
        pruned: what came of it.
    """
    kept = frozenset(keep) | unweighted(structure) | pruned.edges
    fed, spare = fed_nodes(structure, kept), needless(structure, pruned)
    found: dict[int, str] = {}
    for node in pruned.dead:
        sources = sorted(edge.source for edge in kept if edge.target == node)
        readers = sorted(edge.target for edge in kept if edge.source == node)
        if node not in fed:
            found[node] = f"of its inputs only dead nodes stay: {_named(sources)}"
            if not sources:
                found[node] = "none of its inputs stays"
        elif node in spare:
            found[node] = "it would only gate others: their other peers took its place"
        elif readers:
            found[node] = f"only dead nodes read it: {_named(readers)}"
        else:
            found[node] = "nothing that stays reads it or is gated by it"
    return found


def _named(nodes: list[int]) -> str:
    return ", ".join(map(str, nodes))
