"""Layers that do not fit are found before any module is built, and told by place and name."""

from __future__ import annotations

import re

import pytest

from connsearch.errors import KindError
from connsearch.graph.layers import (
    INPUT,
    Activation,
    Convolution,
    Gate,
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
LATE = Convolution("late", 4, 8, temporal_stride=2, reads=INPUT)
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
    ([Norm("bn", momentum=0.0)], "norm 'bn': momentum is 0.0, allowed are numbers in (0, 1]"),
    ([Convolution("conv", 4, 8, temporal_stride=0)], "temporal_stride is 0 ... whole numbers"),
    ([CLIP, Convolution("conv", 4, 8, temporal_stride=2)], "temporal stride 2 on 1 frame"),
    (
        [CONV, LATE, Sum(("conv", "late"))],
        "8 channels (stride 1) ... (stride 1, temporal stride 2)",
    ),
    ([CONV, LATE, Product(("conv", "late"))], "temporal stride 2) cannot gate 8 channels"),
    ([CLIP, Gate("gate")], "gate 'gate' runs over the frames"),
    ([Pool(temporal_stride=2)], "1 frames, temporal stride 2, but no window in space"),
    ([Pool(window=2, temporal=2)], "a window of 2 x 2 x 2; allowed are odd numbers"),
    ([Pool(window=2, centred=True)], "a window of 1 x 2 x 2 ... unless centred"),
    ([Pool("average", frames="all", window=2)], "only the whole frame is averaged"),
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


def test_strides_in_time_multiply_until_one_frame_is_left() -> None:
    pool = Pool(window=3, stride=2, temporal=3, temporal_stride=2, centred=True)
    found = traced([LATE, Gate("gate"), pool, MEAN, Activation(), CLIP], in_width=4)
    frames, pixel = Extent(8, temporal_stride=2), Extent(8, 2, pixels=False, temporal_stride=4)
    assert found.extents[1:3] == (frames, frames)
    assert found.extents[3:] == (
        Extent(8, 2, temporal_stride=4),
        pixel,
        pixel,
        Extent(8, 2, frames=False, pixels=False),
    )
    assert [e.places(7, 5, 5) for e in found.extents] == [175, 100, 100, 18, 2, 2, 1]


def test_a_late_normalisation_is_created_where_it_says() -> None:
    layers = [CONV, Norm("bn", created_after="last"), Activation(), Convolution("last", 8, 8)]
    assert [layer.name for layer in creation_order(layers)] == ["conv", "last", "bn"]
