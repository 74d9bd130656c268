"""Tiny structures with all of schema 2: posts, gated connections, mixed kinds, strides in time."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from dataclasses import replace

from connsearch.graph.families import block_kind
from connsearch.graph.gates import comparable
from connsearch.graph.kinds import BLOCK_KINDS
from connsearch.graph.rules import validate
from connsearch.graph.spec import Attention, Block, Edge, Filters, Post, Structure
from tests.pruning.structures import drawn, random_tiny

LAYERED = sorted(name for name in BLOCK_KINDS if name.removeprefix("srtg_").startswith("r"))
"""The 3D residual kinds, with a temporal gate at any place or without."""


def random_gated(rng: random.Random) -> Structure:
    """Returns a valid tiny random structure of mixed kinds, with posts and gated connections."""
    structure = random_tiny(rng)
    while len(structure) > 7:  # small ones are as good
        structure = random_tiny(rng)
    single = (1,) * structure.network.levels
    return with_later_parts(structure, rng).with_settings(blocks=single)


def with_later_parts(structure: Structure, rng: random.Random) -> Structure:
    """Returns an unpinned structure with what schema 2 has added, here and there."""
    nodes = list(structure.nodes)
    for index, block in structure.blocks():
        nodes[index] = _decorated(structure, block, rng)
    fusion = rng.choice(("one_plus", "one_plus", "product", "sigmoid"))
    return validate(replace(structure, nodes=tuple(nodes)).with_settings(gate_fusion=fusion))


def _decorated(structure: Structure, block: Block, rng: random.Random) -> Block:
    """The block with a kind, something after it, and gates on some of its inputs."""
    first = rng.randrange(len(block.connections))
    inputs = tuple(
        replace(c, gated=place != first and rng.random() < 0.6)
        for place, c in enumerate(block.connections)
    )
    block = replace(block, connections=comparable(inputs), post=rng.choice(tuple(Post)))
    if rng.random() < 0.5:
        return block
    width = block_kind(structure, block).width(block.filters)
    filters: Filters = width
    stride = rng.choice((1, 1, 2))
    return replace(block, kind=rng.choice(LAYERED), filters=filters, temporal_stride=stride)


def gated_by_hand(post: Post = Post.SRTG, attention: Attention = Attention.NONE) -> Structure:
    """Returns two streams that meet twice: node 4 and 5 each have a gate on one of their inputs."""
    plain = drawn(
        (0, 0, 1, 1),
        {2: {0: 0.9}, 3: {1: 0.8}, 4: {2: 0.7, 3: 0.6}, 5: {0: 0.4, 2: 0.5, 3: 0.9}},
        attention=attention,
    )
    return with_gates(plain, (Edge(3, 4), Edge(2, 5)), {4: post})


def with_gates(
    structure: Structure, gates: Collection[Edge], posts: Mapping[int, Post] | None = None
) -> Structure:
    """Returns the structure with temporal gates on connections, and posts of blocks."""
    nodes = list(structure.nodes)
    for index, block in structure.blocks():
        inputs = tuple(replace(c, gated=Edge(c.source, index) in gates) for c in block.connections)
        post = (posts or {}).get(index, block.post)
        nodes[index] = replace(block, connections=inputs, post=post)
    return validate(replace(structure, nodes=tuple(nodes)))
