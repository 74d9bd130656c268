"""A node of a structure above the stems, as a module."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from connsearch.graph.plan import BlockPlan
from connsearch.graph.spec import Attention, Block, GateFusion, Post
from connsearch.nn.connection import ConnectionFusion
from connsearch.nn.layered import Layered
from connsearch.nn.squeeze_recursion import RecurrentScaling, Recurring
from connsearch.nn.temporal_gate import TemporalGate


class BlockNode(nn.Module):
    """One node above the stems: fusion, residual modules, and what follows them.

    Attributes:
        post: squeeze and recursion, with a temporal gate or without; None: nothing follows.
    """

    def __init__(
        self,
        block: Block,
        shape: BlockPlan,
        widths: Mapping[int, int],
        *,
        learn: bool,
        attention: Attention,
        normalise: bool = False,
        gate_fusion: GateFusion = "one_plus",
    ) -> None:
        super().__init__()
        self.input_stride = shape.input_stride
        self.input_temporal_stride = shape.input_temporal_stride
        self.fusion = ConnectionFusion(
            block.connections,
            shape,
            widths,
            learn=learn,
            attention=attention,
            normalise=normalise,
            gate_fusion=gate_fusion,
        )
        self.residual = nn.Sequential(*(Layered(shape.module(n)) for n in range(shape.modules)))
        self.post = _post(shape, gate_fusion)

    def forward(
        self, inputs: Mapping[int, Tensor], clip: tuple[int, int, int], means: Mapping[int, Tensor]
    ) -> Tensor:
        """Maps input features to ``(B, C, T, H, W)``; ``clip`` is (T, H, W) of the input clip."""
        frames, height, width = clip
        stride, time = self.input_stride, self.input_temporal_stride
        size = (-(-frames // time), -(-height // stride), -(-width // stride))
        found = self.residual(self.fusion(inputs, size, means))
        return found if self.post is None else self.post(found)


def _post(shape: BlockPlan, fusion: GateFusion) -> Recurring | None:
    match shape.post:
        case Post.NONE:
            return None
        case Post.SR:
            return RecurrentScaling(shape.width, fusion=fusion)
        case Post.SRTG:
            return TemporalGate(shape.width, fusion=fusion)
