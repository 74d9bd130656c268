"""Shapes of every node, independent of the clip size: what ``nn`` builds and ``cost`` counts.

The published rules derive a node's width, stride and addend order from its neighbours; a pinned
node says its own. Both end in the same plan, so nothing after this file asks which it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from connsearch.errors import Fault, KindError, StructureError
from connsearch.graph.candidates import CandidatePeers
from connsearch.graph.families import block_kind, family, stem_kind
from connsearch.graph.kinds import BlockKind, BlockModule, StemKind, StemModule
from connsearch.graph.spec import (
    Attention,
    Block,
    Modality,
    Node,
    PinnedBlock,
    Post,
    Stem,
    Structure,
)
from connsearch.graph.tracing import Traced


@dataclass(frozen=True, slots=True)
class StemPlan:
    """A stem's layers and output: channels and strides relative to the clip."""

    modality: Modality
    temporal_dilation: int
    width: int
    stride: int
    kind: StemKind
    layers: Traced
    temporal_stride: int = 1


@dataclass(frozen=True, slots=True)
class Bucket:
    """Inputs of equal width, added in this order; ``project`` says whether a 1x1 conv follows."""

    width: int
    sources: tuple[int, ...]
    project: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionPlan:
    """A fusion of several inputs.

    Attributes:
        sources: the inputs in the order of the block's connections.
        buckets: the same inputs by width, in the order their sums are added.
        fused_width: channels after fusion.
        input_stride: stride of the fused input relative to the clip.
        candidates: nodes that may act as peers, in published order.
        attention_width: width peers are projected to; None without peer attention.
        gated: the inputs that have a temporal gate; they are added after all others.
        input_temporal_stride: stride in time of the fused input relative to the clip.
        retimed: inputs and candidates with another stride in time than that.
    """

    sources: tuple[int, ...]
    buckets: tuple[Bucket, ...]
    fused_width: int
    input_stride: int
    candidates: tuple[int, ...]
    attention_width: int | None
    gated: tuple[int, ...] = ()
    input_temporal_stride: int = 1
    retimed: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockPlan(FusionPlan):
    """A block's fusion and the modules after it.

    Attributes:
        width: output channels.
        stride: output stride relative to the clip.
        modules: number of modules.
        inner_width: what the settings give its level (width of a bottleneck's 3x3 convolutions).
        kind: what its modules are.
        filters: in the kind's form.
        temporal_dilation: frames between the taps of its temporal convolutions.
        spatial_stride: carried by its first module.
        post: what follows its last module.
        own_temporal_stride: carried by its first module.
    """

    width: int
    stride: int
    modules: int
    inner_width: int
    kind: BlockKind
    filters: tuple[int, ...]
    temporal_dilation: int
    spatial_stride: int
    post: Post
    own_temporal_stride: int = 1

    @property
    def temporal_stride(self) -> int:
        """Output stride in time relative to the clip."""
        return self.input_temporal_stride * self.own_temporal_stride

    def module(self, number: int) -> Traced:
        """Returns the layers of the block's ``number``-th module."""
        first = number == 0
        return self.kind.traced(
            BlockModule(
                in_width=self.fused_width if first else self.width,
                filters=self.filters,
                inner_width=self.inner_width,
                dilation=self.temporal_dilation,
                stride=self.spatial_stride if first else 1,
                step=self.kind.step(number),
                temporal_stride=self.own_temporal_stride if first else 1,
            )
        )


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

    Raises:
        StructureError: the layers of a node's kind do not fit, or do not end as planned.
    """
    stem_count = sum(1 for _ in structure.stems())
    candidates = CandidatePeers(structure)
    plans: list[StemPlan | BlockPlan] = []
    for index, node in enumerate(structure.nodes):
        try:
            if isinstance(node, Stem):
                plans.append(_plan_stem(structure, node, stem_count))
            else:
                plans.append(_plan_block(structure, node, plans, candidates))
        except KindError as error:
            raise StructureError(structure.name, [kind_fault(index, error)]) from None
    return Plan(tuple(plans), final_nodes(structure))


def kind_fault(index: int, error: KindError) -> Fault:
    """Returns the fault of a node whose kind cannot be what the structure asks of it."""
    cure = "use other filters, settings or another kind, or correct the kind's file"
    return Fault("kind-layers", str(error), index, cure=cure)


def final_nodes(structure: Structure) -> tuple[int, ...]:
    """Returns the nodes the head reads: pinned, or those of the top level (lite: its first)."""
    if structure.finals is not None:
        return structure.finals
    top = structure.network.levels - 1
    found = tuple(i for i, block in structure.blocks() if block.level == top)
    return found[:1] if family(structure.family).one_final else found


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
                input_temporal_stride=shape.input_temporal_stride,
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
        return block_kind(structure, node).width(node.filters)
    settings = structure.network
    if node.width is not None:
        return node.width
    if node.modality in stem_kind(structure, node).passes:
        return settings.stream_width(node.modality)
    if settings.stem_width is not None:
        return settings.stem_width
    return settings.stem_total // stem_count


def stem_layers(structure: Structure, stem: Stem, width: int) -> Traced:
    """Returns the layers of a stem that puts out so many channels.

    Raises:
        KindError: they do not fit.
    """
    in_width = structure.network.stream_width(stem.modality)
    return stem_kind(structure, stem).traced(
        StemModule(stem.modality, in_width, width, stem.temporal_dilation)
    )


def _plan_stem(structure: Structure, stem: Stem, stem_count: int) -> StemPlan:
    width = output_width(structure, stem, stem_count)
    layers = stem_layers(structure, stem, width)
    kind = stem_kind(structure, stem)
    return StemPlan(
        stem.modality,
        stem.temporal_dilation,
        width,
        layers.out.stride,
        kind,
        layers,
        layers.out.temporal_stride,
    )


def _plan_block(
    structure: Structure,
    block: Block,
    before: list[StemPlan | BlockPlan],
    candidates: CandidatePeers,
) -> BlockPlan:
    sources = block.inputs
    pinned = block.pinned
    if pinned is None:
        width = fused_width((before[s].width, is_object(before[s])) for s in sources)
        input_stride = max(before[s].stride for s in sources)
        time = max(before[s].temporal_stride for s in sources)
        groups = _group_by_width(before, sources)
    else:
        width, input_stride, groups = pinned.fused_width, pinned.input_stride, pinned.buckets
        time = pinned.input_temporal_stride
    buckets = tuple(
        Bucket(before[group[0]].width, tuple(group), before[group[0]].width != width)
        for group in groups
    )
    peers, attention_width = _attention(structure, block, before, candidates)
    kind = block_kind(structure, block)
    found = BlockPlan(
        sources=sources,
        buckets=buckets,
        fused_width=width,
        input_stride=input_stride,
        width=kind.width(block.filters),
        stride=input_stride * block.spatial_stride,
        modules=structure.network.blocks[block.level],
        inner_width=structure.network.inner_widths[block.level],
        kind=kind,
        filters=kind.filters.numbers(block.filters),
        temporal_dilation=block.temporal_dilation,
        spatial_stride=block.spatial_stride,
        own_temporal_stride=block.temporal_stride,
        candidates=peers,
        attention_width=attention_width,
        gated=tuple(c.source for c in block.connections if c.gated),
        post=block.post,
        input_temporal_stride=time,
        retimed=frozenset(n for n in (*sources, *peers) if before[n].temporal_stride != time),
    )
    for step, _ in kind.steps(found.modules):
        found.module(step)  # what does not fit is found here, and not in torch
    return found


def fused_width(inputs: Iterable[tuple[int, bool]]) -> int:
    """Returns the channels of a fusion: the widest input.

    Args:
        inputs: for each its channels, and whether it is an object stream; these do not count
            unless there is nothing else.
    """
    widths = list(inputs)
    return max([width for width, is_object in widths if not is_object] or [w for w, _ in widths])


def is_object(node: Node | StemPlan | BlockPlan) -> bool:
    """Returns whether a node passes on object maps."""
    return isinstance(node, Stem | StemPlan) and node.modality is Modality.OBJECT


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
    candidates: CandidatePeers,
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
    return peers, candidates.widest(block.level, lambda n: before[n].width)
