"""Interleaved 2D and (2+1)D bottlenecks (AssembleNet, section 3.1 and appendix A.2)."""

from __future__ import annotations

from collections.abc import Iterator

from connsearch.graph.kinds import BlockModule, block_kind
from connsearch.graph.layers import INPUT, Activation, Convolution, Layer, Norm, Sum


@block_kind("bottleneck", out_width=lambda filters: 4 * filters[0], period=2)
def bottleneck(module: BlockModule) -> Iterator[Layer]:
    """Yields 1x1 (even steps) or temporal 3x1x1 (odd steps), then 3x3, then 1x1 to 4 x filters.

    The 3x3 has the level's inner width whatever the filters are, so that halving the filters of a
    node halves its parameters. Step 0 projects its shortcut and carries the spatial stride.
    """
    (filters,), out_width = module.filters, 4 * module.filters[0]
    shortcut = INPUT
    if module.step == 0:
        yield Convolution("shortcut", module.in_width, out_width, stride=module.stride)
        yield Norm(shortcut := "shortcut_bn")
    temporal, dilation = (3, module.dilation) if module.step % 2 else (1, 1)
    yield Convolution("conv1", module.in_width, filters, temporal, dilation=dilation, reads=INPUT)
    yield Norm("bn1")
    yield Activation()
    yield Convolution("conv2", filters, module.inner_width, spatial=3, stride=module.stride)
    yield Norm("bn2")
    yield Activation()
    yield Convolution("conv3", module.inner_width, out_width)
    yield Norm("bn3", zero=True)
    yield Sum(("bn3", shortcut))
    yield Activation()
