"""The values everything else passes around: Stem, Block, Connection, Structure. All frozen.

A structure is a list of nodes in topological order: stems first, then blocks whose inputs have
smaller indices. What a connection has learned stands on the connection; what pruning must not
change (widths, strides, orders) stands *pinned* on the node it belongs to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, Literal, NamedTuple

SCHEMA = 2
"""The newest structure-file schema this version reads. A file has the lowest that can hold it."""


LATER_SETTINGS = ("gate_fusion",)
"""Network settings that schema 2 has added."""


class Edge(NamedTuple):
    """The name of a connection: from ``source`` to ``target``, both node indices."""

    source: int
    target: int


class Modality(StrEnum):
    """What a stem looks at. ``OBJECT`` stems pass on per-class maps and have no weights."""

    RGB = "rgb"
    FLOW = "flow"
    OBJECT = "object"


class Attention(StrEnum):
    """How the channels of a block's inputs are gated (AssembleNet++, section 3.2).

    ``NONE`` not at all; ``STATIC`` one learned vector per connection; ``SELF`` from the input
    itself; ``PEER`` from a learned soft mixture of all lower nodes; ``FIXED`` from the peers a
    connection names.
    """

    NONE = "none"
    STATIC = "static"
    SELF = "self"
    PEER = "peer"
    FIXED = "fixed"


class Post(StrEnum):
    """What follows the modules of a block (Stergiou & Poppe 2021, arXiv 2006.08247).

    ``NONE`` nothing; ``SR`` squeeze and recursion, which scales channels by what a recurrent cell
    makes of their spatial means; ``SRTG`` the same behind a temporal gate, clip by clip.
    """

    NONE = "none"
    SR = "sr"
    SRTG = "srtg"


GateFusion = Literal["one_plus", "product", "sigmoid"]
"""What an open gate makes of features x and states s: ``(1 + s) x``, ``s x``, ``sigmoid(s) x``."""

Free = Literal["free"]
FREE: Free = "free"
"""The weight of a connection that is not learned yet: it starts undecided, at about 0.5."""

Weight = float | Free | None
"""A connection's weight: post-sigmoid in [0, 1]; ``"free"``: unlearned; None: coefficient 1."""


def as_number(weight: Weight) -> float:
    """Returns a weight as a number: without one 1, unlearned 0.5, where learning starts."""
    if weight is None:
        return 1.0
    return 0.5 if weight == FREE else float(weight)


Filters = int | tuple[int, ...]
"""A block's filters, in the form its kind wants (``graph.kinds``): a number, or several."""


class Peer(NamedTuple):
    """A node whose features gate a connection, and its coefficient in [0, 1] (softmax output)."""

    node: int
    coefficient: float


@dataclass(frozen=True, slots=True)
class Connection:
    """One input of a block.

    Attributes:
        source: the node it comes from.
        weight: what was learned about it.
        peers: the nodes whose features gate its channels.
        gated: whether it has a temporal gate, which adds its features only to the clips in which
            they agree with the sum of the inputs without a gate.
    """

    source: int
    weight: Weight = FREE
    peers: tuple[Peer, ...] = ()
    gated: bool = False


@dataclass(frozen=True, slots=True)
class Stem:
    """A first node: turns one input stream into features.

    Attributes:
        modality: the stream it reads.
        temporal_dilation: frames between the taps of its temporal convolution, if it has one.
        width: pinned number of output channels; None derives it (DESIGN: stem total // stems).
        kind: name in ``graph.kinds``; None: the family's.
    """

    modality: Modality
    temporal_dilation: int = 1
    width: int | None = None
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class PinnedBlock:
    """Shapes of one block that would otherwise follow from its neighbours.

    Attributes:
        fused_width: channels after fusion.
        input_stride: stride of the fused input relative to the clip; its size is ceil(H / stride).
        buckets: sources of equal width, in the order they are added; one 1x1 convolution each.
        attention_width: width every peer is projected to, or None without peer attention.
        input_temporal_stride: stride in time of the fused input; it has ceil(T / stride) frames.
    """

    fused_width: int
    input_stride: int
    buckets: tuple[tuple[int, ...], ...]
    attention_width: int | None = None
    input_temporal_stride: int = 1


@dataclass(frozen=True, slots=True)
class Block:
    """A stack of residual modules that sums its inputs first.

    Attributes:
        level: 0 is nearest to the stems; connections only lead from lower to higher levels.
        connections: its inputs, in published order.
        filters: in its kind's form: one number of a bottleneck (output is 4 x filters), the triple
            of an inverted bottleneck (output is its last entry).
        temporal_dilation: frames between the taps of its temporal convolutions.
        spatial_stride: carried by its first module.
        pinned: shapes that no longer follow from the neighbours, or None to derive them.
        kind: name in ``graph.kinds``; None: the family's.
        post: what follows its last module.
        temporal_stride: stride in time, carried by its first module; published kinds have none.
    """

    level: int
    connections: tuple[Connection, ...]
    filters: Filters
    temporal_dilation: int = 1
    spatial_stride: int = 1
    pinned: PinnedBlock | None = None
    kind: str | None = None
    post: Post = Post.NONE
    temporal_stride: int = 1

    @property
    def inputs(self) -> tuple[int, ...]:
        """The source nodes, in order."""
        return tuple(c.source for c in self.connections)


Node = Stem | Block


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """Everything besides the nodes that decides shapes; a family only gives defaults.

    Attributes:
        blocks: residual modules per block, one number per level (3, 4, 6, 3 is depth 50).
        inner_widths: width of the 3x3 convolutions of bottleneck blocks, one per level; other kinds
            of block may use it as they like.
        stem_total: channels shared out between all stems (object stems count, and use none).
        stem_width: width of every RGB and flow stem; wins over ``stem_total`` where set.
        object_classes: channels of the object stream.
        attention: peer-attention mode.
        flow_iterations: unrolled TV-L1 steps of the representation flow.
        flow_normalisation: range taken per ``clip`` (ours) or over the whole ``batch`` (published).
        head: temporal pooling: ``average``, or ``softmax`` over time of the per-frame logits.
        head_widths: widths of the 1x1 convolutions before the classifier (lite: 432, 2048).
        dropout: drop rate before the classifier, in [0, 1).
        normalise_inputs: batch-normalise every input of a block, without parameters, before it is
            weighted, so that weights of one block can be compared (not published).
        gate_fusion: what ``post`` and the gates of connections make of features and states; gates
            in the modules of a kind say it themselves, those here ``product``, as published.
    """

    blocks: tuple[int, ...] = (3, 4, 6, 3)
    inner_widths: tuple[int, ...] = (64, 128, 256, 512)
    stem_total: int = 128
    stem_width: int | None = None
    object_classes: int = 151
    attention: Attention = Attention.NONE
    flow_iterations: int = 40
    flow_normalisation: Literal["clip", "batch"] = "clip"
    head: Literal["average", "softmax"] = "average"
    head_widths: tuple[int, ...] = ()
    dropout: float = 0.0
    normalise_inputs: bool = False
    gate_fusion: GateFusion = "one_plus"

    @property
    def levels(self) -> int:
        """Number of levels; the last one holds the final nodes."""
        return len(self.blocks)

    def told(self) -> dict[str, Any]:
        """Returns the settings by name, in order; :data:`LATER_SETTINGS` where they say something.

        What files, identity and ledgers are made of: those from before a setting stay as they were.
        """
        usual = NetworkSettings()
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        same = {name for name in LATER_SETTINGS if values[name] == getattr(usual, name)}
        return {name: value for name, value in values.items() if name not in same}

    def stream_width(self, modality: Modality) -> int:
        """Returns the channels of an input stream."""
        return {Modality.RGB: 3, Modality.FLOW: 2, Modality.OBJECT: self.object_classes}[modality]


@dataclass(frozen=True, slots=True)
class Structure:
    """A network's wiring as a value: what is searched, saved, drawn, pruned and mutated.

    Attributes:
        name: for people; identity is decided by ``graph.hashing``.
        family: decides stems, blocks and head (``graph.families``).
        nodes: stems, then blocks, in topological order; a node's index is its name.
        network: the settings that decide shapes.
        finals: pinned list of the nodes the head reads, or None to derive it by level.
        provenance: where it comes from (parents, operator, run, seed, versions); JSON values.
        gates_decide: whether its temporal gates decide; False lets everything through them. Like a
            weight it is learned: a search sets it, and identity does not depend on it.
    """

    name: str
    family: str
    nodes: tuple[Node, ...]
    network: NetworkSettings = field(default_factory=NetworkSettings)
    finals: tuple[int, ...] | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict, hash=False, compare=False)
    gates_decide: bool = False

    def __len__(self) -> int:
        return len(self.nodes)

    def __repr__(self) -> str:
        """Returns what it is in a few words; ``graph.document.to_json`` has all of it."""
        stems, edges = sum(1 for _ in self.stems()), sum(1 for _ in self.connections())
        return f"<Structure {self.name!r}: {len(self)} nodes ({stems} stems), {edges} connections>"

    def blocks(self) -> Iterator[tuple[int, Block]]:
        """Yields (index, block) in order."""
        return ((i, n) for i, n in enumerate(self.nodes) if isinstance(n, Block))

    def stems(self) -> Iterator[tuple[int, Stem]]:
        """Yields (index, stem) in order."""
        return ((i, n) for i, n in enumerate(self.nodes) if isinstance(n, Stem))

    def block(self, index: int) -> Block:
        """Returns the block at ``index``; a stem there is a programming error."""
        node = self.nodes[index]
        assert isinstance(node, Block), f"node {index} is a stem"
        return node

    def connections(self) -> Iterator[tuple[Edge, Connection]]:
        """Yields (edge, connection) in node order, then input order."""
        return ((Edge(c.source, i), c) for i, b in self.blocks() for c in b.connections)

    def edges(self) -> tuple[Edge, ...]:
        """Every connection's name, in node order, then input order."""
        return tuple(edge for edge, _ in self.connections())

    def weights(self) -> dict[Edge, Weight]:
        """Every connection's weight by its name."""
        return {edge: connection.weight for edge, connection in self.connections()}

    def modalities(self) -> tuple[Modality, ...]:
        """The streams its stems read, each once, in the order rgb, flow, object."""
        read = {stem.modality for _, stem in self.stems()}
        return tuple(m for m in Modality if m in read)

    def with_weights(self, weights: Mapping[Edge, Weight]) -> Structure:
        """Returns the structure with the weights of the named connections replaced."""
        return self._map(lambda e, c: replace(c, weight=weights[e]) if e in weights else c)

    def with_peers(self, peers: Mapping[Edge, tuple[Peer, ...]]) -> Structure:
        """Returns the structure with the peers of the named connections replaced."""
        return self._map(lambda e, c: replace(c, peers=peers[e]) if e in peers else c)

    def with_settings(self, **changes: Any) -> Structure:
        """Returns the structure with some network settings replaced."""
        return replace(self, network=replace(self.network, **changes))

    def _map(self, change: Any) -> Structure:
        nodes = tuple(
            node
            if isinstance(node, Stem)
            else replace(
                node, connections=tuple(change(Edge(c.source, i), c) for c in node.connections)
            )
            for i, node in enumerate(self.nodes)
        )
        return replace(self, nodes=nodes)
