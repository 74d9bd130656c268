"""The temporal gates of a structure by what they belong to, so that many of them stay legible.

Gates of a structure are named by its nodes (``graph.gates``); those of other networks by stages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

Place = Literal["post", "inside", "connection"]

MOST_LINES = 12
"""Up to so many gates share a panel, where that needs no more than ``MOST_PANELS`` of a kind."""
MOST_PANELS = 16

_NAME = re.compile(r"node (\d+)(?: <- (\d+)|, module (\d+))?")


@dataclass(frozen=True, slots=True)
class NodeGate:
    """A gate of a structure.

    Attributes:
        name: as ``gates.csv`` has it.
        place: it follows a block, is inside one, or belongs to a connection.
        node: the block; of a connection its target.
        part: the source of the connection, or the number of the module; 0 of what follows.
    """

    name: str
    place: Place
    node: int
    part: int = 0

    @property
    def end(self) -> str:
        """What stands at the end of its line, beside those of other blocks."""
        if self.place == "post":
            return str(self.node)
        return f"{self.node}{'←' if self.place == 'connection' else '·'}{self.part}"


@dataclass(frozen=True, slots=True)
class GateGroup:
    """Gates that are shown together.

    Attributes:
        title: what they have in common.
        gates: by node, then by source or module.
    """

    title: str
    gates: tuple[NodeGate, ...]


def node_gate(name: str) -> NodeGate | None:
    """Returns what the name of a gate says; None: it is that of no structure.

    >>> node_gate("node 8 <- 3")
    NodeGate(name='node 8 <- 3', place='connection', node=8, part=3)
    >>> node_gate("stage2.0") is None
    True
    """
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    node, source, module = match.groups()
    if source is not None:
        return NodeGate(name, "connection", int(node), int(source))
    return (
        NodeGate(name, "post", int(node))
        if module is None
        else NodeGate(name, "inside", int(node), int(module))
    )


def gate_groups(names: Sequence[str]) -> list[GateGroup]:
    """Returns the gates of a structure in groups: what follows blocks, inside blocks, connections.

    Names of other gates are left out. Gates of one block stay together as far as they can.

    >>> [group.title for group in gate_groups(["node 8", "node 8 <- 3", "node 9 <- 3"])]
    ['after node 8', 'into nodes 8 and 9']
    """
    known = [gate for name in dict.fromkeys(names) if (gate := node_gate(name)) is not None]
    found: list[GateGroup] = []
    for place, word in (("post", "after"), ("inside", "inside"), ("connection", "into")):
        gates = sorted((g for g in known if g.place == place), key=lambda g: (g.node, g.part))
        found += [GateGroup(f"{word} {_nodes(part)}", part) for part in _parts(gates)]
    return found


def _parts(gates: Sequence[NodeGate]) -> Iterator[tuple[NodeGate, ...]]:
    """Runs of gates, whole blocks together, each about as long as a panel holds."""
    most = max(MOST_LINES, -(-len(gates) // MOST_PANELS))
    part: list[NodeGate] = []
    for _, members in groupby(gates, key=lambda gate: gate.node):
        block = list(members)
        if part and len(part) + len(block) > most:
            yield tuple(part)
            part = []
        part += block
    if part:
        yield tuple(part)


def _nodes(gates: Sequence[NodeGate]) -> str:
    nodes = list(dict.fromkeys(gate.node for gate in gates))
    if len(nodes) == 1:
        return f"node {nodes[0]}"
    return f"nodes {nodes[0]} {'and' if len(nodes) == 2 else 'to'} {nodes[-1]}"
