"""A structure as a graph: levels, reachability, candidate connections, and the networkx bridge.

The only file that imports networkx. All questions take a valid structure and answer with plain
sets and tuples; all but :func:`candidate_edges` are linear in nodes and connections.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import networkx as nx

from connsearch.errors import Fault, StructureError
from connsearch.graph.plan import final_nodes
from connsearch.graph.spec import (
    Attention,
    Block,
    Connection,
    Edge,
    Modality,
    NetworkSettings,
    Node,
    Peer,
    Stem,
    Structure,
)

STEM_LEVEL = -1
"""The level of every stem, whatever it reads."""


def levels(structure: Structure) -> tuple[int, ...]:
    """Returns each node's level; stems have -1."""
    return tuple(n.level if isinstance(n, Block) else STEM_LEVEL for n in structure.nodes)


def by_level(structure: Structure) -> dict[int, tuple[int, ...]]:
    """Returns the nodes of each level that has any, lowest level first; stems are level -1."""
    groups: dict[int, list[int]] = {}
    for index, level in enumerate(levels(structure)):
        groups.setdefault(level, []).append(index)
    return {level: tuple(groups[level]) for level in sorted(groups)}


def ancestors(structure: Structure, nodes: Iterable[int]) -> set[int]:
    """Returns the given nodes and every node that reaches them over connections."""
    found = set(nodes)
    for index in range(len(structure) - 1, -1, -1):
        node = structure.nodes[index]
        if index in found and isinstance(node, Block):
            found.update(node.inputs)
    return found


def dangling_nodes(structure: Structure) -> set[int]:
    """Returns the nodes that reach no final node over connections.

    Published structures may have them (node 9 of AssembleNet++-50), so this is a question to
    ask, not a reason to refuse the structure.

    >>> from connsearch.graph.spec import Modality
    >>> rgb, flow = Stem(Modality.RGB), Stem(Modality.FLOW)
    >>> nodes = (rgb, flow, Block(0, (Connection(0),), filters=8))
    >>> settings = NetworkSettings(blocks=(1,), inner_widths=(8,))
    >>> dangling_nodes(Structure("y", "assemblenet", nodes, settings))
    {1}
    """
    return set(range(len(structure))) - ancestors(structure, final_nodes(structure))


def live_nodes(structure: Structure) -> set[int]:
    """Returns the nodes whose features can change the output.

    A node is live if it is final, an input of a live block, or an active peer of a connection
    into a live block: in mode ``peer`` every node of a lower level, in mode ``fixed`` the peers
    the connection names with a coefficient above zero.
    """
    mode = structure.network.attention
    found = set(final_nodes(structure))
    highest = STEM_LEVEL  # of the live blocks seen; below it everything is a peer
    for index in range(len(structure) - 1, -1, -1):
        node = structure.nodes[index]
        level = node.level if isinstance(node, Block) else STEM_LEVEL
        if mode is Attention.PEER and level < highest:
            found.add(index)
        if index not in found or isinstance(node, Stem):
            continue
        highest = max(highest, level)
        found.update(node.inputs)
        if mode is Attention.FIXED:
            named = (peer for c in node.connections for peer in c.peers)
            found.update(peer.node for peer in named if peer.coefficient > 0)
    return found


def peer_only_nodes(structure: Structure) -> set[int]:
    """Returns the nodes that gate others and that no final node depends on over connections."""
    return live_nodes(structure) - ancestors(structure, final_nodes(structure))


def candidate_edges(structure: Structure) -> tuple[Edge, ...]:
    """Returns every connection the rules allow: from any node to any block of a higher level.

    Ordered by target, then source.
    """
    level = levels(structure)
    return tuple(
        Edge(source, target)
        for target, block in structure.blocks()
        for source in range(target)
        if level[source] < block.level
    )


def as_networkx(structure: Structure) -> nx.DiGraph[int]:
    """Returns the structure as a networkx graph that :func:`from_networkx` reads back.

    Nodes carry the fields of their :class:`Stem` or :class:`Block`; connections ``weight``,
    ``peers`` and ``position`` (their place among the inputs); the graph itself the rest.
    """
    graph: nx.DiGraph[int] = nx.DiGraph(
        name=structure.name,
        family=structure.family,
        network=structure.network,
        finals=structure.finals,
        provenance=structure.provenance,
    )
    for index, node in enumerate(structure.nodes):
        names = [name for name in node.__dataclass_fields__ if name != "connections"]
        graph.add_node(index, **{name: getattr(node, name) for name in names})
    for index, block in structure.blocks():
        for position, c in enumerate(block.connections):
            graph.add_edge(c.source, index, weight=c.weight, peers=c.peers, position=position)
    return graph


def from_networkx(graph: nx.DiGraph[int]) -> Structure:
    """Returns the structure a networkx graph describes; validate it if you made it by hand.

    A node with ``modality`` is a stem, any other a block, which needs ``level`` and ``filters``;
    the other attributes fall back to their defaults. Inputs go by ``position``, else by number.

    Raises:
        StructureError: nodes are not numbered 0 to n - 1, or an attribute is missing or unknown.
    """
    name = str(graph.graph.get("name") or "structure")
    faults: list[Fault] = []
    if set(graph.nodes) != set(range(len(graph))):
        message = (
            f"nodes are numbered 0 to {len(graph) - 1}; found {sorted(map(str, graph.nodes))[:8]}"
        )
        faults.append(
            Fault("graph-numbering", message, cure="networkx.convert_node_labels_to_integers")
        )
        raise StructureError(name, faults)
    nodes = [_node(graph, index, faults) for index in range(len(graph))]
    if faults:
        raise StructureError(name, faults)
    return Structure(
        name=name,
        family=graph.graph.get("family", "assemblenet"),
        nodes=tuple(node for node in nodes if node is not None),
        network=graph.graph.get("network", NetworkSettings()),
        finals=graph.graph.get("finals"),
        provenance=graph.graph.get("provenance", {}),
    )


def _node(graph: nx.DiGraph[int], index: int, faults: list[Fault]) -> Node | None:
    fields: dict[str, Any] = dict(graph.nodes[index])
    kind = Stem if "modality" in fields else Block
    allowed = {name for name in kind.__dataclass_fields__ if name != "connections"}
    required = {"modality"} if kind is Stem else {"level", "filters"}
    if fields.get("modality") in list(Modality):
        fields["modality"] = Modality(fields["modality"])  # a plain text in a graph made by hand
    if required <= set(fields) <= allowed:
        return (
            Stem(**fields) if kind is Stem else Block(connections=_inputs(graph, index), **fields)
        )
    message = f"a {kind.__name__.lower()} with the attributes {sorted(fields)}"
    cure = f"it needs {sorted(required)} and may have {sorted(allowed - required)}"
    faults.append(Fault("graph-attributes", message, index, cure=cure))
    return None


def _inputs(graph: nx.DiGraph[int], index: int) -> tuple[Connection, ...]:
    edges: list[tuple[int, Mapping[str, Any]]] = [
        (s, graph.edges[s, index]) for s in graph.pred[index]
    ]
    edges.sort(key=lambda edge: (edge[1].get("position", 0), edge[0]))
    default = "free" if len(edges) > 1 else None
    return tuple(
        Connection(s, e.get("weight", default), tuple(Peer(*p) for p in e.get("peers", ())))
        for s, e in edges
    )


def isomorphism(
    a: Iterable[tuple[int, int]],
    b: Iterable[tuple[int, int]],
    colours_a: Mapping[int, str],
    colours_b: Mapping[int, str],
) -> dict[int, int] | None:
    """Returns a renumbering that turns graph ``a`` into ``b`` and keeps every node's colour.

    None where there is none; where there are several, one of them.
    """
    left, right = _coloured(a, colours_a), _coloured(b, colours_b)
    same: Callable[[Any, Any], bool] = lambda x, y: x["colour"] == y["colour"]  # noqa: E731
    matcher: Any = nx.isomorphism.DiGraphMatcher(left, right, node_match=same)
    return dict(matcher.mapping) if matcher.is_isomorphic() else None


def _coloured(edges: Iterable[tuple[int, int]], colours: Mapping[int, str]) -> nx.DiGraph[int]:
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from((node, {"colour": colour}) for node, colour in colours.items())
    graph.add_edges_from(edges)
    return graph
