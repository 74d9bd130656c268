"""Which connections get a temporal gate, by a rule; and what follows every block.

A rule is read from a structure as it is given, and can be used for more connections than it has: a
search asks it about all that it adds.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, NamedTuple

from connsearch.graph.gates import comparable
from connsearch.graph.spec import Block, Connection, Edge, Modality, Post, Stem, Structure

Gating = Literal["none", "streams", "all"]
"""A rule: no connection; those between streams; all but the first input of each block."""


class StreamName(NamedTuple):
    """What a node belongs to: the stem that is reached from it over first inputs.

    Attributes:
        modality: that the stem reads.
        temporal_dilation: of the stem.
    """

    modality: Modality
    temporal_dilation: int


def streams_of(structure: Structure) -> tuple[StreamName, ...]:
    """Returns the stream of every node: that of the stem reached over first inputs.

    >>> from connsearch.graph.files import load_structure
    >>> streams_of(load_structure("starter"))[9]
    StreamName(modality=<Modality.RGB: 'rgb'>, temporal_dilation=2)
    """
    found: list[StreamName] = []
    for node in structure.nodes:
        if isinstance(node, Stem):
            found.append(StreamName(node.modality, node.temporal_dilation))
        else:
            found.append(found[node.connections[0].source])
    return tuple(found)


def with_gates(
    structure: Structure, gating: Gating, *, given: Structure | None = None
) -> Structure:
    """Returns the structure with temporal gates exactly where a rule puts them.

    Where all inputs of a block would have a gate, none of them has one.

    Args:
        structure: whose connections are looked at.
        gating: the rule.
        given: the same nodes with the connections that the rule is read from; None: the structure.
    """
    read = structure if given is None else given
    streams = streams_of(read)

    def gated(target: int, source: int) -> bool:
        if gating == "none" or source == read.block(target).connections[0].source:
            return False
        return gating == "all" or streams[source] != streams[target]

    def block(index: int, node: Block) -> Block:
        inputs = [replace(c, gated=gated(index, c.source)) for c in node.connections]
        return replace(node, connections=comparable(inputs))

    nodes = tuple(
        node if isinstance(node, Stem) else block(index, node)
        for index, node in enumerate(structure.nodes)
    )
    return replace(structure, nodes=nodes)


def with_post(structure: Structure, post: Post) -> Structure:
    """Returns the structure with the same after the last module of every block."""
    nodes = (n if isinstance(n, Stem) else replace(n, post=post) for n in structure.nodes)
    return replace(structure, nodes=tuple(nodes))


def gated_connections(structure: Structure) -> dict[Edge, Connection]:
    """Returns the connections that have a temporal gate, in the order of all."""
    return {edge: connection for edge, connection in structure.connections() if connection.gated}
