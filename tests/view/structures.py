"""Structures to draw: published ones before and after pruning, peers, dead ends, a large one."""

from __future__ import annotations

import random
from dataclasses import replace

from connsearch.graph.files import load_structure
from connsearch.graph.spec import (
    Attention,
    Block,
    Connection,
    Modality,
    NetworkSettings,
    Node,
    Peer,
    Stem,
    Structure,
)
from connsearch.pruning.pruner import prune

PUBLISHED = ("assemblenet-50", "assemblenet-101", "assemblenet_plus-50", "assemblenet_plus_lite")


def small(*, attention: Attention = Attention.NONE) -> Structure:
    """Nodes 0 rgb, 1 flow; 2, 3, 4 on level 0; 5 on level 1. Node 4 leads nowhere.

    0 -> 2 -> 5, 1 -> 3 -> 5 (3 -> 5 weak), 0 and 1 -> 4, and 1 -> 5 is free.
    """
    nodes: tuple[Node, ...] = (
        Stem(Modality.RGB, 4),
        Stem(Modality.FLOW),
        Block(0, (Connection(0, None),), 8),
        Block(0, (Connection(1, None),), 8, temporal_dilation=2),
        Block(0, (Connection(0, 0.7), Connection(1, 0.6)), 8),
        Block(1, (Connection(2, 0.9), Connection(3, 0.2), Connection(1, "free")), 8),
    )
    network = NetworkSettings(blocks=(1, 1), inner_widths=(4, 4), attention=attention)
    return Structure("small", "assemblenet_plus", nodes, network)


def gated(coefficients: dict[int, float], *, attention: Attention = Attention.FIXED) -> Structure:
    """:func:`small` with peers on its strongest connection, 2 -> 5."""
    structure = small(attention=attention)
    edge = structure.edges()[4]
    peers = tuple(Peer(node, share) for node, share in coefficients.items())
    return structure.with_peers({edge: peers})


def pruned(name: str, threshold: float = 0.5) -> Structure:
    """A published structure without its connections below the threshold."""
    structure = load_structure(name)
    weights = structure.weights().items()
    keep = [edge for edge, w in weights if not isinstance(w, float) or w >= threshold]
    return prune(structure, keep).structure


def large(nodes: int, connections: int, *, levels: int = 8, free: bool = False) -> Structure:
    """Random connections between so many nodes, three stems among them."""
    rng = random.Random(0)
    stems = [Stem(Modality.RGB), Stem(Modality.FLOW), Stem(Modality.OBJECT)]
    level = [-1, -1, -1] + [i * levels // (nodes - 3) for i in range(nodes - 3)]
    inputs: list[set[int]] = [set() for _ in range(nodes)]
    for node in range(3, nodes):
        inputs[node].add(rng.choice([s for s in range(node) if level[s] < level[node]]))
    while sum(map(len, inputs)) < connections:
        source, target = sorted(rng.sample(range(nodes), 2))
        if level[source] < level[target]:
            inputs[target].add(source)
    blocks = [
        Block(
            level[node],
            tuple(Connection(s, "free" if free else rng.random()) for s in sorted(inputs[node])),
            8,
        )
        for node in range(3, nodes)
    ]
    network = NetworkSettings(blocks=(1,) * levels, inner_widths=(4,) * levels)
    return Structure("large", "assemblenet", (*stems, *blocks), network)


def without_inputs(structure: Structure, node: int) -> Structure:
    """The structure with one block that nothing leads into (no rule allows it, it is drawn)."""
    nodes = list(structure.nodes)
    nodes[node] = replace(structure.block(node), connections=())
    return replace(structure, nodes=tuple(nodes))
