"""The temporal gates of a structure: which there are, what those of connections need, their names.

The gate of a connection needs an input without one to compare with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from connsearch.graph.layers import Gate, Layer
from connsearch.graph.plan import BlockPlan, StemPlan, plan
from connsearch.graph.spec import Connection, Edge, Post, Structure


def comparable(inputs: Iterable[Connection]) -> tuple[Connection, ...]:
    """Returns a block's inputs; where all of them have a temporal gate, they lose it.

    >>> [c.gated for c in comparable([Connection(0, gated=True), Connection(1)])]
    [True, False]
    >>> [c.gated for c in comparable([Connection(0, gated=True), Connection(1, gated=True)])]
    [False, False]
    """
    found = tuple(inputs)
    if any(not connection.gated for connection in found):
        return found
    return tuple(replace(connection, gated=False) for connection in found)


def post_gate_name(node: int) -> str:
    """Returns what the gate that follows a block is called, in tables, messages and pictures.

    >>> post_gate_name(8)
    'node 8'
    """
    return f"node {node}"


def module_gate_name(node: int, module: int) -> str:
    """Returns what the gate inside a module of a block, counted from 0, is called.

    >>> module_gate_name(8, 2)
    'node 8, module 2'
    """
    return f"node {node}, module {module}"


def connection_gate_name(edge: Edge) -> str:
    """Returns what the gate of a connection is called, in tables, messages and pictures.

    >>> connection_gate_name(Edge(3, 8))
    'node 8 <- 3'
    """
    return f"node {edge.target} <- {edge.source}"


def has_gates(structure: Structure) -> bool:
    """Returns whether a valid structure has a temporal gate: behind, before or in a node.

    >>> from connsearch.graph.files import load_structure
    >>> has_gates(load_structure("starter"))
    False
    """
    if any(connection.gated for _, connection in structure.connections()):
        return True
    if any(block.post is Post.SRTG for _, block in structure.blocks()):
        return True
    shapes = plan(structure).nodes
    return any(isinstance(layer, Gate) for shape in shapes for layer in _layers(shape))


def _layers(shape: StemPlan | BlockPlan) -> Iterator[Layer]:
    """The layers of a node, those of equal modules once."""
    if isinstance(shape, StemPlan):
        yield from shape.layers.layers
        return
    for step, _ in shape.kind.steps(shape.modules):
        yield from shape.module(step).layers
