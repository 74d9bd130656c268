"""Inverted 3D bottlenecks (AssembleNet++ lite)."""

from __future__ import annotations

from collections.abc import Iterator

from connsearch.graph.kinds import BlockModule, FilterForm, block_kind
from connsearch.graph.layers import INPUT, Activation, Convolution, Layer, Norm, Sum

_TRIPLE = FilterForm(("expand", "middle", "output"), usual=(2.25, 2.25, 1))
"""Both inner widths of the published network are about 2.25 times its output (432 to 192)."""


@block_kind("inverted_bottleneck", filters=_TRIPLE, out_width=lambda filters: filters[2])
def inverted_bottleneck(module: BlockModule) -> Iterator[Layer]:
    """Yields 1x1, then 3x3x3 (strided: 1x3x3 and 3x1x1), then 1x1.

    Step 0 projects its shortcut and carries the spatial stride.
    """
    first, middle, out_width = module.filters
    stride, dilation = module.stride, module.dilation
    shortcut = INPUT
    if module.step == 0:
        yield Convolution("shortcut", module.in_width, out_width, stride=stride)
        yield Norm(shortcut := "shortcut_bn")
    yield Convolution("conv1", module.in_width, first, reads=INPUT)
    yield Norm("bn1")
    yield Activation()
    if stride == 1:
        yield Convolution("conv2", first, middle, 3, 3, dilation=dilation)
        yield Norm("bn2")
    else:
        yield Convolution("conv2", first, middle, spatial=3, stride=stride, same=True)
        yield Norm("bn2", created_after="bn_temporal")
        yield Activation()
        yield Convolution("temporal_conv", middle, middle, 3, dilation=dilation)
        yield Norm("bn_temporal")
    yield Activation()
    yield Convolution("conv3", middle, out_width)
    yield Norm("bn3", zero=True)
    yield Sum(("bn3", shortcut))
    yield Activation()
