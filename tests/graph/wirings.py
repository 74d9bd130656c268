"""Structures rewired at random, for tests that want many unlike ones."""

from __future__ import annotations

from collections import Counter
from random import Random

from connsearch.graph.dag import candidate_edges, levels
from connsearch.graph.plan import final_nodes
from connsearch.graph.space import random_wiring, rewired
from connsearch.graph.spec import FREE, Connection, Edge, Structure


def random_structure(like: Structure, *, connections: int, rng: Random) -> Structure:
    """Returns a valid structure with the nodes of ``like`` and exactly so many connections.

    Every block has an input, so there must be as many connections as blocks. Every node is live
    where such a wiring is met by chance. Weights are free, or None on a single input.
    """
    top, level = like.network.levels - 1, levels(like)
    blocks = {index for index, _ in like.blocks()}
    read = {index for index, at in enumerate(level) if at < top}
    useful = (read & blocks) | set(final_nodes(like))

    def fed(edges: frozenset[Edge]) -> frozenset[Edge]:
        return edges if {e.target for e in edges} == blocks else frozenset()

    def live(edges: frozenset[Edge]) -> frozenset[Edge]:
        """As levels rise along connections, who is read by a useful block reaches a final one."""
        enough = {e.source for e in edges if e.target in useful} >= read
        return fed(edges) if enough else frozenset()

    candidates = candidate_edges(like)
    found = random_wiring(candidates, rng, number=connections, living=live, draws=100, thinnings=5)
    if len(found) != connections:
        found = random_wiring(candidates, rng, number=connections, living=fed)
    counts = Counter(edge.target for edge in found)
    return rewired(
        like, found, lambda e: Connection(e.source, FREE if counts[e.target] > 1 else None)
    )
