"""The temporal gates of a structure: what they need, and what each of them is called."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from connsearch.graph.spec import Connection, Edge


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


def post_gate(node: int) -> str:
    """Returns the name of the gate that follows a block, in tables, pictures and alarms.

    >>> post_gate(8)
    'node 8'
    """
    return f"node {node}"


def connection_gate(edge: Edge) -> str:
    """Returns the name of the gate of a connection, in tables, pictures and alarms.

    >>> connection_gate(Edge(3, 8))
    'node 8 <- 3'
    """
    return f"node {edge.target} <- {edge.source}"
