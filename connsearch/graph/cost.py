"""What a structure costs, by arithmetic: shapes, parameters and multiply-accumulates of one clip.

Counted are the multiply-accumulates of convolutions and dense layers, which is what
``torch.utils.flop_counter`` counts (it counts each as two operations). Sums, pooling,
normalisation, gates and the mixture of peers are left out, and so is the representation flow: it
has no parameters and no convolution, only differences of neighbouring pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from connsearch.graph.families import Family, family
from connsearch.graph.plan import BlockPlan, Plan, StemPlan, plan
from connsearch.graph.spec import FREE, Attention, Block, Modality, Structure

DEFAULT_CLIP = (16, 112, 112)
"""Frames, height and width where nobody says otherwise."""


class Shape(NamedTuple):
    """Channels, frames, height and width of a feature map."""

    channels: int
    frames: int
    height: int
    width: int


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
    shapes, kind = plan(structure), family(structure.family)
    counter = _Counter(structure, shapes, kind, clip)
    weights = structure.weights().values()
    return Cost(
        nodes=tuple(counter.node(index) for index in range(len(structure))),
        head=counter.head(num_classes),
        clip=clip,
        connection_parameters=sum(1 for weight in weights if weight is not None),
    )


@dataclass(slots=True)
class _Tally:
    """Parameters and multiply-accumulates, added up layer by layer."""

    parameters: int = 0
    macs: int = 0

    def conv(self, before: int, after: int, taps: int, positions: int) -> None:
        """A bias-free convolution, its output at so many positions, and normalisation after it."""
        self.project(before, after, positions, taps)
        self.parameters += 2 * after

    def project(self, before: int, after: int, positions: int, taps: int = 1) -> None:
        """A bias-free convolution with nothing after it."""
        self.parameters += taps * before * after
        self.macs += taps * before * after * positions

    def dense(self, before: int, after: int, times: int) -> None:
        """A dense layer with bias, used so many times."""
        self.parameters += (before + 1) * after
        self.macs += before * after * times


class _Counter:
    """Counts node by node; keeps what is the same for all nodes of a level."""

    def __init__(
        self, structure: Structure, shapes: Plan, kind: Family, clip: tuple[int, int, int]
    ) -> None:
        self._structure = structure
        self._plan = shapes
        self._kind = kind
        self._clip = clip
        self._peer_channels: dict[int, int] = {}

    def node(self, index: int) -> NodeCost:
        shape = self._plan.nodes[index]
        out = self._shape(shape.width, shape.stride)
        if isinstance(shape, StemPlan):
            tally = self._stem(shape)
            return NodeCost(index, shape.modality.value, out, tally.parameters, tally.macs)
        tally = _Tally()
        block = self._structure.block(index)
        self._fusion(tally, block, shape)
        self._attention(tally, block, shape)
        count = self._bottlenecks if self._kind.block == "bottleneck" else self._inverted
        count(tally, block, shape)
        return NodeCost(index, "block", out, tally.parameters, tally.macs)

    def head(self, num_classes: int) -> NodeCost:
        tally, settings = _Tally(), self._structure.network
        width = self._plan.pooled_width()
        positions = [self._positions(self._plan.nodes[f].stride) for f in self._plan.finals]
        for after in settings.head_widths:  # one convolution, used on every final node
            tally.conv(width, after, 1, sum(positions))
            width = after
        tally.dense(width, num_classes, self._clip[0] if settings.head == "softmax" else 1)
        shape = Shape(num_classes, 1, 1, 1)
        return NodeCost(None, "head", shape, tally.parameters, tally.macs)

    def _shape(self, channels: int, stride: int) -> Shape:
        frames, height, width = self._clip
        return Shape(channels, frames, -(-height // stride), -(-width // stride))

    def _positions(self, stride: int) -> int:
        _, frames, height, width = self._shape(1, stride)
        return frames * height * width

    def _stem(self, shape: StemPlan) -> _Tally:
        tally, positions = _Tally(), self._positions(2)
        if shape.modality is Modality.OBJECT:
            return tally
        lite = self._kind.stem == "lite"
        channels = 3 if shape.modality is Modality.RGB else 2
        tally.conv(channels, shape.width, 9 if lite else 49, positions)
        if lite or shape.modality is Modality.RGB:
            tally.conv(shape.width, shape.width, 3 if lite else 5, positions)
        return tally

    def _fusion(self, tally: _Tally, block: Block, shape: BlockPlan) -> None:
        tally.parameters += sum(c.weight == FREE for c in block.connections)
        for bucket in shape.buckets:
            if bucket.project:
                positions = self._positions(shape.input_stride)
                tally.project(bucket.width, shape.fused_width, positions)

    def _attention(self, tally: _Tally, block: Block, shape: BlockPlan) -> None:
        """Gates on the sources; peers are projected once a block, mixed once a connection."""
        mode, frames = self._structure.network.attention, self._clip[0]
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

    def _bottlenecks(self, tally: _Tally, block: Block, shape: BlockPlan) -> None:
        """1x1 (odd steps: 3 frames), 3x3, 1x1; the first step projects its shortcut."""
        assert isinstance(block.filters, int)
        for step, before, entry, positions in self._steps(shape):
            if step == 0:
                tally.conv(before, shape.width, 1, positions)
            tally.conv(before, block.filters, 3 if step % 2 else 1, entry)
            tally.conv(block.filters, shape.inner_width, 9, positions)
            tally.conv(shape.inner_width, shape.width, 1, positions)

    def _inverted(self, tally: _Tally, block: Block, shape: BlockPlan) -> None:
        """1x1, 3x3x3 (strided: 1x3x3 and 3 frames), 1x1; the first step projects its shortcut."""
        assert isinstance(block.filters, tuple)
        first, middle, _ = block.filters
        for step, before, entry, positions in self._steps(shape):
            if step == 0:
                tally.conv(before, shape.width, 1, positions)
            tally.conv(before, first, 1, entry)
            if step == 0 and block.spatial_stride > 1:
                tally.conv(first, middle, 9, positions)
                tally.conv(middle, middle, 3, positions)
            else:
                tally.conv(first, middle, 27, positions)
            tally.conv(middle, shape.width, 1, positions)

    def _steps(self, shape: BlockPlan) -> Iterator[tuple[int, int, int, int]]:
        """Yields (step, input width, positions before, positions after) of each module."""
        entry, positions = self._positions(shape.input_stride), self._positions(shape.stride)
        for step in range(shape.modules):
            first = step == 0
            yield (
                step,
                shape.fused_width if first else shape.width,
                entry if first else positions,
                positions,
            )
