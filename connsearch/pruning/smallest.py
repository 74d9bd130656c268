"""The smallest of all wirings: what is within reach of a budget."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import replace

from connsearch.graph.cost import cost
from connsearch.graph.plan import final_nodes, pin
from connsearch.graph.spec import Attention, Block, Connection, Edge, PinnedBlock
from connsearch.pruning.strength import Remainder, Remainders

PATHS = 300
"""Paths counted for each quantity."""


def smallest(space: Remainders, known: Iterable[Remainder]) -> dict[str, Remainder]:
    """Returns by quantity the smallest wiring found: one path from a stem to a final node.

    Paths are tried in the order of what their nodes cost at least, until none can be smaller than
    the smallest there is. The smallest of ``known`` is taken where it is smaller. With published
    shapes nodes may cost less than they do in the whole network, so there the result is near the
    smallest.
    """
    everyone = list(known)
    return {quantity: _smallest(space, everyone, quantity) for quantity in space.whole}


def _smallest(space: Remainders, known: Iterable[Remainder], quantity: str) -> Remainder:
    """The smallest of the known ones and of all paths."""
    best, looked = min(known, key=lambda one: one.spent[quantity]), 0
    prices, finals = _prices(space, quantity), final_nodes(space.structure)
    onwards = [list[Edge]() for _ in range(len(space.structure))]
    for edge in space.structure.edges():
        onwards[edge.source].append(edge)
    ahead: list[tuple[int, int, tuple[Edge, ...]]]
    ahead = [(prices[index], index, ()) for index, _ in space.structure.stems()]
    heapq.heapify(ahead)
    while ahead and looked < PATHS:
        least, node, path = heapq.heappop(ahead)
        if least >= best.spent[quantity]:
            break
        if node in finals:
            looked += 1
            found = space.of({n for edge in path for n in edge}, path)
            if found is not None and found.spent[quantity] < best.spent[quantity]:
                best = found
        for edge in onwards[node]:
            heapq.heappush(ahead, (least + prices[edge], edge.target, (*path, edge)))
    return best


def _prices(space: Remainders, quantity: str) -> dict[Edge | int, int]:
    """What a stem costs, and a block with one input alone, without a gate."""
    structure = pin(space.structure).with_settings(attention=Attention.NONE)
    prices: dict[Edge | int, int] = {}
    most = max(len(block.connections) for _, block in structure.blocks())
    for place in range(most):
        single = replace(
            structure,
            nodes=tuple(
                _with_input(node, min(place, len(node.connections) - 1))
                if isinstance(node, Block)
                else node
                for node in structure.nodes
            ),
        )
        nodes = cost(single, num_classes=space.num_classes, clip=space.clip).nodes
        for index, found in enumerate(nodes):
            node = single.nodes[index]
            spent = {"macs": found.macs, "params": found.parameters, "connections": 0}[quantity]
            if isinstance(node, Block):
                prices[Edge(node.inputs[0], index)] = spent + (quantity == "connections")
            else:
                prices[index] = spent
    return prices


def _with_input(block: Block, place: int) -> Block:
    """A pinned block with one of its inputs alone."""
    kept: Connection = block.connections[place]
    assert isinstance(block.pinned, PinnedBlock)
    pinned = replace(block.pinned, buckets=((kept.source,),))
    return replace(block, connections=(kept,), pinned=pinned)
