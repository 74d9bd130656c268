"""Strides in time: every node has the frames of its plan, in any structure and for any clip."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from connsearch.errors import DataError
from connsearch.graph.cost import Shape, cost
from connsearch.graph.document import from_json, to_json
from connsearch.graph.hashing import same_structure, structure_hash
from connsearch.graph.plan import BlockPlan, pin, plan, unpin
from connsearch.graph.rules import validate
from connsearch.graph.space import over_connect
from connsearch.graph.spec import Attention, Structure
from connsearch.models.structure import Network
from connsearch.nn.frames import mean_frames_to, pool_frames_to
from connsearch.nn.head import Head
from connsearch.pruning.published import publish
from tests.graph.counting import check
from tests.graph.strategies import timed
from tests.nn.helpers import CLASSES

DOCUMENT: dict[str, Any] = {
    "schema": 2,
    "name": "rates",
    "family": "resnet3d",
    "nodes": [
        [-1, 1],
        [-1, 2],
        [0, [0], 8, 1, 1],
        [0, [1], 6, 1, 2],
        [1, [0, 2, 3], 8, 2, 2],
        [1, [1, 3], 8, 1, 1],
        [2, [2, 4, 5], 8, 1, 2],
        [2, [0, 5], 8, 1, 1],
    ],
    "kinds": {"1": "full", "3": "srtg_r2plus1d_basic", "4": "srtg_r3d_bottleneck_mid"},
    "temporal_strides": {"2": 2, "4": 3, "6": 2},
    "network": {"blocks": [1, 2, 1], "inner_widths": [4, 4, 4], "stem_width": 8},
}
"""A fast stream and a slow one, which meet; final nodes of two rates."""


def rates(**network: Any) -> Structure:
    return from_json({**DOCUMENT, "network": {**DOCUMENT["network"], **network}})


def streams(structure: Structure, clip: tuple[int, int, int], count: int = 2) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(4)
    width = structure.network.stream_width
    return {
        m.value: torch.rand(count, width(m), *clip, generator=generator) * 2 - 1
        for m in structure.modalities()
    }


def seen_shapes(network: Network, clip: tuple[int, int, int]) -> dict[int, tuple[int, ...]]:
    """The size of what every node gives out for a clip."""
    seen: dict[int, tuple[int, ...]] = {}

    def keep(index: int) -> Any:
        return lambda _module, _given, y: seen.__setitem__(index, tuple(y.shape[1:]))

    hooks = [n.register_forward_hook(keep(i)) for i, n in enumerate(network.nodes)]
    with torch.no_grad():
        logits = network(streams(network.structure, clip))
    for hook in hooks:
        hook.remove()
    assert logits.shape == (2, CLASSES)
    assert logits.isfinite().all()
    return seen


# Any structure ---------------------------------------------------------------------------------


@settings(max_examples=12)
@given(timed(), st.tuples(st.integers(1, 13), st.integers(5, 33), st.integers(5, 33)))
def test_every_node_has_the_frames_of_its_plan(
    structure: Structure, clip: tuple[int, int, int]
) -> None:
    structure = validate(structure.with_settings(flow_iterations=1))
    network = Network(structure, CLASSES, seed=0).eval()
    rows = cost(structure, num_classes=CLASSES, clip=clip).nodes
    assert seen_shapes(network, clip) == {row.index: row.shape for row in rows}
    for row, shape in zip(rows, plan(structure).nodes, strict=True):
        assert row.shape.frames == -(-clip[0] // shape.temporal_stride)


@settings(max_examples=4)
@given(timed(most_blocks=1))
def test_what_it_costs_is_what_torch_counts(structure: Structure) -> None:
    check(validate(structure), (7, 9, 17))


@settings(max_examples=30)
@given(timed(pinned=False))
def test_pinning_and_files_keep_the_frames(structure: Structure) -> None:
    pinned = validate(pin(structure))
    assert plan(pinned) == plan(structure)
    assert unpin(pinned) == unpin(structure)
    assert from_json(to_json(pinned)) == pinned
    assert same_structure(pinned, structure)


def test_pinned_frames_stay_when_the_slow_input_leaves() -> None:
    structure = pin(rates())
    block = structure.block(6)
    assert block.pinned is not None
    assert block.pinned.input_temporal_stride == 12
    kept = replace(block.pinned, buckets=((2, 5),))
    alone = replace(block, connections=block.connections[::2], pinned=kept)
    nodes = (*structure.nodes[:6], alone, *structure.nodes[7:])
    shape = plan(validate(replace(structure, nodes=nodes))).nodes[6]
    assert isinstance(shape, BlockPlan)
    assert (shape.input_temporal_stride, shape.temporal_stride) == (12, 24)
    assert shape.retimed == {2, 5}


def test_the_frames_of_a_fused_input_are_part_of_the_identity() -> None:
    structure = pin(rates())
    block = structure.block(7)
    assert block.pinned is not None
    slower = replace(block, pinned=replace(block.pinned, input_temporal_stride=4))
    other = replace(structure, nodes=(*structure.nodes[:7], slower))
    assert structure_hash(structure) != structure_hash(validate(other))


# What a fusion does ----------------------------------------------------------------------------


@given(st.integers(1, 20), st.integers(1, 20))
def test_frames_are_pooled_to_the_fewest_and_keep_the_largest(before: int, after: int) -> None:
    after = min(before, after)
    x = -1 - torch.rand(2, 3, before, 2, 2)  # negative: a zero border would win
    y = pool_frames_to(x, after)
    assert y.shape == (2, 3, after, 2, 2)
    assert torch.equal(y.amax(2), x.amax(2))
    if before % after == 0:
        assert torch.equal(y, x.unflatten(2, (after, -1)).amax(3))


@given(st.integers(1, 20), st.integers(1, 20))
def test_means_of_frames_are_averaged_or_repeated(before: int, after: int) -> None:
    x = torch.rand(2, before, 3)
    y = mean_frames_to(x, after)
    assert y.shape == (2, after, 3)
    if before % after == 0:
        torch.testing.assert_close(y, x.unflatten(1, (after, -1)).mean(2))
    if after % before == 0:
        torch.testing.assert_close(y, x.repeat_interleave(after // before, 1))


@pytest.mark.parametrize("attention", [Attention.PEER, Attention.SELF, Attention.STATIC])
def test_peers_of_other_rates_gate_a_fusion(attention: Attention) -> None:
    structure = rates(attention=attention.value, flow_iterations=1)
    for one in (
        (structure, over_connect(structure)) if attention is Attention.PEER else (structure,)
    ):
        network = Network(one, CLASSES, seed=0)
        network(streams(one, (7, 12, 12))).square().sum().backward()
        learned = [n for n, p in network.named_parameters() if p.grad is None]
        assert not learned
        check(one, (5, 12, 12))


def test_a_fast_input_reaches_a_slow_fusion_by_its_largest_frames() -> None:
    """The term of a connection, taken alone, is the max pool of the frames it stands for."""
    structure = rates()
    network = Network(structure, CLASSES, seed=0).eval()
    fusion: Any = network.nodes[6].fusion
    x = {2: torch.rand(1, 8, 16, 6, 6), 4: torch.rand(1, 8, 2, 3, 3), 5: torch.rand(1, 8, 6, 6, 6)}
    zeros = {source: torch.zeros_like(t) for source, t in x.items()}
    y = fusion({**zeros, 2: x[2]}, (2, 3, 3), {})
    weight = fusion.weights()[2]
    wanted = x[2].unflatten(2, (2, 8)).amax(3).unflatten(3, (3, 2)).unflatten(5, (3, 2))
    torch.testing.assert_close(y, weight * wanted.amax((4, 6)))


# The head --------------------------------------------------------------------------------------


@pytest.mark.parametrize("pooling", ["average", "softmax"])
def test_a_head_hears_every_rate_and_leaving_one_changes_nothing_else(pooling: Any) -> None:
    head = Head(4, 3, pooling=pooling).eval()
    fast, other, slow = (
        torch.rand(2, 4, 8, 2, 2),
        torch.rand(2, 4, 8, 2, 2),
        torch.rand(2, 4, 3, 1, 1),
    )
    both = head([fast, slow, other], [1, 4, 1])
    alone = head([fast, other]), head([slow])
    torch.testing.assert_close(both, (2 * alone[0] + alone[1]) / 3)
    assert torch.equal(head([fast, other], [4, 4]), alone[0])


def test_strides_of_one_everywhere_leave_the_head_as_it_was() -> None:
    head = Head(4, 3).eval()
    finals = [torch.rand(2, 4, 5, 3, 3) for _ in range(3)]
    means = [x.mean((3, 4)) for x in finals]
    wanted = head.dense((((means[0] + means[1]) + means[2]) / 3).transpose(1, 2).mean(1))
    assert torch.equal(head(finals, [1, 1, 1]), wanted)


# Refusals and limits ---------------------------------------------------------------------------


def refused(**changes: Any) -> str:
    with pytest.raises(Exception, match="rates") as found:
        from_json({**DOCUMENT, **changes})
    return str(found.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"temporal_strides": {"2": 2}, "kinds": {"2": "bottleneck"}},
            ["[temporal-stride-kind]", "2, but bottleneck blocks have no stride in time",
             "omit it, or name a kind that has one: r2plus1d_basic, r2plus1d_bottleneck"],
        ),
        ({"temporal_strides": {"2": 0}}, ["[temporal-stride]", "0 is not a whole number"]),
        (
            {"temporal_strides": {"2": 1000, "4": 1000, "6": 100000}},
            ["[temporal-stride-total]", "use temporal stride 1 in more blocks"],
        ),
        ({"temporal_strides": {"0": 2}}, ["[temporal-strides-node]", "which is not a block"]),
    ],
)  # fmt: skip
def test_a_stride_in_time_that_cannot_be_is_refused(
    changes: dict[str, Any], said: list[str]
) -> None:
    message = refused(**changes)
    for words in said:
        assert words in message, message


def test_pinned_frames_are_at_most_those_of_the_inputs() -> None:
    document = to_json(pin(rates()))
    document["pinned"]["blocks"]["6"]["input_temporal_stride"] = 3
    with pytest.raises(Exception, match="input_temporal_stride 3, but an input has 12") as found:
        from_json(document)
    assert "pin at least the largest stride in time of the inputs" in str(found.value)
    document["pinned"]["blocks"]["6"]["input_temporal_stride"] = 0
    with pytest.raises(Exception, match="pinned input_temporal_stride 0 is not a whole"):
        from_json(document)


def test_one_clip_that_ends_as_one_number_is_refused_in_training() -> None:
    network = Network(rates(), CLASSES, seed=0)
    with pytest.raises(DataError, match=r"(?s)one clip of 8 frames and 16x16 pixels.*--batch-size"):
        network.train()(streams(network.structure, (8, 16, 16), count=1))
    for clip in ((25, 16, 16), (8, 33, 16)):  # what the message says would do
        network(streams(network.structure, clip, count=1))
    network(streams(network.structure, (8, 16, 16), count=2))
    network.eval()(streams(network.structure, (8, 16, 16), count=1))


def test_published_lists_cannot_hold_them() -> None:
    structure = replace(rates(), nodes=tuple(replace(n, kind=None) for n in rates().nodes))
    lost = publish(structure).lost
    assert any(line.startswith("strides in time of 3 blocks (2: 2, 4: 3, 6: 2)") for line in lost)


# Half precision and compiling ------------------------------------------------------------------


def test_bf16_autocast_learns_like_float32() -> None:
    torch.manual_seed(0)
    network = Network(rates(), CLASSES, seed=0)
    given_streams = streams(network.structure, (9, 24, 24), count=3)
    wanted = learned(copy.deepcopy(network), given_streams, half=False)
    found = learned(network, given_streams, half=True)
    for name, tensor in wanted.items():
        assert found[name].isfinite().all(), name
        assert float((found[name] - tensor).norm()) <= 0.3 * float(tensor.norm()) + 1e-3, name


def learned(
    network: nn.Module, given_streams: dict[str, Tensor], *, half: bool
) -> dict[str, Tensor]:
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        loss = network(given_streams).float().square().sum()
    loss.backward()
    return {n: p.grad for n, p in network.named_parameters() if p.grad is not None and p.dim() > 1}


def test_a_shape_says_its_frames() -> None:
    rows = cost(rates(), num_classes=CLASSES, clip=(16, 32, 32)).nodes
    assert [row.shape for row in rows[2:5]] == [
        Shape(8, 4, 8, 8),
        Shape(6, 16, 4, 4),
        Shape(8, 2, 2, 2),
    ]
