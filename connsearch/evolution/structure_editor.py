"""A structure as editable parts, to be changed and rebuilt with new numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from random import Random

from connsearch.graph.dag import STEM_LEVEL
from connsearch.graph.families import block_kind, family
from connsearch.graph.gates import comparable
from connsearch.graph.kinds import BlockKind
from connsearch.graph.spec import FREE, Block, Connection, Edge, Modality, Stem, Structure, Weight


@dataclass(frozen=True, slots=True)
class Offspring:
    """What a mutation has made of a parent.

    Attributes:
        structure: the child; named as the parent, without provenance.
        origins: for every node of the child the parent's nodes it was made of: itself, the two of a
            merge, or none for a new stem.
    """

    structure: Structure
    origins: tuple[tuple[int, ...], ...]


class StructureEditor:
    """Nodes and connections under fixed names: those of the parent, then new ones.

    Pinned shapes and peers belong to the parent's wiring and are dropped, and whether gates decide
    is learned anew; weights and the temporal gates of connections stay. Only the weight of a single
    input is dropped: it has nothing to be compared with.

    Attributes:
        nodes: stems and blocks by name; the connections stored in them are ignored.
        weights: every connection and its weight.
        gated: the connections that have a temporal gate.
        origins: by name, the parent's nodes it was made of.
        top: the level the head reads.
        one_final: whether the head reads only the first block of that level (lite).
        usual_kind: the kind of blocks that name none.
    """

    def __init__(self, parent: Structure) -> None:
        self._parent = parent
        self.top = parent.network.levels - 1
        self.one_final = family(parent.family).one_final
        self.usual_kind = family(parent.family).block
        self.nodes: dict[int, Stem | Block] = {
            index: replace(node, width=None)
            if isinstance(node, Stem)
            else replace(node, connections=(), pinned=None)
            for index, node in enumerate(parent.nodes)
        }
        self.weights: dict[Edge, Weight] = {
            Edge(c.source, index): FREE if len(block.connections) == 1 else c.weight
            for index, block in parent.blocks()
            for c in block.connections
        }
        self.gated = {edge for edge, connection in parent.connections() if connection.gated}
        self.origins: dict[int, tuple[int, ...]] = {n: (n,) for n in self.nodes}

    def add(self, node: Stem | Block, origins: tuple[int, ...] = ()) -> int:
        """Returns the name of a node that joins the editor."""
        name = max(self.nodes, default=-1) + 1
        name = max(name, max(self.origins, default=-1) + 1)
        self.nodes[name] = node
        self.origins[name] = origins
        return name

    def remove(self, name: int) -> None:
        """Takes a node out, with all of its connections."""
        del self.nodes[name]
        self.weights = {e: w for e, w in self.weights.items() if name not in e}
        self.gated.intersection_update(self.weights)

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

    def kind(self, name: int) -> BlockKind:
        """Returns the kind of a block."""
        return block_kind(self._parent, self.block(name))

    def width(self, name: int) -> int:
        """Returns the channels a block puts out."""
        return self.kind(name).width(self.block(name).filters)

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

    def finals(self) -> list[int]:
        """Returns the blocks the head will read, in order."""
        found = sorted(self.blocks(self.top), key=self._place)
        return found[:1] if self.one_final else found

    def live(self) -> set[int]:
        """Returns the nodes that reach a final block over connections."""
        found = set(self.finals())
        for edge in sorted(self.weights, key=lambda e: -self.level(e.target)):
            if edge.target in found:
                found.add(edge.source)
        return found

    def legal(self) -> list[Edge]:
        """Returns every connection the rules allow: from lower levels to higher ones; sorted."""
        level = {name: self.level(name) for name in sorted(self.nodes)}
        blocks = [name for name, at in level.items() if at > STEM_LEVEL]
        return [Edge(s, t) for s in level for t in blocks if level[s] < level[t]]

    def unused(self) -> list[Edge]:
        """Returns the legal connections that are not there; sorted."""
        return [edge for edge in self.legal() if edge not in self.weights]

    def removable(self) -> list[Edge]:
        """Returns the connections that no node depends on; sorted.

        Without any one of them every block still has an input, its source is still read, and what
        reached a final block still does.
        """
        needs = self.needs()
        return sorted(e for e in self.weights if not needs.of_target(e) and not needs.of_source(e))

    def needs(self) -> Needs:
        """Returns who depends on which connection, as of now."""
        return Needs(self.weights, self.live())

    def connect(self, edge: Edge, weight: Weight = FREE, *, gated: bool = False) -> None:
        """Adds a connection, with a temporal gate if it is to have one."""
        self.weights[edge] = weight
        (self.gated.add if gated else self.gated.discard)(edge)

    def disconnect(self, edge: Edge) -> None:
        """Takes a connection away."""
        del self.weights[edge]
        self.gated.discard(edge)

    def repair(self, rng: Random, prefer: Mapping[Edge, float] | None = None) -> list[Edge]:
        """Connects every block without an input and every dangling node; returns the connections.

        Of the possible connections, one with the greatest value in ``prefer`` is used, or
        a random one if none has a value. Afterwards every node below the top reaches
        a final block, as levels rise along connections.
        """
        finals, values = self.finals(), prefer or {}
        useful = [n for n in sorted(self.blocks()) if self.level(n) < self.top or n in finals]
        before = len(self.weights)
        for name in sorted(self.nodes, key=lambda n: (self.level(n), n)):
            level = self.level(name)
            if level > STEM_LEVEL and not self.inputs(name):
                lower = [Edge(s, name) for s in sorted(self.nodes) if self.level(s) < level]
                self.connect(_best(lower, values, rng))
            if level < self.top and not any(reader in useful for reader in self.readers(name)):
                higher = [Edge(name, t) for t in useful if level < self.level(t)]
                self.connect(_best(higher, values, rng))
        return list(self.weights)[before:]

    def finish(self) -> Offspring:
        """Returns the edited structure: stems by modality, then blocks by level.

        A single input has coefficient 1 and no weight; with further inputs it starts unlearned.
        Where all inputs of a block would have a temporal gate, they lose it.
        """
        order = sorted(self.nodes, key=self._place)
        number = {name: index for index, name in enumerate(order)}
        nodes = tuple(self._node(name, number) for name in order)
        structure = replace(
            self._parent, nodes=nodes, finals=None, provenance={}, gates_decide=False
        )
        return Offspring(structure, tuple(self.origins[name] for name in order))

    def _place(self, name: int) -> tuple[int, int, int]:
        """By modality or level; a node made of others takes the place of the first."""
        node = self.nodes[name]
        group = list(Modality).index(node.modality) if isinstance(node, Stem) else node.level + 10
        return group, min(self.origins[name], default=len(self._parent)), name

    def _node(self, name: int, number: Mapping[int, int]) -> Stem | Block:
        node = self.nodes[name]
        if isinstance(node, Stem):
            return node
        edges = sorted((number[e.source], e) for e in self.weights if e.target == name)
        if len(edges) == 1:
            return replace(node, connections=(Connection(edges[0][0], None),))
        inputs = (
            Connection(source, self.weights[edge], gated=edge in self.gated)
            for source, edge in edges
        )
        return replace(node, connections=comparable(inputs))


class Needs:
    """Who depends on which connection of a editor.

    Attributes:
        live: the nodes that reach a final block.
    """

    def __init__(self, edges: Iterable[Edge], live: set[int]) -> None:
        self.live = live
        edges = list(edges)
        self._fed = Counter(e.target for e in edges)
        self._read = Counter(e.source for e in edges)
        self._useful = Counter(e.source for e in edges if e.target in live)

    def of_target(self, edge: Edge) -> bool:
        """Returns whether it is the only input of its target."""
        return self._fed[edge.target] == 1

    def of_source(self, edge: Edge) -> bool:
        """Returns whether its source would be unread without it, or no longer live."""
        return self._read[edge.source] == 1 or self.only_way(edge)

    def only_way(self, edge: Edge) -> bool:
        """Returns whether only over this connection its source reaches a final block."""
        return edge.target in self.live and self._useful[edge.source] == 1


def _best(edges: list[Edge], prefer: Mapping[Edge, float], rng: Random) -> Edge:
    most = max((prefer[edge] for edge in edges if edge in prefer), default=None)
    return rng.choice([edge for edge in edges if prefer.get(edge) == most])
