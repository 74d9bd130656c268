"""A structure taken apart, to be changed and put together again under new numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random

from connsearch.graph.dag import STEM_LEVEL
from connsearch.graph.spec import FREE, Block, Connection, Edge, Modality, Stem, Structure, Weight


@dataclass(frozen=True, slots=True)
class Mutant:
    """What a mutation has made of a parent.

    Attributes:
        structure: the child; named as the parent, without provenance.
        origins: for every node of the child the parent's nodes it was made of: itself, the two of a
            merge, or none for a new stem.
    """

    structure: Structure
    origins: tuple[tuple[int, ...], ...]


class Draft:
    """Nodes and connections under names of their own: those of the parent, then new ones.

    Pinned shapes and peers belong to the parent's wiring and are dropped; weights stay.

    Attributes:
        nodes: stems and blocks by name; what their own connections say no longer counts.
        weights: every connection and its weight.
        origins: by name, the parent's nodes it was made of.
    """

    def __init__(self, parent: Structure) -> None:
        self._parent = parent
        self.nodes: dict[int, Stem | Block] = {
            index: replace(node, width=None)
            if isinstance(node, Stem)
            else replace(node, connections=(), pinned=None)
            for index, node in enumerate(parent.nodes)
        }
        self.weights: dict[Edge, Weight] = dict(parent.weights())
        self.origins: dict[int, tuple[int, ...]] = {n: (n,) for n in self.nodes}

    def add(self, node: Stem | Block, origins: tuple[int, ...] = ()) -> int:
        """Returns the name of a node that joins the draft."""
        name = max(self.nodes, default=-1) + 1
        name = max(name, max(self.origins, default=-1) + 1)
        self.nodes[name] = node
        self.origins[name] = origins
        return name

    def remove(self, name: int) -> None:
        """Takes a node out, with all of its connections."""
        del self.nodes[name]
        self.weights = {e: w for e, w in self.weights.items() if name not in e}

    def level(self, name: int) -> int:
        """Returns the level of a node; that of a stem is below all others."""
        node = self.nodes[name]
        return node.level if isinstance(node, Block) else STEM_LEVEL

    def stems(self, modality: Modality | None = None) -> list[int]:
        """Returns the names of the stems, of one modality if asked for."""
        return [
            name
            for name, node in self.nodes.items()
            if isinstance(node, Stem) and modality in (None, node.modality)
        ]

    def blocks(self, level: int | None = None) -> list[int]:
        """Returns the names of the blocks, of one level if asked for."""
        return [
            name
            for name, node in self.nodes.items()
            if isinstance(node, Block) and level in (None, node.level)
        ]

    def block(self, name: int) -> Block:
        """Returns a block; a stem of that name is a programming error."""
        node = self.nodes[name]
        assert isinstance(node, Block), f"node {name} is a stem"
        return node

    def stem(self, name: int) -> Stem:
        """Returns a stem; a block of that name is a programming error."""
        node = self.nodes[name]
        assert isinstance(node, Stem), f"node {name} is a block"
        return node

    def inputs(self, name: int) -> list[int]:
        """Returns the sources of a block, ascending."""
        return sorted(e.source for e in self.weights if e.target == name)

    def readers(self, name: int) -> list[int]:
        """Returns the blocks a node feeds, ascending."""
        return sorted(e.target for e in self.weights if e.source == name)

    def legal(self) -> list[Edge]:
        """Returns every connection the rules allow: from lower levels to higher ones; sorted."""
        level = {name: self.level(name) for name in self.nodes}
        blocks = self.blocks()
        return sorted(Edge(s, t) for t in blocks for s in self.nodes if level[s] < level[t])

    def unused(self) -> list[Edge]:
        """Returns the legal connections that are not there; sorted."""
        return [edge for edge in self.legal() if edge not in self.weights]

    def removable(self) -> list[Edge]:
        """Returns the connections nobody depends on; sorted.

        Without one of them every block still has an input, and its source a reader.
        """
        fed = Counter(e.target for e in self.weights)
        read = Counter(e.source for e in self.weights)
        return sorted(e for e in self.weights if fed[e.target] > 1 and read[e.source] > 1)

    def connect(self, edge: Edge, weight: Weight = FREE) -> None:
        """Adds a connection."""
        self.weights[edge] = weight

    def disconnect(self, edge: Edge) -> None:
        """Takes a connection away."""
        del self.weights[edge]

    def mend(self, rng: Random, prefer: Mapping[Edge, float] | None = None) -> list[Edge]:
        """Connects every block without an input and every unread node below the top; says how.

        Of the connections that would do, one of the greatest value in ``prefer`` is taken, and
        among those without a value a random one.
        """
        top = self._parent.network.levels - 1
        added: list[Edge] = []
        for name in sorted(self.nodes, key=lambda n: (self.level(n), n)):
            options = self.legal()
            if isinstance(self.nodes[name], Block) and not self.inputs(name):
                added.append(_best([e for e in options if e.target == name], prefer or {}, rng))
                self.connect(added[-1])
            if self.level(name) < top and not self.readers(name):
                added.append(_best([e for e in options if e.source == name], prefer or {}, rng))
                self.connect(added[-1])
        return added

    def finish(self) -> Mutant:
        """Returns the structure the draft has become: stems by modality, then blocks by level.

        A single input has coefficient 1 and no weight; a weight that joins others starts unlearned.
        """
        order = sorted(self.nodes, key=self._place)
        number = {name: index for index, name in enumerate(order)}
        nodes = tuple(self._node(name, number) for name in order)
        structure = replace(self._parent, nodes=nodes, finals=None, provenance={})
        return Mutant(structure, tuple(self.origins[name] for name in order))

    def _place(self, name: int) -> tuple[int, int, int]:
        """By modality or level; a node that was made of others stands where the first stood."""
        node = self.nodes[name]
        group = list(Modality).index(node.modality) if isinstance(node, Stem) else node.level + 10
        return group, min(self.origins[name], default=len(self._parent)), name

    def _node(self, name: int, number: Mapping[int, int]) -> Stem | Block:
        node = self.nodes[name]
        if isinstance(node, Stem):
            return node
        weights: dict[int, Weight] = {
            number[e.source]: w for e, w in self.weights.items() if e.target == name
        }
        alone = len(weights) == 1
        inputs = tuple(Connection(s, _settled(weights[s], alone)) for s in sorted(weights))
        return replace(node, connections=inputs)


def _settled(weight: Weight, alone: bool) -> Weight:
    if alone:
        return None
    return FREE if weight is None else weight


def _best(edges: list[Edge], prefer: Mapping[Edge, float], rng: Random) -> Edge:
    known = [edge for edge in edges if edge in prefer]
    return max(known, key=lambda e: prefer[e]) if known else rng.choice(edges)
