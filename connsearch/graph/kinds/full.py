"""Stems of stride 4 (AssembleNet and AssembleNet++)."""

from __future__ import annotations

from collections.abc import Iterator

from connsearch.graph.kinds import StemModule, stem_kind
from connsearch.graph.layers import Activation, Convolution, Layer, Norm, Pool
from connsearch.graph.spec import Modality


@stem_kind("full")
def full(stem: StemModule) -> Iterator[Layer]:
    """Yields a 7x7 convolution of stride 2, for RGB also a temporal one of 5 taps, and a pool.

    The pool is 3x3 for RGB and 2x2 for flow. Object maps are only pooled, and pass on their
    channels.
    """
    if stem.modality is Modality.OBJECT:
        yield Pool(window=4, stride=4)
        return
    yield Convolution("conv1", stem.in_width, stem.width, spatial=7, stride=2)
    yield Norm("bn1")
    yield Activation()
    if stem.modality is Modality.RGB:
        yield Convolution("temporal_conv", stem.width, stem.width, 5, dilation=stem.dilation)
        yield Norm("bn2")
        yield Activation()
    yield Pool(window=3 if stem.modality is Modality.RGB else 2, stride=2)
