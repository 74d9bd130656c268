"""Stems of stride 2 (AssembleNet++ lite)."""

from __future__ import annotations

from collections.abc import Iterator

from connsearch.graph.kinds import StemModule, stem_kind
from connsearch.graph.layers import Activation, Convolution, Layer, Norm, Pool
from connsearch.graph.spec import Modality


@stem_kind("lite")
def lite(stem: StemModule) -> Iterator[Layer]:
    """Yields a 3x3 convolution of stride 2 and a temporal one of 3 taps, for RGB and flow alike.

    Object maps are only pooled, and pass on their channels.
    """
    if stem.modality is Modality.OBJECT:
        yield Pool(window=2, stride=2)
        return
    yield Convolution("conv1", stem.in_width, stem.width, spatial=3, stride=2, same=True)
    yield Norm("bn1")
    yield Activation()
    yield Convolution("temporal_conv", stem.width, stem.width, 3, dilation=stem.dilation)
    yield Norm("bn2")
    yield Activation()
