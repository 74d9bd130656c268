"""The temporal gates of connections: a gate needs an input without one to compare with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from connsearch.graph.spec import Connection


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
