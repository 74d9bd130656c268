"""Random valid structures for property tests, and a renumbering of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random

from hypothesis import settings
from hypothesis import strategies as st

from connsearch.graph.families import block_kind
from connsearch.graph.plan import final_nodes, pin, unpin
from connsearch.graph.spec import (
    FREE,
    Attention,
    Block,
    Connection,
    Modality,
    NetworkSettings,
    Node,
    Peer,
    Stem,
    Structure,
    Weight,
)

LAW = settings(max_examples=50)
"""Fifty structures for each law: enough to meet every family, mode and pin."""

FAMILIES = ("assemblenet", "assemblenet_plus", "assemblenet_plus_lite")
WEIGHTS: st.SearchStrategy[Weight] = st.one_of(
    st.none(), st.just(FREE), st.floats(0.0, 1.0, allow_nan=False)
)


@st.composite
def structures(draw: st.DrawFn, *, most_blocks: int = 3, pinned: bool | None = None) -> Structure:
    """Draws a valid structure of any family, any attention mode, pinned or not."""
    family = draw(st.sampled_from(FAMILIES))
    levels = draw(st.integers(1, 4))
    network = NetworkSettings(
        blocks=tuple(draw(st.integers(1, 3)) for _ in range(levels)),
        inner_widths=tuple(draw(st.sampled_from([4, 8])) for _ in range(levels)),
        stem_total=draw(st.sampled_from([20, 24])),
        stem_width=draw(st.sampled_from([None, 6])),
        object_classes=draw(st.sampled_from([3, 6])),
        attention=draw(st.sampled_from(list(Attention))),
        head=draw(st.sampled_from(["average", "softmax"])),
        head_widths=draw(st.sampled_from([(), (6,), (6, 8)])),
    )
    nodes: list[Node] = [
        Stem(draw(st.sampled_from(list(Modality))), draw(st.sampled_from([1, 2, 4])))
        for _ in range(draw(st.integers(1, 4)))
    ]
    top_filters = _filters(draw, family)
    for level in range(levels):
        below = len(nodes)
        fewest = 1 if level == levels - 1 else 0
        for _ in range(draw(st.integers(fewest, most_blocks))):
            filters = top_filters if level == levels - 1 else _filters(draw, family)
            nodes.append(_block(draw, level, below, filters, network.attention))
    structure = Structure("random", family, tuple(nodes), network, provenance={"seed": 1})
    return pin(structure) if (draw(st.booleans()) if pinned is None else pinned) else structure


RESIDUAL = (
    "r3d_basic",
    "r2plus1d_bottleneck",
    "srtg_r3d_basic_res",
    "srtg_r2plus1d_basic",
    "srtg_r3d_bottleneck_top",
)
"""Some of the kinds that have a stride in time, of both forms and convolutions."""


@st.composite
def timed(draw: st.DrawFn, *, most_blocks: int = 2, pinned: bool | None = None) -> Structure:
    """Draws a valid structure of mixed kinds, with strides in time where a kind has them."""
    drawn = unpin(draw(structures(most_blocks=most_blocks, pinned=False)))
    nodes: list[Node] = []
    for node in drawn.nodes:
        if isinstance(node, Stem):
            kind = draw(st.sampled_from([None, "r3d", "r2plus1d"]))
            nodes.append(replace(node, kind=kind))
        elif draw(st.booleans()):
            kind, stride = draw(st.sampled_from(RESIDUAL)), draw(st.sampled_from([1, 2, 3]))
            width = block_kind(drawn, node).width(node.filters)
            nodes.append(replace(node, kind=kind, filters=width, temporal_stride=stride))
        else:
            nodes.append(node)
    found = replace(drawn, nodes=tuple(nodes))
    return pin(found) if (draw(st.booleans()) if pinned is None else pinned) else found


def _filters(draw: st.DrawFn, family: str) -> int | tuple[int, int, int]:
    if family.endswith("lite"):
        return draw(st.sampled_from([(6, 6, 4), (8, 8, 6)]))
    return draw(st.sampled_from([2, 3]))


def _block(
    draw: st.DrawFn, level: int, below: int, filters: int | tuple[int, int, int], mode: Attention
) -> Block:
    lower = st.integers(0, below - 1)
    connections: list[Connection] = []
    for source in draw(st.lists(lower, min_size=1, max_size=4, unique=True)):
        chosen = draw(st.lists(lower, max_size=2, unique=True)) if mode is Attention.FIXED else []
        peers = tuple(Peer(n, draw(st.sampled_from([1.0, 0.25]))) for n in chosen)
        connections.append(Connection(source, draw(WEIGHTS), peers))
    dilation, stride = draw(st.sampled_from([1, 2, 4])), draw(st.sampled_from([1, 2]))
    return Block(level, tuple(connections), filters, dilation, stride)


def renumbered(structure: Structure, rng: Random) -> Structure:
    """Returns the same structure with stems, blocks of a level and inputs in another order."""
    groups: dict[int, list[int]] = {}
    for index, node in enumerate(structure.nodes):
        groups.setdefault(node.level if isinstance(node, Block) else -1, []).append(index)
    order = [i for level in sorted(groups) for i in rng.sample(groups[level], len(groups[level]))]
    new = {old: place for place, old in enumerate(order)}
    finals = tuple(new[i] for i in final_nodes(structure))
    nodes = tuple(_moved(structure.nodes[old], new, rng) for old in order)
    return replace(structure, name="moved", nodes=nodes, finals=finals)


def _moved(node: Node, new: Mapping[int, int], rng: Random) -> Node:
    if isinstance(node, Stem):
        return node
    connections = [
        replace(c, source=new[c.source], peers=tuple(Peer(new[n], k) for n, k in c.peers))
        for c in rng.sample(node.connections, len(node.connections))
    ]
    pinned = node.pinned
    if pinned is not None:
        pinned = replace(pinned, buckets=tuple(_named(b, new) for b in pinned.buckets))
    return replace(node, connections=tuple(connections), pinned=pinned)


def _named(bucket: Sequence[int], new: Mapping[int, int]) -> tuple[int, ...]:
    return tuple(new[source] for source in bucket)
