"""What a structure costs, by arithmetic: shapes, parameters and multiply-accumulates of one clip.

Counted are the multiply-accumulates of convolutions and dense layers, which is what
``torch.utils.flop_counter`` counts (it counts each as two operations). Sums, pooling,
normalisation, gates and the mixture of peers are left out, and so is the representation flow: it
has no parameters and no convolution, only differences of neighbouring pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from connsearch.graph.layers import Gate, weights
from connsearch.graph.plan import BlockPlan, FusionPlan, Plan, StemPlan, plan
from connsearch.graph.spec import FREE, Attention, Block, Post, Structure
from connsearch.graph.tracing import Traced

DEFAULT_CLIP = (16, 112, 112)
"""Default frames, height and width."""


class Shape(NamedTuple):
    """Channels, frames, height and width of a feature map."""

    channels: int
    frames: int
    height: int
    width: int


class GateCost(NamedTuple):
    """Parameters and multiply-accumulates of a temporal gate, or of scaling without one."""

    parameters: int
    macs: int


def gate_cost(width: int, frames: int) -> GateCost:
    """Returns what the recurrent cell of a gate costs for so many channels and frames.

    >>> gate_cost(8, 4)
    GateCost(parameters=1152, macs=4096)
    """
    parameters, macs = weights(Gate("gate"), width)
    return GateCost(parameters, macs * frames)


@dataclass(frozen=True, slots=True)
class NodeCost:
    """One node's output and cost.

    Attributes:
        index: the node; None is the head.
        kind: ``rgb``, ``flow``, ``object``, ``block`` or ``head``.
        shape: output of one clip; the head's is (classes, 1, 1, 1).
        parameters: what learns in it, peer logits and free connection weights included.
        macs: multiply-accumulates of one clip.
    """

    index: int | None
    kind: str
    shape: Shape
    parameters: int
    macs: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What a structure costs.

    Attributes:
        nodes: one entry a node.
        head: the classifier.
        clip: frames, height and width the multiply-accumulates are for.
        connection_parameters: connections that have a weight of their own, stored or free: what a
            search learns. In ``parameters`` only the free ones count; stored ones are frozen.
    """

    nodes: tuple[NodeCost, ...]
    head: NodeCost
    clip: tuple[int, int, int]
    connection_parameters: int

    @property
    def parameters(self) -> int:
        """Parameters that learn; stored connection weights are frozen and not counted."""
        return self.head.parameters + sum(node.parameters for node in self.nodes)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one clip."""
        return self.head.macs + sum(node.macs for node in self.nodes)

    def share(self, node: NodeCost) -> float:
        """Returns the part of all multiply-accumulates that one node makes, in [0, 1]."""
        return node.macs / self.macs if self.macs else 0.0


def cost(
    structure: Structure, *, num_classes: int, clip: tuple[int, int, int] = DEFAULT_CLIP
) -> Cost:
    """Returns the shapes, parameters and multiply-accumulates of a valid structure.

    Args:
        structure: a valid structure.
        num_classes: outputs of the classifier.
        clip: frames, height and width of the input; only shapes and macs depend on it.

    >>> from connsearch.graph.files import load_structure
    >>> cost(load_structure("assemblenet-50"), num_classes=157).parameters
    36900957
    """
    counter = _Counter(structure, plan(structure), clip)
    stored = structure.weights().values()
    return Cost(
        nodes=tuple(counter.node(index) for index in range(len(structure))),
        head=counter.head(num_classes),
        clip=clip,
        connection_parameters=sum(1 for weight in stored if weight is not None),
    )


@dataclass(slots=True)
class _Totals:
    """Parameters and multiply-accumulates, added up layer by layer."""

    parameters: int = 0
    macs: int = 0

    def project(self, before: int, after: int, positions: int) -> None:
        """A bias-free 1x1 convolution with nothing after it, at this many output positions."""
        self.parameters += before * after
        self.macs += before * after * positions

    def dense(self, before: int, after: int, times: int) -> None:
        """A dense layer with bias, used this many times."""
        self.parameters += (before + 1) * after
        self.macs += before * after * times


def addends(shape: FusionPlan, clip: tuple[int, int, int]) -> Iterator[tuple[tuple[int, ...], int]]:
    """Yields the parts of a fusion that cost something: the inputs of each, and its macs.

    The inputs of a bucket that have no temporal gate share a projection; one with a gate is
    projected by itself, and has its recurrent cell.

    Args:
        shape: of a block.
        clip: frames, height and width of the input of the network.
    """
    frames, height, width = clip
    frames, stride = -(-frames // shape.input_temporal_stride), shape.input_stride
    positions = frames * -(-height // stride) * -(-width // stride)
    for bucket in shape.buckets:
        macs = bucket.width * shape.fused_width * positions if bucket.project else 0
        plain = tuple(source for source in bucket.sources if source not in shape.gated)
        if plain and macs:
            yield plain, macs
        for source in bucket.sources:
            if source in shape.gated:
                yield (source,), macs + gate_cost(shape.fused_width, frames).macs


class _Counter:
    """Counts node by node; keeps what is the same for all nodes of a level."""

    def __init__(self, structure: Structure, shapes: Plan, clip: tuple[int, int, int]) -> None:
        self._structure = structure
        self._plan = shapes
        self._clip = clip
        self._peer_channels: dict[int, int] = {}

    def node(self, index: int) -> NodeCost:
        shape = self._plan.nodes[index]
        out, tally = self._shape(shape.width, shape.stride, shape.temporal_stride), _Totals()
        if isinstance(shape, StemPlan):
            self._layers(tally, shape.layers, self._clip)
            return NodeCost(index, shape.modality.value, out, tally.parameters, tally.macs)
        block = self._structure.block(index)
        self._fusion(tally, block, shape)
        self._attention(tally, block, shape)
        for step, times in shape.kind.steps(shape.modules):
            _, *size = self._fused(shape) if step == 0 else out
            self._layers(tally, shape.module(step), size, times)
        if shape.post is not Post.NONE:
            post = gate_cost(shape.width, out.frames)
            tally.parameters += post.parameters
            tally.macs += post.macs
        return NodeCost(index, "block", out, tally.parameters, tally.macs)

    def head(self, num_classes: int) -> NodeCost:
        tally, settings = _Totals(), self._structure.network
        width = self._plan.pooled_width()
        finals = [self._plan.nodes[f] for f in self._plan.finals]
        shapes = [self._shape(width, f.stride, f.temporal_stride) for f in finals]
        positions = [shape.frames * shape.height * shape.width for shape in shapes]
        for after in settings.head_widths:  # one convolution, used on every final node
            tally.project(width, after, sum(positions))
            tally.parameters += 2 * after  # the normalisation after it
            width = after
        rates = {f.temporal_stride: shape.frames for f, shape in zip(finals, shapes, strict=True)}
        times = sum(rates.values()) if settings.head == "softmax" else 1
        tally.dense(width, num_classes, times)
        shape = Shape(num_classes, 1, 1, 1)
        return NodeCost(None, "head", shape, tally.parameters, tally.macs)

    def _shape(self, channels: int, stride: int, temporal_stride: int) -> Shape:
        frames, height, width = self._clip
        return Shape(
            channels, -(-frames // temporal_stride), -(-height // stride), -(-width // stride)
        )

    def _fused(self, shape: BlockPlan) -> Shape:
        """The fused input of a block."""
        return self._shape(shape.fused_width, shape.input_stride, shape.input_temporal_stride)

    def _layers(self, tally: _Totals, found: Traced, size: Sequence[int], times: int = 1) -> None:
        """Modules of these layers; ``size`` is frames, height and width of their input."""
        frames, height, width = size
        parameters, macs = found.counted(frames, height, width)
        tally.parameters += times * parameters
        tally.macs += times * macs

    def _fusion(self, tally: _Totals, block: Block, shape: BlockPlan) -> None:
        tally.parameters += sum(c.weight == FREE for c in block.connections)
        for bucket in shape.buckets:
            if bucket.project:
                tally.parameters += bucket.width * shape.fused_width
        tally.macs += sum(macs for _, macs in addends(shape, self._clip))
        for _ in shape.gated:
            tally.parameters += gate_cost(shape.fused_width, 1).parameters

    def _attention(self, tally: _Totals, block: Block, shape: BlockPlan) -> None:
        """Gates on the sources; peers are projected once a block, mixed once a connection."""
        mode, frames = self._structure.network.attention, self._fused(shape).frames
        widths = [self._plan.width(source) for source in shape.sources]
        if mode is Attention.STATIC:
            tally.parameters += sum(widths)
        elif mode is Attention.SELF:
            for width in widths:
                tally.dense(width, width, frames)
        elif mode in (Attention.PEER, Attention.FIXED) and shape.attention_width is not None:
            soft = mode is Attention.PEER
            gated = [c.source for c in block.connections if soft or c.peers]
            count, channels = len(shape.candidates), self._candidate_channels(block, shape)
            tally.parameters += (channels + count) * shape.attention_width
            tally.macs += channels * shape.attention_width * frames
            for source in gated:
                tally.dense(shape.attention_width, self._plan.width(source), frames)
            if soft:
                tally.parameters += count * len(gated)

    def _candidate_channels(self, block: Block, shape: BlockPlan) -> int:
        """Channels of all candidate peers together; in mode peer the same for a whole level."""
        if self._structure.network.attention is not Attention.PEER:
            return sum(map(self._plan.width, shape.candidates))
        if block.level not in self._peer_channels:
            self._peer_channels[block.level] = sum(map(self._plan.width, shape.candidates))
        return self._peer_channels[block.level]
