"""Every block and stem kind keeps the contract of its cupboard; layers pad as published."""

from __future__ import annotations

import math
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from connsearch.errors import KindError, UnknownNameError
from connsearch.graph.families import FAMILIES
from connsearch.graph.kinds import (
    BLOCK_KINDS,
    STEM_KINDS,
    BlockModule,
    StemModule,
)
from connsearch.graph.kinds.residual3d import Place
from connsearch.graph.layers import Gate
from connsearch.graph.plan import BlockPlan, plan
from connsearch.graph.spec import (
    Attention,
    Block,
    Connection,
    Modality,
    NetworkSettings,
    Stem,
    Structure,
)
from connsearch.graph.tracing import Traced
from connsearch.models.block_node import BlockNode
from connsearch.nn.layered import Layered
from connsearch.nn.layers import conv, max_pool_same, norm, pad_same, pool_to
from tests.nn.helpers import check_counts

WIDTH, INNER = 8, 4
PUBLISHED = ("bottleneck", "inverted_bottleneck")
PLACES = tuple(f"_{place}" for place in get_args(Place))
KINDS = [
    pytest.param(name, marks=[pytest.mark.slow] if name.endswith(PLACES) else [])
    for name in BLOCK_KINDS
]
"""Every kind. Those whose gate is at a place that the name says are all the same but for it, and
compared with the blocks of the zoo in ``tests/models/test_residual_structures.py``."""

TIMED = [name for name in BLOCK_KINDS if BLOCK_KINDS[name].strides_time]
STREAMS = {Modality.RGB: 3, Modality.FLOW: 2, Modality.OBJECT: 6}


def found(
    name: str, in_width: int = WIDTH, *, stride: int = 1, step: int = 0, time: int = 1
) -> Traced:
    kind = BLOCK_KINDS[name]
    filters = kind.filters.numbers(kind.filters.filled(4))
    asked = BlockModule(in_width, filters, INNER, 2, stride, kind.step(step), time)
    return kind.traced(asked)


def block(name: str, in_width: int = WIDTH, *, stride: int = 1, step: int = 0) -> Layered:
    return Layered(found(name, in_width, stride=stride, step=step))


def out_width(name: str) -> int:
    """The width the plan gives a block, which is what its neighbours are built for."""
    return node_plan(name, [Stem(Modality.RGB, width=WIDTH)]).width


def node_plan(name: str, stems: list[Stem], *, modules: int = 1, stride: int = 1) -> BlockPlan:
    node = Block(
        0,
        tuple(Connection(index) for index in range(len(stems))),
        BLOCK_KINDS[name].filters.filled(4),
        2,
        stride,
        kind=name,
    )
    settings = NetworkSettings(blocks=(modules,), inner_widths=(INNER,))
    shape = plan(Structure("one", "assemblenet", (*stems, node), settings)).nodes[-1]
    assert isinstance(shape, BlockPlan)
    return shape


def wake(module: nn.Module) -> nn.Module:
    """Lets every normalisation through; some start at zero."""
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm3d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
    return module


def test_every_family_has_its_kinds() -> None:
    assert {kind.block for kind in FAMILIES.values()} <= set(BLOCK_KINDS)
    assert {kind.stem for kind in FAMILIES.values()} <= set(STEM_KINDS)
    with pytest.raises(UnknownNameError, match="did you mean 'bottleneck'"):
        BLOCK_KINDS["botleneck"]


# Every kind of block ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [(1, 1, 1), (3, 8, 9), (2, 7, 4)])
def test_block_keeps_frames_and_strides_space(
    name: str, stride: int, size: tuple[int, int, int]
) -> None:
    frames, height, width = size
    y = block(name, stride=stride).eval()(torch.rand(2, WIDTH, *size))
    assert y.shape == (2, out_width(name), frames, -(-height // stride), -(-width // stride))
    if not isinstance(found(name).layers[-1], Gate):  # its states have both signs
        assert (y >= 0).all()  # ends in a ReLU


@pytest.mark.parametrize("name", [kind for kind in KINDS if kind.values[0] in TIMED])
@pytest.mark.parametrize(("size", "stride", "time"), [((5, 7, 4), 2, 2), ((4, 3, 3), 1, 3)])
def test_block_strides_time(name: str, size: tuple[int, int, int], stride: int, time: int) -> None:
    layers = found(name, stride=stride, time=time)
    frames, *side = size
    y = Layered(layers).eval()(torch.rand(2, WIDTH, *size))
    space = tuple(-(-n // stride) for n in side)
    assert y.shape == (2, out_width(name), -(-frames // time), *space)
    check_counts(layers, size)


@pytest.mark.parametrize("name", [name for name in BLOCK_KINDS if name not in TIMED])
def test_a_kind_without_a_stride_in_time_is_not_asked_for_one(name: str) -> None:
    with pytest.raises(KindError, match=r"temporal stride 2.*\n.*planned.*temporal_stride=2"):
        found(name, time=2)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("step", [0, 1, 2, 3])
def test_block_steps_stack_and_everything_in_them_learns(name: str, step: int) -> None:
    width = WIDTH if step == 0 else out_width(name)
    module = wake(block(name, width, step=step))
    y = module(torch.rand(2, width, 4, 6, 6))
    assert y.shape[1] == out_width(name)
    (y * torch.rand(y.shape)).sum().backward()
    for parameter_name, parameter in module.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.any(), parameter_name


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(("stride", "step"), [(1, 0), (2, 0), (1, 1), (1, 2)])
def test_the_layers_of_a_block_count_what_torch_counts(name: str, stride: int, step: int) -> None:
    width = WIDTH if step == 0 else out_width(name)
    check_counts(found(name, width, stride=stride, step=step), (3, 9, 6))


@pytest.mark.parametrize("name", KINDS)
def test_a_dilation_changes_a_block_where_its_kind_says_so(name: str) -> None:
    kind, filters = BLOCK_KINDS[name], BLOCK_KINDS[name].filters.filled(4)
    numbers, wide = kind.filters.numbers(filters), kind.width(filters)
    x = torch.rand(1, wide, 9, 4, 4)

    def heard(dilation: int) -> Tensor:
        torch.manual_seed(3)
        asked = [BlockModule(wide, numbers, INNER, dilation, 1, kind.step(s)) for s in (0, 1)]
        with torch.no_grad():
            return wake(nn.Sequential(*(Layered(kind.traced(one)) for one in asked))).eval()(x)

    differs = not torch.equal(heard(1), heard(2))
    assert kind.has_dilation(filters, inner_width=INNER, modules=2) == differs


@pytest.mark.parametrize("name", KINDS)
def test_a_node_of_blocks_pools_then_strides(name: str) -> None:
    stems = [Stem(Modality.RGB, width=8), Stem(Modality.RGB, width=6)]
    shape = node_plan(name, stems, modules=2, stride=2)
    node = Block(0, (Connection(0), Connection(1)), BLOCK_KINDS[name].filters.filled(4), 2, 2)
    module = BlockNode(node, shape, {0: 8, 1: 6}, learn=False, attention=Attention.NONE)
    stride = shape.input_stride
    inputs = {0: torch.rand(1, 8, 2, 18, 12), 1: torch.rand(1, 6, 2, 9, 6)}
    y = module(inputs, (2, 9 * stride, 6 * stride), {})
    assert y.shape == (1, shape.width, 2, 5, 3)


# The published ones ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_later_step_starts_as_the_identity(name: str) -> None:
    """The last normalisation of every module starts at zero."""
    x = torch.rand(1, out_width(name), 2, 4, 4)
    assert torch.equal(block(name, out_width(name), step=1)(x), x)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_block_mixes_time_over_its_dilation_only(name: str) -> None:
    steps = (block(name, WIDTH if s == 0 else out_width(name), step=s) for s in (0, 1))
    module = wake(nn.Sequential(*steps))
    x = torch.rand(1, WIDTH, 9, 4, 4)
    moved = x.clone()
    moved[:, :, 4] += 1
    change = (module.eval()(moved) - module(x)).abs().amax((0, 1, 3, 4))
    heard = set(change.nonzero().flatten().tolist())
    assert {2, 4, 6} <= heard  # dilation 2: two frames away, not one
    assert not heard & {1, 3, 5, 7}


def test_a_strided_inverted_bottleneck_numbers_its_parameters_as_before() -> None:
    """Optimisers and gradient norms go by this order; checkpoints of before are read into it."""
    names = [
        name.split(".")[0] for name, _ in block("inverted_bottleneck", stride=2).named_children()
    ]
    assert names == (
        "shortcut shortcut_bn conv1 bn1 conv2 temporal_conv bn_temporal bn2 conv3 bn3".split()
    )


def test_a_normalisation_knows_the_kernel_before_it() -> None:
    """An offspring takes one over only with the other."""
    assert block("inverted_bottleneck", stride=2).kernels == {
        "shortcut_bn": "shortcut.weight",
        "bn1": "conv1.weight",
        "bn2": "conv2.weight",
        "bn_temporal": "temporal_conv.weight",
        "bn3": "conv3.weight",
    }


# Stems -----------------------------------------------------------------------------------------

KINDS_AND_STREAMS = [(name, m) for name in STEM_KINDS for m in STEM_KINDS[name].modalities]


def stem_layers(name: str, modality: Modality, *, width: int = 6, dilation: int = 2) -> Traced:
    stem = StemModule(modality, STREAMS[modality], width, dilation)
    return STEM_KINDS[name].traced(stem)


@pytest.mark.parametrize(("name", "modality"), KINDS_AND_STREAMS)
@pytest.mark.parametrize("size", [(32, 32), (33, 30), (1, 5), (7, 56)])
def test_stems_end_at_their_stride(name: str, modality: Modality, size: tuple[int, int]) -> None:
    layers = stem_layers(name, modality)
    stride = layers.out.stride
    y = Layered(layers).eval()(torch.rand(1, STREAMS[modality], 3, *size))
    frames = -(-3 // layers.out.temporal_stride)
    assert y.shape == (1, 6, frames, -(-size[0] // stride), -(-size[1] // stride))


@pytest.mark.parametrize(("name", "modality"), KINDS_AND_STREAMS)
def test_the_layers_of_a_stem_count_what_torch_counts(name: str, modality: Modality) -> None:
    check_counts(stem_layers(name, modality), (3, 33, 18))


@pytest.mark.parametrize(("name", "modality"), KINDS_AND_STREAMS)
def test_a_dilation_changes_a_stem_where_its_kind_says_so(name: str, modality: Modality) -> None:
    x = torch.rand(1, STREAMS[modality], 9, 8, 8)
    heard: list[Tensor] = []
    for dilation in (1, 2):
        torch.manual_seed(3)
        with torch.no_grad():
            heard.append(Layered(stem_layers(name, modality, dilation=dilation)).eval()(x))
    assert STEM_KINDS[name].has_dilation(modality) == (not torch.equal(*heard))


@pytest.mark.parametrize(("name", "stride"), [("full", 4), ("lite", 2)])
@pytest.mark.parametrize("modality", list(Modality))
def test_published_stems_have_one_stride(name: str, stride: int, modality: Modality) -> None:
    assert stem_layers(name, modality).out.stride == stride


def test_flow_stems_ignore_their_dilation_and_mix_no_frames() -> None:
    stem = Layered(stem_layers("full", Modality.FLOW, dilation=4)).eval()
    x = torch.rand(1, 2, 5, 16, 16)
    frame = stem(x[:, :, 2:3])
    torch.testing.assert_close(stem(x)[:, :, 2:3], frame)


# Layers ----------------------------------------------------------------------------------------


def pooled_by_hand(x: np.ndarray, window: int, stride: int) -> np.ndarray:
    """SAME max pooling of (H, W) with -inf outside, written as its definition."""
    inside: list[list[list[int]]] = []
    for n in x.shape:
        out = -(-n // stride)
        before = max((out - 1) * stride + window - n, 0) // 2
        windows = [range(k * stride - before, k * stride - before + window) for k in range(out)]
        inside.append([[i for i in w if 0 <= i < n] for w in windows])
    return np.array([[x[np.ix_(r, c)].max() for c in inside[1]] for r in inside[0]])


SIZES = st.integers(1, 40)


@given(SIZES, SIZES, st.sampled_from([(2, 2), (3, 2), (4, 4), (5, 5), (7, 7), (3, 3)]))
def test_max_pool_same_is_its_definition(height: int, width: int, pool: tuple[int, int]) -> None:
    x = -1 - torch.rand(1, 1, 1, height, width)  # negative: a zero border would win
    ours = max_pool_same(x, *pool)[0, 0, 0].numpy()
    np.testing.assert_array_equal(ours, pooled_by_hand(x[0, 0, 0].numpy(), *pool))


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 20), st.integers(1, 20))
def test_pool_to_ends_at_the_size_and_keeps_the_largest(
    height: int, width: int, to_height: int, to_width: int
) -> None:
    size = (min(height, to_height), min(width, to_width))
    x = torch.rand(1, 2, 1, height, width)
    y = pool_to(x, size)
    assert y.shape[3:] == size
    torch.testing.assert_close(y.amax((3, 4)), x.amax((3, 4)))


@given(SIZES, SIZES)
def test_pad_same_adds_the_odd_pixel_at_the_end(height: int, width: int) -> None:
    layer = conv(1, 1, spatial=3, stride=2, pad=False)
    x = torch.rand(1, 1, 1, height, width)
    padded = pad_same(x, 3, 2)
    assert layer(padded).shape[3:] == (-(-height // 2), -(-width // 2))
    if height % 2 == 0 and width % 2 == 0:
        assert torch.equal(padded[..., :height, :width], x)


def deviation(layer: nn.Conv3d) -> float:
    return float(layer.weight.detach().std())


def test_first_values_are_the_published_ones() -> None:
    assert deviation(conv(64, 64, spatial=3)) == pytest.approx((64 * 9) ** -0.5, rel=0.03)
    assert deviation(conv(128, 128)) == pytest.approx(128**-0.5, rel=0.03)
    undilated = conv(128, 128, temporal=3)
    assert deviation(undilated) == pytest.approx((3 * 128) ** -0.5, rel=0.03)
    dilated = conv(128, 128, temporal=3, dilation=2)
    assert deviation(dilated) == pytest.approx(0.8796 * (2 / (3 * 128)) ** 0.5, rel=0.03)
    assert norm(3).momentum == pytest.approx(0.01)
    assert not norm(3, zero=True).weight.any()


def test_layers_keep_time_unless_they_stride_it() -> None:
    x = torch.rand(1, 2, 1, 4, 4)
    for dilation in (1, 2, 8):
        assert conv(2, 3, temporal=5, dilation=dilation)(x).shape == (1, 3, 1, 4, 4)
        for frames in range(1, 8):
            layer = conv(2, 3, temporal=3, dilation=dilation, temporal_stride=3)
            assert layer(torch.rand(1, 2, frames, 4, 4)).shape[2] == -(-frames // 3)


def test_the_momentum_of_published_kinds_stays() -> None:
    """Batch statistics of these have always moved by .01; those of 3D residual networks by .1."""
    for name in BLOCK_KINDS:
        layers = [layer for layer in block(name).modules() if isinstance(layer, nn.BatchNorm3d)]
        assert {layer.momentum for layer in layers} == {0.01 if name in PUBLISHED else 0.1}


def kernel_gradient(layer: torch.nn.Conv3d, clips: torch.Tensor, *, bf16: bool) -> torch.Tensor:
    """Returns the weights' gradient of one backward pass, computed among dirty memory."""
    dirt = [torch.full((n,), math.nan) for n in (64, 1024, 16384, 65536) for _ in range(8)]
    del dirt
    layer.weight.grad = None
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        out = layer(clips)
    (out.float() - 0.5).square().sum().backward()
    assert layer.weight.grad is not None
    return layer.weight.grad


def test_a_stride_over_one_pixel_has_finite_gradients_in_bf16() -> None:
    """torch 2.13 on CPU reads unwritten memory there; dirty some and look for it."""
    layer = conv(16, 32, spatial=3, stride=2).to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    clips = torch.randn(16, 16, 4, 1, 1).contiguous(memory_format=torch.channels_last_3d)
    for _ in range(20):
        assert kernel_gradient(layer, clips, bf16=True).isfinite().all()
    assert torch.equal(
        layer(clips),
        torch.nn.functional.conv3d(clips, layer.weight, None, (1, 2, 2), layer.padding),
    )


@pytest.mark.parametrize(
    ("spatial", "taps", "frames"),
    [(1, 3, 1), (1, 3, 2), (1, 5, 2), (1, 5, 3), (1, 5, 4), (1, 5, 5), (3, 3, 2)],
)
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("layout", [torch.channels_last_3d, torch.contiguous_format])
def test_few_frames_have_the_right_gradient_in_bf16(
    spatial: int, taps: int, frames: int, dilation: int, layout: torch.memory_format
) -> None:
    """torch 2.13 on CPU leaves taps out there, or takes their gradient from unwritten memory."""
    torch.manual_seed(0)
    layer = conv(16, 16, temporal=taps, spatial=spatial, dilation=dilation)
    layer.to(memory_format=layout)  # type: ignore[call-overload]
    clips = torch.randn(4, 16, frames, 8, 8).contiguous(memory_format=layout)
    wanted = kernel_gradient(layer, clips, bf16=False).clone()
    for _ in range(5):
        found = kernel_gradient(layer, clips, bf16=True)
        # a NaN fails too
        assert float((found - wanted).abs().max()) <= 0.03 * float(wanted.abs().max())


@pytest.mark.parametrize(
    ("taps", "spatial", "frames", "side"),
    [(1, 1, 1, 8), (3, 1, 1, 8), (3, 3, 1, 1), (3, 3, 2, 8), (3, 1, 2, 1), (5, 3, 4, 1)],
)
@pytest.mark.parametrize("layout", [torch.channels_last_3d, torch.contiguous_format])
def test_strides_in_time_have_the_right_gradient_in_bf16(
    taps: int, spatial: int, frames: int, side: int, layout: torch.memory_format
) -> None:
    """torch 2.13 on CPU writes beyond its memory where it strides over an axis of one step."""
    torch.manual_seed(0)
    layer = conv(16, 16, temporal=taps, spatial=spatial, stride=2, temporal_stride=2)
    layer.to(memory_format=layout)  # type: ignore[call-overload]
    clips = torch.randn(4, 16, frames, side, side).contiguous(memory_format=layout)
    wanted = kernel_gradient(layer, clips, bf16=False).clone()
    for _ in range(5):
        found = kernel_gradient(layer, clips, bf16=True)
        assert float((found - wanted).abs().max()) <= 0.03 * float(wanted.abs().max())


@pytest.mark.parametrize(("taps", "frames", "clips"), [(3, 2, 8), (5, 3, 4), (5, 4, 8)])
def test_few_frames_keep_every_bit_in_float32(taps: int, frames: int, clips: int) -> None:
    torch.manual_seed(0)
    layer = conv(16, 16, temporal=taps, spatial=3)
    plain = torch.nn.Conv3d(16, 16, (taps, 3, 3), padding=layer.padding, bias=False)
    plain.weight.data.copy_(layer.weight.data)
    x = torch.randn(clips, 16, frames, 12, 12)
    assert torch.equal(layer(x), plain(x))
    assert torch.equal(kernel_gradient(layer, x, bf16=False), kernel_gradient(plain, x, bf16=False))


@pytest.mark.parametrize("dilation", [1, 2])
def test_one_frame_of_one_channel_is_right_in_bf16(dilation: int) -> None:
    """torch 2.13 on CPU reads foreign memory there, in the forward pass."""
    torch.manual_seed(0)
    layer = conv(1, 16, temporal=3, spatial=3, dilation=dilation)
    layer.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    clips = torch.randn(4, 1, 1, 8, 8)
    with torch.no_grad():
        wanted = layer(clips)
        with torch.autocast("cpu", torch.bfloat16):
            found = layer(clips)
    assert float((found - wanted).abs().max()) <= 0.03 * float(wanted.abs().max())
