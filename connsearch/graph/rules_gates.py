"""Rules about what follows a block, and about connections with a temporal gate."""

from __future__ import annotations

from collections.abc import Iterator

from connsearch.errors import Fault
from connsearch.graph.checks import is_a, show, unknown
from connsearch.graph.spec import Block, Post


def gate_faults(index: int, block: Block) -> Iterator[Fault]:
    """Yields the faults of a block's ``post`` and of the gates of its connections."""
    if not is_a(block.post, Post):
        message = unknown("post", block.post, [post.value for post in Post])
        yield Fault("post", message, index, cure="omit the block, and nothing follows it")
    gated = [c.source for c in block.connections if c.gated is True]
    for connection in block.connections:
        if not is_a(connection.gated, bool):
            message = f"gated {show(connection.gated)} of input {show(connection.source)} is "
            yield Fault("gated", f"{message}neither true nor false", index)
    if gated and len(gated) == len(block.connections):
        message = "all of its inputs have a gate" if len(gated) > 1 else "its only input has a gate"
        cure = "leave at least one without: its features are what the gates compare with"
        yield Fault("gates-all", message, index, cure=cure)
