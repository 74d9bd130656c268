"""A hidden preference over structures, for planning and tests: no network, no data.

What a connection is worth depends on what it joins: the stream or level it comes from, the level it
leads to, and the temporal dilations at both ends. A source with poor inputs passes on less, so that
connections depend on each other a little. A landscape also prefers certain numbers of stems and
blocks, and in each level one dilation or a mix, and likes or dislikes what follows blocks and kinds
of blocks that are not the family's. All of it follows from a seed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from math import exp, sqrt
from random import Random

from connsearch.graph.families import family, own_kind
from connsearch.graph.kinds import BLOCK_KINDS
from connsearch.graph.spec import Block, Edge, Modality, Post, Stem, Structure
from connsearch.graph.temporal import has_dilation
from connsearch.seeds import derive

LOWEST, HIGHEST = 0.2, 0.9
"""Range of every true fitness, like accuracies of a small data set."""

_CONNECTIONS = 5.0
"""How much the mean worth of all legal connections counts; one that is not there is worth 0."""

_NUMBERS = 0.6
_MIXES = 0.4
_PARTS = 0.4
"""How much posts and kinds count; a block without a post and of the family's kind adds nothing."""

_OFFSET = -0.4
"""With these a random wiring is worth 0.4 to 0.5, and the best that climbing finds 0.75 to 0.89."""

_EPISTASIS = 0.5
"""Share of a connection's worth that depends on how well its source is fed."""

_PAIR = 0.5
"""Share of the variance of a connection's worth that is the same for all dilations."""

_SEEN_DILATIONS = (1, 2, 4, 8)
"""Other values count as the greatest of these that is not greater."""

_STREAMS = tuple(Modality)
_Kind = tuple[int, int]
"""Stream (-1 and below) or level of a node, and its dilation (0 where it has none)."""


@dataclass(frozen=True, slots=True)
class Landmark:
    """The values of one structure in a landscape.

    Attributes:
        fitness: true value, without noise.
        gains: the value of every connection, about -2 to 2.
    """

    fitness: float
    gains: Mapping[Edge, float]


class Landscape:
    """A fitness of every structure, and a worth of every connection.

    Args:
        seed: decides all preferences.
        scale: how steep it is; at 0 all structures are worth the same.

    >>> from connsearch.graph.files import load_structure
    >>> 0.2 < Landscape(3).at(load_structure("starter")).fitness < 0.9
    True
    """

    def __init__(self, seed: int, scale: float = 1.0) -> None:
        self.seed, self.scale = seed, scale
        self._worlds: dict[Hashable, Mapping[tuple[_Kind, _Kind], float]] = {}
        self._wanted: dict[int, int] = {}
        self._tastes: dict[int, float] = {}

    def at(self, structure: Structure) -> Landmark:
        """Returns the values of a structure in the landscape."""
        kinds = [_kind(structure, node) for node in structure.nodes]
        gains, mean = _connections(structure, kinds, self._world(structure))
        liked = _CONNECTIONS * mean + self._numbers(structure, kinds) + self._mixes(kinds)
        liked += self._parts(structure)
        height = self.scale * (liked + _OFFSET)
        return Landmark(LOWEST + (HIGHEST - LOWEST) * logistic(height), gains)

    def _world(self, structure: Structure) -> Mapping[tuple[_Kind, _Kind], float]:
        """What a well fed connection is worth, between nodes of any two kinds; 0 in the mean.

        Without a mean of 0 everything would be good in some landscapes, and nothing in others.
        """
        streams, network = structure.modalities(), structure.network
        own = any(node.kind is not None for node in structure.nodes)
        key = (structure.family, network.blocks, streams, own)
        if key not in self._worlds:
            stems = [Stem(modality) for modality in streams]
            filters = BLOCK_KINDS[family(structure.family).block].filters.filled(1)
            kinds = _kinds(structure, stems)
            drawn: dict[tuple[_Kind, _Kind], float] = {}
            for level in range(network.levels):
                here = _kinds(structure, [Block(level, (), filters)])
                drawn |= {(s, t): self._worth(s, t) for s in kinds for t in here}
                kinds += here
            mean = sum(drawn.values()) / len(drawn)
            if own:  # nodes of other kinds than the family's: with a dilation where it has none ...
                seen = sorted({(group, d) for group, _ in kinds for d in (0, *_SEEN_DILATIONS)})
                drawn |= {(s, t): self._worth(s, t) for s in seen for t in seen if s[0] < t[0]}
            self._worlds[key] = {pair: self.scale * (w - mean) for pair, w in drawn.items()}
        return self._worlds[key]

    def _worth(self, source: _Kind, target: _Kind) -> float:
        pair = self._draw("pair", source[0], target[0])
        both = self._draw("connection", *source, *target)
        return sqrt(_PAIR) * pair + sqrt(1 - _PAIR) * both

    def _numbers(self, structure: Structure, kinds: list[_Kind]) -> float:
        """How close the numbers of stems and blocks are to the preferred ones; 0 on average."""
        have = {level: 0 for level in range(structure.network.levels)}
        for kind, _ in kinds:
            have[kind] = have.get(kind, 0) + 1
        misses = [min(abs(n - self._number(group)), 2) for group, n in have.items()]
        return _NUMBERS * self.scale * (1 - sum(misses) / len(misses))

    def _number(self, group: int) -> int:
        known = self._wanted.get(group)
        if known is None:
            most = 2 if group < 0 else 4
            rng = Random(derive(self.seed, "number", group))
            known = self._wanted[group] = rng.randint(1, most)
        return known

    def _mixes(self, kinds: list[_Kind]) -> float:
        """How much it likes that the blocks of a level have the same dilation, or several."""
        found: dict[int, list[int]] = {}
        for level, dilation in kinds:
            if level >= 0:
                found.setdefault(level, []).append(dilation)
        liked = 0.0
        for level, dilations in found.items():
            if level not in self._tastes:
                self._tastes[level] = self.scale * self._draw("mix", level)
            mix = (len(set(dilations)) - 1) / max(len(dilations) - 1, 1)
            liked += self._tastes[level] * (mix - 0.5)
        return _MIXES * liked / len(found)

    def _parts(self, structure: Structure) -> float:
        """How much it likes the posts of blocks and kinds that are not the family's, on average."""
        liked, blocks = 0.0, list(structure.blocks())
        for _, block in blocks:
            kind = own_kind(structure, block)
            if block.post is not Post.NONE:
                liked += self._draw("post", block.level, block.post.value)
            if kind is not None:
                liked += self._draw("kind", block.level, kind)
        return _PARTS * self.scale * liked / len(blocks)

    def _draw(self, *purpose: str | int) -> float:
        return Random(derive(self.seed, *purpose)).gauss(0.0, 1.0)


def logistic(x: float) -> float:
    """Returns ``1 / (1 + exp(-x))``, in (0, 1) or at its ends.

    >>> logistic(0), logistic(-1e9)
    (0.5, 0.0)
    """
    return 1 / (1 + exp(-x)) if x > -700 else 0.0


def _connections(
    structure: Structure, kinds: list[_Kind], worth: Mapping[tuple[_Kind, _Kind], float]
) -> tuple[dict[Edge, float], float]:
    """Every connection's gain, and the mean over pairs of a stream or level and a higher level.

    In a pair it is the mean over all connections that could be there; one that is not adds 0. So
    more nodes of a good kind are not worth more.
    """
    gains: dict[Edge, float] = {}
    fed = [1.0] * len(kinds)
    sums: dict[tuple[int, int], float] = {}
    for index, block in structure.blocks():
        into = 0.0
        for source in block.inputs:
            share = 1 - _EPISTASIS + _EPISTASIS * fed[source]
            gain = share * worth[kinds[source], kinds[index]]
            gains[Edge(source, index)] = gain
            into += gain
            pair = kinds[source][0], block.level
            sums[pair] = sums.get(pair, 0.0) + gain
        fed[index] = logistic(into)
    numbers = Counter(group for group, _ in kinds)
    mean = sum(total / (numbers[s] * numbers[t]) for (s, t), total in sums.items())
    levels = [group for group in numbers if group >= 0]
    return gains, mean / sum(source < level for level in levels for source in numbers)


def _kind(structure: Structure, node: Stem | Block) -> _Kind:
    group = node.level if isinstance(node, Block) else -1 - _STREAMS.index(node.modality)
    return group, _seen(node.temporal_dilation) if has_dilation(structure, node) else 0


def _kinds(structure: Structure, nodes: Iterable[Stem | Block]) -> list[_Kind]:
    """All kinds there are of some nodes, whatever their dilations."""
    made = (replace(node, temporal_dilation=d) for node in nodes for d in _SEEN_DILATIONS)
    return sorted({_kind(structure, node) for node in made})


def _seen(dilation: int) -> int:
    return max(seen for seen in _SEEN_DILATIONS if seen <= dilation)
