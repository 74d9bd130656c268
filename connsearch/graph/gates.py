"""The temporal gates of a structure: what they need, and what they are called."""

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


def post_gate_name(node: int) -> str:
    """Returns what the gate that follows a block is called, in tables, messages and pictures.

    >>> post_gate_name(8)
    'node 8'
    """
    return f"node {node}"


def connection_gate_name(edge: Edge) -> str:
    """Returns what the gate of a connection is called, in tables, messages and pictures.

    >>> connection_gate_name(Edge(3, 8))
    'node 8 <- 3'
    """
    return f"node {edge.target} <- {edge.source}"
