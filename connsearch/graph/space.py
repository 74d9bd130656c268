"""The search space: everything connected to everything, or to a given number of random others.

Both keep the nodes as they are, with pinned stem widths and finals; shapes pinned on blocks
belong to the wiring they were pinned for and are dropped. Parents are never changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from random import Random

from connsearch.errors import SettingsError
from connsearch.graph.dag import candidate_edges, levels
from connsearch.graph.plan import final_nodes
from connsearch.graph.spec import FREE, Connection, Edge, Stem, Structure

_DRAWS = 100
"""Uniform draws before a wiring is built around a cover instead."""


def over_connect(structure: Structure, *, keep_weights: bool = False) -> Structure:
    """Returns the structure with every connection the rules allow, sources ascending.

    Args:
        structure: a valid structure.
        keep_weights: whether connections it already has keep weight and peers; otherwise every
            weight is free and no connection names peers.
    """
    known = dict(structure.connections()) if keep_weights else {}
    edges = candidate_edges(structure)
    return _rewired(structure, edges, lambda edge: known.get(edge, Connection(edge.source, FREE)))


def random_structure(like: Structure, *, connections: int, rng: Random) -> Structure:
    """Returns a valid structure with the nodes of ``like`` and exactly so many connections.

    Every block has an input and, where that many connections allow it, every node is live: it
    reaches a final node over connections. (Top-level nodes the head does not read never do.)
    Wirings are drawn uniformly among those; where such are rare, around a random cover. Weights
    are the defaults: free, or None on a single input. No connection names peers, so that in
    attention mode ``fixed`` nothing is gated.

    Args:
        like: a valid structure.
        connections: from the number of blocks to the number of candidate connections.
        rng: decides everything random.

    Raises:
        SettingsError: more connections than there are candidates, or fewer than blocks.
    """
    candidates = candidate_edges(like)
    blocks = sum(1 for _ in like.blocks())
    if not blocks <= connections <= len(candidates):
        raise SettingsError(
            f"{connections} connections: {like.name} has {blocks} blocks, which need one "
            f"each, and {len(candidates)} candidate connections; choose from {blocks} to "
            f"{len(candidates)}"
        )
    need = _Need.of(like)
    for _ in range(_DRAWS):
        chosen = rng.sample(candidates, connections)
        if need.is_met(chosen):
            break
    else:
        chosen = _around_a_cover(like, need, candidates, connections, rng)
    counts = Counter(edge.target for edge in chosen)
    return _rewired(
        like, chosen, lambda e: Connection(e.source, FREE if counts[e.target] > 1 else None)
    )


def _rewired(
    structure: Structure, edges: Iterable[Edge], connection: Callable[[Edge], Connection]
) -> Structure:
    """The nodes of a structure with other connections, sources ascending."""
    inputs: dict[int, list[Connection]] = {index: [] for index, _ in structure.blocks()}
    for edge in sorted(edges):
        inputs[edge.target].append(connection(edge))
    nodes = tuple(
        node
        if isinstance(node, Stem)
        else replace(node, connections=tuple(inputs[index]), pinned=None)
        for index, node in enumerate(structure.nodes)
    )
    return replace(structure, nodes=nodes)


class _Need:
    """What a wiring must have: an input for each block, a useful consumer for each other node.

    A consumer is useful if it is final or below the top level. As levels rise along connections,
    every node then reaches a final one.
    """

    def __init__(self, fed: set[int], read: set[int], useful: set[int]) -> None:
        self.fed = fed
        self.read = read
        self.useful = useful

    @classmethod
    def of(cls, structure: Structure) -> _Need:
        top = structure.network.levels - 1
        below = {index for index, level in enumerate(levels(structure)) if level < top}
        fed = {index for index, _ in structure.blocks()}
        return cls(fed, below, (below & fed) | set(final_nodes(structure)))

    def is_met(self, edges: Iterable[Edge]) -> bool:
        fed, read = set[int](), set[int]()
        for source, target in edges:
            fed.add(target)
            if target in self.useful:
                read.add(source)
        return self.fed <= fed and self.read <= read


def _around_a_cover(
    like: Structure, need: _Need, candidates: tuple[Edge, ...], connections: int, rng: Random
) -> list[Edge]:
    """Returns a random wiring that contains a smallest possible cover, as far as it fits.

    With too few connections for every node to be live, the lowest go unread first.
    """
    level = levels(like)
    targets: dict[int, list[int]] = {source: [] for source in need.read}
    for source, target in candidates:
        if target in need.useful:
            targets[source].append(target)
    chosen, fed = list[Edge](), set[int]()
    unread: list[int] = []
    # A node of a higher level can feed fewer blocks, and those all lower nodes can feed as well:
    # from the top down, any free block will do and the matching is still as large as can be.
    for source in sorted(rng.sample(sorted(need.read), len(need.read)), key=lambda n: -level[n]):
        free = [t for t in targets[source] if t not in fed]
        if free:
            fed.add(free_target := rng.choice(free))
            chosen.append(Edge(source, free_target))
        else:
            unread.append(source)
    sources = _sources_by_target(candidates)
    chosen += [Edge(rng.choice(sources[target]), target) for target in sorted(need.fed - fed)]
    spare = connections - len(chosen)
    chosen += [Edge(source, rng.choice(targets[source])) for source in unread[: max(spare, 0)]]
    taken = set(chosen)
    rest = [edge for edge in candidates if edge not in taken]
    return chosen + rng.sample(rest, connections - len(chosen))


def _sources_by_target(candidates: Iterable[Edge]) -> Mapping[int, list[int]]:
    sources: dict[int, list[int]] = {}
    for source, target in candidates:
        sources.setdefault(target, []).append(source)
    return sources
