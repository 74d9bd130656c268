"""Random tiny structures of every family and attention mode, and small ones drawn by hand."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence

from connsearch.graph.candidates import candidate_peers
from connsearch.graph.rules import validate
from connsearch.graph.spec import (
    Attention,
    Block,
    Connection,
    Edge,
    Filters,
    Modality,
    NetworkSettings,
    Node,
    Peer,
    Stem,
    Structure,
)

FAMILIES = ("assemblenet", "assemblenet_plus", "assemblenet_plus_lite")
MODES = (Attention.NONE, Attention.STATIC, Attention.SELF, Attention.PEER)


def drawn(
    levels: Sequence[int],
    inputs: Mapping[int, Mapping[int, float | None]],
    *,
    stems: Sequence[Modality] = (Modality.RGB, Modality.FLOW),
    attention: Attention = Attention.NONE,
    filters: Mapping[int, int] | None = None,
) -> Structure:
    """Returns a structure drawn by hand: ``inputs`` is {block: {source: weight}}.

    Blocks follow the stems; ``levels`` has one entry a block.
    """
    blocks = tuple(
        Block(
            level,
            tuple(Connection(s, w) for s, w in inputs[index].items()),
            (filters or {}).get(index, 2),
        )
        for index, level in enumerate(levels, start=len(stems))
    )
    count = max(levels) + 1
    settings = NetworkSettings(
        blocks=(1,) * count,
        inner_widths=(2,) * count,
        stem_total=8,
        object_classes=3,
        attention=attention,
    )
    nodes: tuple[Node, ...] = (*(Stem(m) for m in stems), *blocks)
    return validate(Structure("drawn", "assemblenet", nodes, settings))


def random_tiny(rng: random.Random) -> Structure:
    """Returns a valid tiny random structure: learned weights and, in mode peer, learned peers."""
    family = rng.choice(FAMILIES)
    lite = family == "assemblenet_plus_lite"
    stems = [
        Stem(rng.choice(tuple(Modality)), rng.choice((1, 2, 4))) for _ in range(rng.randint(1, 4))
    ]
    levels = rng.randint(2, 4)
    nodes: list[Node] = list(stems)
    top = _filters(rng, lite)
    for level in range(levels):
        below = range(len(nodes))
        for _ in range(rng.randint(1, 3)):
            nodes.append(
                Block(
                    level,
                    _connections(rng, below),
                    top if level == levels - 1 else _filters(rng, lite),
                    rng.choice((1, 2, 4)),
                    rng.choice((1, 2)),
                )
            )
    settings = NetworkSettings(
        blocks=tuple(rng.randint(1, 2) for _ in range(levels)),
        inner_widths=tuple(rng.randint(1, 3) for _ in range(levels)),
        stem_total=rng.choice((8, 12)),
        stem_width=rng.choice((None, None, 3, 4)),
        object_classes=rng.randint(2, 5),
        attention=rng.choice(MODES),
        head=rng.choice(("average", "softmax")),
        head_widths=rng.choice(((), (5, 3))),
    )
    structure = Structure("tiny", family, tuple(nodes), settings)
    return validate(with_random_peers(structure, rng))


def _filters(rng: random.Random, lite: bool) -> Filters:
    return (
        (rng.randint(1, 4), rng.randint(1, 4), rng.choice((3, 4, 8)))
        if lite
        else rng.choice((1, 2))
    )


def _connections(rng: random.Random, below: range) -> tuple[Connection, ...]:
    sources = rng.sample(below, rng.randint(1, min(6, len(below))))
    if len(sources) == 1 and rng.random() < 0.7:
        return (Connection(sources[0], None),)
    return tuple(Connection(s, round(rng.uniform(0.02, 0.98), 3)) for s in sources)


def with_random_peers(structure: Structure, rng: random.Random) -> Structure:
    """Returns the structure with a learned mixture on every connection, in mode peer only."""
    if structure.network.attention is not Attention.PEER:
        return structure
    peers: dict[Edge, tuple[Peer, ...]] = {}
    for edge in structure.edges():
        candidates = candidate_peers(structure, edge.target)
        odds = [math.exp(rng.gauss(0, 2)) for _ in candidates]
        peers[edge] = tuple(Peer(n, o / sum(odds)) for n, o in zip(candidates, odds, strict=True))
    return structure.with_peers(peers)
