"""The search space: everything connected to everything, and random parts of that.

Nodes stay as they are, with pinned stem widths and finals; shapes pinned on blocks belong to the
wiring they were pinned for and are dropped. Parents are never changed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from random import Random

from connsearch.graph.dag import candidate_edges
from connsearch.graph.gates import comparable
from connsearch.graph.spec import FREE, Connection, Edge, Stem, Structure

Living = Callable[[frozenset[Edge]], frozenset[Edge]]
"""What is alive of a wiring: all of it, a part, or nothing where a part will not do."""


def over_connect(structure: Structure, *, keep_weights: bool = False) -> Structure:
    """Returns the structure with every connection the rules allow, sources ascending.

    Args:
        structure: a valid structure.
        keep_weights: whether connections it already has keep weight and peers; otherwise every
            weight is free and no connection names peers. Temporal gates stay either way.
    """
    known = dict(structure.connections())
    if not keep_weights:
        known = {e: Connection(e.source, FREE, gated=c.gated) for e, c in known.items()}
    edges = candidate_edges(structure)
    return rewired(structure, edges, lambda edge: known.get(edge, Connection(edge.source, FREE)))


def random_wiring(
    edges: Sequence[Edge],
    rng: Random,
    *,
    number: int | None = None,
    share: float = 0.5,
    fixed: Collection[Edge] = (),
    living: Living = frozenset,
    draws: int = 0,
    thinnings: int = 1,
) -> frozenset[Edge]:
    """Returns random ones of some connections: the only maker of random wirings.

    Without a number each connection comes with probability ``share``, whatever lives of them.

    With a number, first ``draws`` uniform draws of exactly so many: the first all of which lives is
    returned. Then connections leave one by one in random order, each taking along what dies with
    it, unless fewer than ``number`` would live. Of so many ``thinnings`` the first that ends at the
    number is returned, else the smallest: it may have more.

    Args:
        edges: what can be drawn, without repetition; their order counts for the draw.
        rng: decides everything random.
        number: how many are wanted, from the number of ``fixed`` to that of ``edges``.
        share: a probability, looked at without a number.
        fixed: those of them that always stay.
        living: what is alive of a set of them; by default all.
        draws: uniform draws before connections leave.
        thinnings: how often they leave from the start, at least 0.
    """
    if number is None:
        return frozenset(e for e in edges if e in fixed or rng.random() < share)
    movable = [edge for edge in edges if edge not in fixed]
    kept = [edge for edge in edges if edge in fixed]
    for _ in range(draws):
        drawn = frozenset([*kept, *rng.sample(movable, number - len(kept))])
        if living(drawn) == drawn:
            return drawn
    fewest = frozenset(edges)
    for _ in range(thinnings):
        order = list(movable)
        rng.shuffle(order)
        fewest = min(fewest, _thinned(frozenset(edges), order, number, living), key=len)
        if len(fewest) == number:
            break
    return fewest


def _thinned(
    kept: frozenset[Edge], order: Iterable[Edge], number: int, living: Living
) -> frozenset[Edge]:
    """What is left when edges go in order, as long as so many live."""
    for edge in order:
        if len(kept) == number:
            break
        if edge in kept:
            left = living(kept - {edge})
            kept = left if len(left) >= number else kept
    return kept


def rewired(
    structure: Structure, edges: Iterable[Edge], connection: Callable[[Edge], Connection]
) -> Structure:
    """Returns the nodes of a structure with other connections, sources ascending.

    Args:
        structure: whose nodes, settings and name stay.
        edges: the connections it is to have.
        connection: an edge to what stands at its target: source, weight, peers and gate.
    """
    inputs: dict[int, list[Connection]] = {index: [] for index, _ in structure.blocks()}
    for edge in sorted(edges):
        inputs[edge.target].append(connection(edge))
    nodes = tuple(
        node
        if isinstance(node, Stem)
        else replace(node, connections=comparable(inputs[index]), pinned=None)
        for index, node in enumerate(structure.nodes)
    )
    return replace(structure, nodes=nodes)
