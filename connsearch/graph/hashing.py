"""Identity of structures up to renumbering: one hash for a whole class, and the exact question.

Two structures are the same when some renumbering of their nodes turns one into the other. What
counts is what the network *is*: family, settings, connections, each stem's stream,
dilation and width, each block's level, filters, dilation, stride and the shapes that follow from
its neighbours or are pinned, the kinds of nodes that are not the family's, what follows a block,
its stride in time, which nodes are final, which connections have a temporal gate, and in attention
mode ``fixed`` which peers gate which connection. What does not count is what was learned (weights,
coefficients, whether gates decide), the order of inputs, names and provenance.

What schema 2 has added counts where it is there: hashes of structures without it stay as they were.

The hash refines node colours by their neighbours (Weisfeiler and Lehman). Such hashes collide:
different structures, even quite regular small ones, may share one, so it is a bucket.
:func:`same_structure` then compares exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from connsearch.graph.dag import isomorphism
from connsearch.graph.families import own_kind
from connsearch.graph.plan import BlockPlan, StemPlan, plan
from connsearch.graph.spec import Attention, Block, Post, Structure
from connsearch.graph.temporal import has_dilation

_DIGEST_BYTES = 16


def structure_hash(structure: Structure) -> str:
    """Returns a text of 32 hexadecimal digits, equal for structures equal up to renumbering.

    >>> from connsearch.graph.parse import parse_structure
    >>> from connsearch.graph.spec import NetworkSettings
    >>> tiny = NetworkSettings(blocks=(1, 1), inner_widths=(4, 4))
    >>> end = [1, [2, 3], 8, 1, 1]
    >>> a = [[-1, 1], [-2, 1], [0, [0], 4, 1, 1], [0, [1], 4, 1, 1], end]
    >>> b = [[-1, 1], [-2, 1], [0, [1], 4, 1, 1], [0, [0], 4, 1, 1], end]
    >>> first, second = (parse_structure(rows, network=tiny) for rows in (a, b))
    >>> structure_hash(first) == structure_hash(second)
    True
    """
    return _digest(_whole_label(structure), *sorted(_Labelled.of(structure).refined()))


def same_structure(a: Structure, b: Structure) -> bool:
    """Returns whether a renumbering of nodes turns one structure into the other, exactly."""
    return renumbering(a, b) is not None


def renumbering(a: Structure, b: Structure, *, learned: bool = False) -> dict[int, int] | None:
    """Returns the node of ``b`` for each node of ``a`` where they are the same, else None.

    Where several renumberings do, it is one of them. ``learned`` asks for one that keeps weights
    and coefficients too, to the last digit.
    """
    if _whole_label(a) != _whole_label(b) or len(a) != len(b):
        return None
    left, right = _Labelled.of(a, learned=learned), _Labelled.of(b, learned=learned)
    if left == right:  # many equal nodes are tried against each other otherwise
        return {node: node for node in range(len(a))}
    colours_left, colours_right = left.refined(), right.refined()
    if sorted(colours_left) != sorted(colours_right):
        return None
    if len(set(colours_left)) == len(colours_left):  # all nodes are distinguishable
        place = {colour: node for node, colour in enumerate(colours_right)}
        found = {node: place[colour] for node, colour in enumerate(colours_left)}
        moved = {(found[s], found[t]) for s, t in left.arrows}
        return _of_nodes(found, a) if moved == set(right.arrows) else None
    whole = isomorphism(
        left.arrows, right.arrows, dict(enumerate(colours_left)), dict(enumerate(colours_right))
    )
    return None if whole is None else _of_nodes(whole, a)


def node_facts(structure: Structure) -> tuple[dict[str, object], ...]:
    """Returns the facts of each node itself that identity depends on; wiring is not included.

    Only a node whose kind is not its family's has a fact ``kind``.

    >>> from connsearch.graph.files import load_structure
    >>> node_facts(load_structure("starter"))[1]
    {'stream': 'rgb', 'dilation': 2, 'width': 8}
    """
    shapes = plan(structure)
    finals = set(shapes.finals)
    facts: list[dict[str, object]] = []
    found: dict[str, object]
    for index, (node, shape) in enumerate(zip(structure.nodes, shapes.nodes, strict=True)):
        if isinstance(shape, StemPlan):
            dilation = shape.temporal_dilation if has_dilation(structure, node) else None
            stream = shape.modality.value
            found = {"stream": stream, "dilation": dilation, "width": shape.width}
        else:
            assert isinstance(node, Block)
            found = _block_facts(node, shape) | {"final": index in finals}
            if not has_dilation(structure, node):
                found["dilation"] = None
        kind = own_kind(structure, node)
        facts.append(found if kind is None else {**found, "kind": kind})
    return tuple(facts)


def _of_nodes(found: Mapping[int, int], structure: Structure) -> dict[int, int]:
    """Nodes only: vertices after them stand for connections and peers."""
    return {node: found[node] for node in range(len(structure))}


@dataclass(frozen=True)
class _Labelled:
    """A labelled directed graph that contains everything identity depends on.

    Vertices are the nodes and one more for each connection that has a temporal gate or, in mode
    ``fixed``, peers: source -> connection -> target, and peer -> (its own vertex) -> connection.
    """

    labels: tuple[str, ...]
    arrows: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, structure: Structure, *, learned: bool = False) -> _Labelled:
        """The wiring; ``learned`` makes weights and coefficients a part of the labels."""
        labels = [repr(tuple(facts.values())) for facts in node_facts(structure)]
        arrows: list[tuple[int, int]] = []
        fixed = structure.network.attention is Attention.FIXED
        for edge, connection in structure.connections():
            peers = [p for p in connection.peers if p.coefficient > 0] if fixed or learned else []
            if not peers and not learned and not connection.gated:
                arrows.append((edge.source, edge.target))
                continue
            gate, temporal = len(labels), " temporal gate" if connection.gated else ""
            labels.append(f"gated connection{temporal}{f' {connection.weight}' if learned else ''}")
            arrows += [(edge.source, gate), (gate, edge.target)]
            for peer in peers:
                arrows += [(peer.node, len(labels)), (len(labels), gate)]
                labels.append(f"peer{f' {peer.coefficient}' if learned else ''}")
        return cls(tuple(labels), tuple(arrows))

    def refined(self) -> list[str]:
        """Colours after refinement by neighbours, until no round distinguishes more vertices."""
        before: list[list[int]] = [[] for _ in self.labels]
        after: list[list[int]] = [[] for _ in self.labels]
        for source, target in self.arrows:
            after[source].append(target)
            before[target].append(source)
        colours = [_digest(label) for label in self.labels]
        classes = len(set(colours))
        while True:
            colours = [
                _digest(colour, _joined(colours, before[v]), _joined(colours, after[v]))
                for v, colour in enumerate(colours)
            ]
            found = len(set(colours))
            if found == classes:
                return colours
            classes = found


def _joined(colours: Sequence[str], vertices: Sequence[int]) -> str:
    return ",".join(sorted(colours[v] for v in vertices))


def _whole_label(structure: Structure) -> str:
    return repr((structure.family, tuple(structure.network.told().values())))


USUAL_FACTS: Mapping[str, object] = {
    "post": Post.NONE.value,
    "temporal stride": 1,
    "input temporal stride": 1,
}
"""What a node's facts say where they are left out."""


def _block_facts(block: Block, shape: BlockPlan) -> dict[str, object]:
    later: dict[str, object] = {}
    if block.post is not Post.NONE:
        later["post"] = block.post.value
    if block.temporal_stride != 1:
        later["temporal stride"] = block.temporal_stride
    if shape.input_temporal_stride != 1:
        later["input temporal stride"] = shape.input_temporal_stride
    return later | {
        "level": block.level,
        "filters": block.filters,
        "dilation": block.temporal_dilation,
        "stride": block.spatial_stride,
        "fused width": shape.fused_width,
        "input stride": shape.input_stride,
        "attention width": shape.attention_width,
    }


def _digest(*parts: str) -> str:
    return blake2b("|".join(parts).encode(), digest_size=_DIGEST_BYTES).hexdigest()
