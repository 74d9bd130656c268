"""A hidden preference over structures, for planning and tests: no network, no data.

What a connection is worth depends on what it joins: the stream or level it comes from, the level it
leads to, and the temporal dilations at both ends. It also passes on less of a source that is itself
fed badly, so that connections depend on each other, a little. Beside that a landscape likes certain
numbers of stems and blocks, and in each level one dilation or a mix. All of it follows from a seed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import exp, sqrt
from random import Random

from connsearch.graph.spec import Block, Edge, Modality, Stem, Structure
from connsearch.seeds import derive

LOWEST, HIGHEST = 0.2, 0.9
"""Between these every true fitness lies, as accuracies of a small data set do."""

_CONNECTIONS = 12.0
"""How much the mean worth of all legal connections counts; one that is not there is worth 0."""

_NUMBERS = 0.6
_MIXES = 0.4
_OFFSET = -0.4
"""With these a random wiring is worth about 0.45, and the best that climbing finds about 0.85."""

_EPISTASIS = 0.5
"""Share of a connection's worth that depends on how well its source is fed."""

_PAIR = 0.5
"""Share of the variance of a connection's worth that is the same for all dilations."""

_SEEN_DILATIONS = (1, 2, 4, 8)
"""Others count as the greatest of these that is not greater."""

_STREAMS = tuple(Modality)
_RGB = -1
"""Streams are counted down from here, levels up from 0."""

_Kind = tuple[int, int]
"""Stream (below 0) or level of a node, and its dilation (0 where it has none)."""


@dataclass(frozen=True, slots=True)
class Landmark:
    """What a landscape knows of one structure.

    Attributes:
        fitness: true value, without noise.
        gains: what every connection is worth there, about -2 to 2.
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
        self._worlds: dict[tuple[tuple[int, ...], int], dict[tuple[_Kind, _Kind], float]] = {}
        self._wanted: dict[int, int] = {}
        self._tastes: dict[int, float] = {}

    def at(self, structure: Structure) -> Landmark:
        """Returns what the landscape knows of a structure."""
        kinds = [_kind(node) for node in structure.nodes]
        streams = tuple(sorted({group for group, _ in kinds if group < 0}))
        worth = self._world(streams, structure.network.levels)
        gains, mean = _connections(structure, kinds, worth)
        liked = _CONNECTIONS * mean + self._numbers(structure, kinds) + self._mixes(kinds)
        height = self.scale * (liked + _OFFSET)
        return Landmark(LOWEST + (HIGHEST - LOWEST) * logistic(height), gains)

    def _world(self, streams: tuple[int, ...], levels: int) -> dict[tuple[_Kind, _Kind], float]:
        """What a well fed connection is worth, between nodes of any two kinds; 0 in the mean.

        Without that, in some landscapes everything would be good, and in others nothing.
        """
        if (streams, levels) not in self._worlds:
            drawn = {
                (source, target): self._worth(source, target)
                for target in _kinds(range(levels))
                for source in _kinds((*streams, *range(target[0])))
            }
            mean = sum(drawn.values()) / len(drawn)
            found = {kinds: self.scale * (worth - mean) for kinds, worth in drawn.items()}
            self._worlds[streams, levels] = found
        return self._worlds[streams, levels]

    def _worth(self, source: _Kind, target: _Kind) -> float:
        pair = self._draw("pair", source[0], target[0])
        both = self._draw("connection", *source, *target)
        return sqrt(_PAIR) * pair + sqrt(1 - _PAIR) * both

    def _numbers(self, structure: Structure, kinds: list[_Kind]) -> float:
        """How near the numbers of stems and blocks are to those it wants; 0 for middling ones."""
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
    """Every connection's gain, and their sum as a share of all connections that could be there."""
    gains: dict[Edge, float] = {}
    fed = [1.0] * len(kinds)
    below: dict[int, int] = {}
    total, legal = 0.0, 0
    for index, block in structure.blocks():
        into = 0.0
        for source in block.inputs:
            share = 1 - _EPISTASIS + _EPISTASIS * fed[source]
            gain = share * worth[kinds[source], kinds[index]]
            gains[Edge(source, index)] = gain
            into += gain
        fed[index] = logistic(into)
        total += into
        if block.level not in below:
            below[block.level] = sum(kind[0] < block.level for kind in kinds)
        legal += below[block.level]
    return gains, total / legal


def _kind(node: Stem | Block) -> _Kind:
    if isinstance(node, Block):
        return node.level, _seen(node.temporal_dilation)
    group = -1 - _STREAMS.index(node.modality)
    return group, _seen(node.temporal_dilation) if group == _RGB else 0


def _kinds(groups: Iterable[int]) -> list[_Kind]:
    """All kinds of nodes of some streams and levels; flow and objects ignore their dilation."""
    return [
        (group, dilation)
        for group in groups
        for dilation in ((0,) if group < _RGB else _SEEN_DILATIONS)
    ]


def _seen(dilation: int) -> int:
    return max(seen for seen in _SEEN_DILATIONS if seen <= dilation)
