"""Shapes of every node, independent of the clip size: what ``nn`` builds and ``cost`` counts.

The published rules derive a node's width, stride and addend order from its neighbours; a pinned
node says its own. Both end in the same plan, so nothing after this file asks which it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from connsearch.graph.families import Family, family
from connsearch.graph.spec import Attention, Block, Modality, Node, PinnedBlock, Stem, Structure


@dataclass(frozen=True, slots=True)
class StemPlan:
    """A stem's output: channels and stride relative to the clip."""

    modality: Modality
    temporal_dilation: int
    width: int
    stride: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """Inputs of equal width, added in this order; ``project`` says whether a 1x1 conv follows."""

    width: int
    sources: tuple[int, ...]
    project: bool


@dataclass(frozen=True, slots=True)
class BlockPlan:
    """A block's fusion and residual modules.

    Attributes:
        sources: the inputs in the order of the block's connections.
        buckets: the same inputs by width, in the order their sums are added.
        fused_width: channels after fusion.
        input_stride: stride of the fused input relative to the clip.
        width: output channels.
        stride: output stride relative to the clip.
        modules: number of residual modules.
        inner_width: width of the 3x3 convolutions (bottleneck blocks).
        candidates: nodes that may act as peers, in published order.
        attention_width: width peers are projected to; None without peer attention.
    """

    sources: tuple[int, ...]
    buckets: tuple[Bucket, ...]
    fused_width: int
    input_stride: int
    width: int
    stride: int
    modules: int
    inner_width: int
    candidates: tuple[int, ...]
    attention_width: int | None


@dataclass(frozen=True, slots=True)
class Plan:
    """Shapes of a whole structure: one entry a node, and the nodes the head reads."""

    nodes: tuple[StemPlan | BlockPlan, ...]
    finals: tuple[int, ...]

    def width(self, node: int) -> int:
        """Output channels of a node."""
        return self.nodes[node].width

    def pooled_width(self) -> int:
        """Channels the head averages over the final nodes."""
        return self.width(self.finals[0])


def plan(structure: Structure) -> Plan:
    """Returns the shapes of a valid structure.

    The result is defined for structures that pass ``rules.validate``.
    """
    kind = family(structure.family)
    stem_count = sum(1 for _ in structure.stems())
    candidates = _CandidatePeers(structure)
    plans: list[StemPlan | BlockPlan] = []
    for index, node in enumerate(structure.nodes):
        if isinstance(node, Stem):
            plans.append(_plan_stem(structure, node, kind, stem_count))
        else:
            plans.append(_plan_block(structure, index, node, plans, candidates))
    return Plan(tuple(plans), final_nodes(structure))


def final_nodes(structure: Structure) -> tuple[int, ...]:
    """Returns the nodes the head reads: pinned, or those of the top level (lite: its first)."""
    if structure.finals is not None:
        return structure.finals
    top = structure.network.levels - 1
    found = tuple(i for i, block in structure.blocks() if block.level == top)
    return found[:1] if family(structure.family).one_final else found


def candidate_peers(structure: Structure, index: int) -> tuple[int, ...]:
    """Returns all nodes of a lower level than block ``index``: objects, flow, RGB, levels up."""
    return _CandidatePeers(structure)(structure.block(index).level)


class _CandidatePeers:
    """Candidate peers by level; one sort serves the whole structure (nodes are listed by level)."""

    def __init__(self, structure: Structure) -> None:
        rank = {Modality.OBJECT: -3, Modality.FLOW: -2, Modality.RGB: -1}
        self._ranked = sorted(
            (rank[n.modality] if isinstance(n, Stem) else n.level, i)
            for i, n in enumerate(structure.nodes)
        )
        self._place = {node: place for place, (_, node) in enumerate(self._ranked)}
        self._by_level: dict[int, tuple[int, ...]] = {}
        self._widest: dict[int, int] = {}

    def __call__(self, level: int) -> tuple[int, ...]:
        if level not in self._by_level:
            self._by_level[level] = tuple(i for r, i in self._ranked if r < level)
        return self._by_level[level]

    def place(self, node: int) -> int:
        """A node's place in the published order of peers."""
        return self._place[node]

    def widest(self, level: int, before: list[StemPlan | BlockPlan]) -> int:
        """The widest candidate's channels: the published width peers are projected to."""
        if level not in self._widest:
            self._widest[level] = max(before[n].width for n in self(level))
        return self._widest[level]


def pin(structure: Structure) -> Structure:
    """Returns the structure with every derived shape written down, so that pruning changes none.

    Pinning a pinned structure changes nothing.
    """
    shapes = plan(structure)
    nodes = []
    for node, shape in zip(structure.nodes, shapes.nodes, strict=True):
        if isinstance(node, Stem):
            nodes.append(replace(node, width=shape.width))
        else:
            assert isinstance(shape, BlockPlan)
            pinned = PinnedBlock(
                fused_width=shape.fused_width,
                input_stride=shape.input_stride,
                buckets=tuple(b.sources for b in shape.buckets),
                attention_width=shape.attention_width,
            )
            nodes.append(replace(node, pinned=pinned))
    return replace(structure, nodes=tuple(nodes), finals=shapes.finals)


def unpin(structure: Structure) -> Structure:
    """Returns the structure with every shape derived again by the published rules."""
    nodes = tuple(
        replace(n, width=None) if isinstance(n, Stem) else replace(n, pinned=None)
        for n in structure.nodes
    )
    return replace(structure, nodes=nodes, finals=None)


def output_width(structure: Structure, node: Node, stem_count: int) -> int:
    """Returns the channels a node puts out; ``stem_count`` is the number of all its stems."""
    if isinstance(node, Block):
        return node.filters[-1] if isinstance(node.filters, tuple) else 4 * node.filters
    settings = structure.network
    if node.width is not None:
        return node.width
    if node.modality is Modality.OBJECT:
        return settings.object_classes
    if settings.stem_width is not None:
        return settings.stem_width
    return settings.stem_total // stem_count


def _plan_stem(structure: Structure, stem: Stem, kind: Family, stem_count: int) -> StemPlan:
    width = output_width(structure, stem, stem_count)
    return StemPlan(stem.modality, stem.temporal_dilation, width, kind.stem_stride)


def _plan_block(
    structure: Structure,
    index: int,
    block: Block,
    before: list[StemPlan | BlockPlan],
    candidates: _CandidatePeers,
) -> BlockPlan:
    sources = block.inputs
    pinned = block.pinned
    if pinned is None:
        fused_width = _fused_width(before, sources)
        input_stride = max(before[s].stride for s in sources)
        groups = _group_by_width(before, sources)
    else:
        fused_width, input_stride, groups = pinned.fused_width, pinned.input_stride, pinned.buckets
    buckets = tuple(
        Bucket(before[group[0]].width, tuple(group), before[group[0]].width != fused_width)
        for group in groups
    )
    peers, attention_width = _attention(structure, block, before, candidates)
    return BlockPlan(
        sources=sources,
        buckets=buckets,
        fused_width=fused_width,
        input_stride=input_stride,
        width=output_width(structure, block, 0),
        stride=input_stride * block.spatial_stride,
        modules=structure.network.blocks[block.level],
        inner_width=structure.network.inner_widths[block.level],
        candidates=peers,
        attention_width=attention_width,
    )


def _fused_width(before: list[StemPlan | BlockPlan], sources: Iterable[int]) -> int:
    """The widest input; object streams do not count unless there is nothing else."""
    widths = {s: before[s].width for s in sources}
    others = [w for s, w in widths.items() if not _is_object(before[s])]
    return max(others or widths.values())


def _is_object(shape: StemPlan | BlockPlan) -> bool:
    return isinstance(shape, StemPlan) and shape.modality is Modality.OBJECT


def _group_by_width(
    before: list[StemPlan | BlockPlan], sources: Iterable[int]
) -> tuple[tuple[int, ...], ...]:
    groups: dict[int, list[int]] = {}
    for source in sources:
        groups.setdefault(before[source].width, []).append(source)
    return tuple(tuple(group) for group in groups.values())


def _attention(
    structure: Structure,
    block: Block,
    before: list[StemPlan | BlockPlan],
    candidates: _CandidatePeers,
) -> tuple[tuple[int, ...], int | None]:
    """The nodes that gate this block's inputs, and the width they are projected to."""
    match structure.network.attention:
        case Attention.PEER:
            peers = candidates(block.level)
        case Attention.FIXED:
            named = {peer.node for c in block.connections for peer in c.peers}
            peers = tuple(sorted(named, key=candidates.place))
        case _:
            return (), None
    if block.pinned is not None and block.pinned.attention_width is not None:
        return peers, block.pinned.attention_width
    # Every candidate counts for the width, whether or not it was chosen.
    return peers, candidates.widest(block.level, before)
