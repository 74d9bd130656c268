"""Layers that do not fit are found before any module is built, and told by place and name."""

from __future__ import annotations

import re

import pytest

from connsearch.errors import KindError
from connsearch.graph.layers import (
    INPUT,
    Activation,
    Convolution,
    Layer,
    Norm,
    Pool,
    Product,
    Recurrent,
    Sum,
    creation_order,
)
from connsearch.graph.tracing import Extent, traced

CONV = Convolution("conv", 4, 8)
WIDE = Convolution("wide", 4, 6, reads=INPUT)
FAR = Convolution("far", 4, 8, spatial=3, stride=2, reads=INPUT)
MEAN = Pool("average", name="mean")
CLIP = Pool("average", frames="all", name="clip")

BAD: list[tuple[list[Layer], str]] = [
    ([], "no layers"),
    ([Convolution("conv", 3, 8)], "layer 0, convolution 'conv' ... 3 channels ... 4"),
    (
        [CONV, Convolution("next", 4, 8)],
        "1, convolution 'next' ... 4 channels ... 8",
    ),
    ([CONV, Norm("conv")], "another layer has this name"),
    ([Norm(INPUT)], "it is 'input'"),
    ([CONV, Activation(reads="bn")], "reads 'bn' ... input, conv"),
    ([Convolution("conv", 4, 8, temporal=2)], "2 x 1 x 1 taps ... odd numbers"),
    ([Convolution("conv", 4, 8, spatial=2)], "1 x 2 x 2 taps ... odd numbers"),
    ([Convolution("conv", 4, 6, groups=4)], "4 groups ... 4 input ... 6 output"),
    ([Convolution("conv", 4, 0)], "out_width is 0 ... whole numbers from 1"),
    ([CONV, WIDE, Sum(("conv", "wide"))], "8 channels (stride 1) ... 6 channels (stride 1)"),
    ([CONV, FAR, Sum(("conv", "far"))], "8 channels (stride 1) ... 8 channels (stride 2)"),
    ([CONV, FAR, Product(("conv", "far"))], "8 channels (stride 2) ... gate 8 channels"),
    ([CONV, MEAN, Product(("mean", "conv"))], "8 channels (stride 1) ... gate 8 channels (1 p"),
    ([MEAN, CLIP, Product(("mean", "input"))], "gate 4 channels (1 pixel)"),
    ([MEAN, Convolution("conv", 4, 8, spatial=3)], "3 taps, stride 1, on 1 pixel"),
    ([MEAN, Pool(window=2)], "a window of 2 on 1 pixel"),
    ([Pool(window=0)], "window is 0"),
    ([Pool(stride=2)], "stride 2 over the whole frame"),
    ([Pool("average", window=2)], "only the whole frame is averaged"),
    ([CLIP, Recurrent("lstm", 4, 4)], "lstm ... frames"),
    ([Recurrent("lstm", 3, 4)], "lstm ... 3 channels ... 4"),
    ([CONV, Norm("bn", created_after="conv")], "norm 'bn' ... after 'conv' ... later"),
]


@pytest.mark.parametrize(("layers", "message"), BAD)
def test_what_does_not_fit_is_told(layers: list[Layer], message: str) -> None:
    with pytest.raises(KindError, match=re.escape(message).replace(r"\ \.\.\.\ ", ".*")):
        traced(layers, in_width=4)


def test_extents_follow_the_layers() -> None:
    layers = [FAR, Norm("bn"), MEAN, Recurrent("gru", 8, 1), Activation("sigmoid", "gate")]
    found = traced([*layers, Product(("bn", "gate")), CLIP], in_width=4)
    large, frames = Extent(8, 2), Extent(8, 2, pixels=False)
    one = Extent(1, 2, pixels=False)
    clip = Extent(8, 2, frames=False, pixels=False)
    assert found.extents == (Extent(4), large, large, frames, one, one, large, clip)
    assert found.sources == ((0,), (1,), (2,), (3,), (4,), (2, 5), (6,))


def test_a_late_normalisation_is_created_where_it_says() -> None:
    layers = [CONV, Norm("bn", created_after="last"), Activation(), Convolution("last", 8, 8)]
    assert [layer.name for layer in creation_order(layers)] == ["conv", "last", "bn"]
