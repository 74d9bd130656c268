"""Shapes derived by the published rules, and pinned so that they no longer depend on neighbours."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from connsearch.graph.candidates import candidate_peers
from connsearch.graph.files import load_structure
from connsearch.graph.parse import parse_structure
from connsearch.graph.plan import (
    BlockPlan,
    Bucket,
    final_nodes,
    pin,
    plan,
    unpin,
)
from connsearch.graph.spec import Attention, NetworkSettings, Peer, Structure
from tests.graph.strategies import LAW, structures


def block_plan(structure: Structure, index: int) -> BlockPlan:
    shape = plan(structure).nodes[index]
    assert isinstance(shape, BlockPlan)
    return shape


def test_published_stems_share_the_total_and_object_stems_count():
    structure = load_structure("assemblenet_plus-50")
    assert [plan(structure).width(n) for n in range(5)] == [25, 25, 25, 25, 151]
    assert [plan(load_structure("assemblenet-50")).width(n) for n in range(4)] == [32] * 4
    assert [plan(load_structure("assemblenet_plus_lite")).width(n) for n in range(2)] == [24, 24]


def test_object_streams_never_set_the_fused_width():
    structure = load_structure("assemblenet_plus-50")
    node = block_plan(structure, 5)  # reads four stems of 25 and the 151 object classes
    assert node.fused_width == 25
    assert node.buckets == (Bucket(25, (0, 1, 2, 3), False), Bucket(151, (4,), True))
    assert block_plan(structure, 12).fused_width == 512  # object and node 11


def test_objects_alone_set_the_fused_width():
    structure = parse_structure(
        [[-1, 1], [-3, 1], [0, [1], 4, 1, 1]],
        network=NetworkSettings(blocks=(1,), inner_widths=(4,), object_classes=3),
    )
    assert block_plan(structure, 2).fused_width == 3


def test_an_object_stem_is_told_by_its_stream_not_by_its_width():
    structure = parse_structure(
        [[-1, 1], [-2, 1], [0, [0, 1], 4, 1, 1]],
        network=NetworkSettings(blocks=(1,), inner_widths=(4,), stem_width=8, object_classes=8),
    )
    assert block_plan(structure, 2).fused_width == 8


def test_inputs_are_pooled_to_the_smallest_and_projected_to_the_widest():
    node = block_plan(load_structure("assemblenet-50"), 9)  # inputs 0, 2 (stems), 4, 7 (level 0)
    assert (node.fused_width, node.input_stride, node.width, node.stride) == (128, 4, 256, 8)
    assert node.buckets == (Bucket(32, (0, 2), True), Bucket(128, (4, 7), False))
    assert (node.modules, node.inner_width) == (4, 128)


def test_buckets_come_in_order_of_first_appearance():
    structure = parse_structure(
        [[-1, 1], [0, [0], 4, 1, 1], [1, [1, 0], 4, 1, 1]],
        network=NetworkSettings(blocks=(1, 1), inner_widths=(4, 4)),
    )
    assert [b.sources for b in block_plan(structure, 2).buckets] == [(1,), (0,)]


def test_candidate_peers_are_all_lower_nodes_objects_first():
    structure = load_structure("assemblenet_plus-50")
    assert candidate_peers(structure, 7) == (4, 2, 3, 0, 1)
    assert candidate_peers(structure, 10) == (4, 2, 3, 0, 1, 5, 6, 7, 8)
    assert block_plan(structure, 10).candidates == (4, 2, 3, 0, 1, 5, 6, 7, 8)
    assert block_plan(structure, 7).attention_width == 151
    assert block_plan(structure, 10).attention_width == 151
    assert block_plan(structure, 12).attention_width == 512


def test_fixed_peers_are_those_named_in_the_published_order():
    structure = load_structure("assemblenet_plus-50").with_settings(attention=Attention.FIXED)
    first, second = structure.block(10).connections[:2]
    edges = [edge for edge, c in structure.connections() if c in (first, second)]
    named = structure.with_peers(
        {
            edge: peers
            for edge, peers in zip(
                [e for e in edges if e.target == 10],
                [(Peer(5, 0.5), Peer(2, 0.5)), (Peer(4, 1.0),)],
                strict=True,
            )
        }
    )
    assert block_plan(named, 10).candidates == (4, 2, 5)
    assert block_plan(named, 10).attention_width == 151  # as wide as in the search
    assert block_plan(named, 11).candidates == ()


def test_the_head_reads_the_top_level_and_lite_only_its_first_node():
    network = NetworkSettings(blocks=(1,), inner_widths=(4,))
    full = parse_structure([[-1, 1], [0, [0], 4, 1, 1], [0, [0], 4, 1, 1]], network=network)
    assert final_nodes(full) == (1, 2)
    triples = [[-1, 1], [0, [0], [4, 4, 4], 1, 1], [0, [0], [4, 4, 4], 1, 1]]
    lite = parse_structure(triples, family="assemblenet_plus_lite", network=network)
    assert final_nodes(lite) == (1,)
    assert final_nodes(replace(full, finals=(2,))) == (2,)


@LAW
@given(structures(pinned=False))
def test_pinning_changes_no_shape_and_pinning_again_nothing(structure: Structure):
    assert plan(pin(structure)) == plan(structure)
    assert pin(pin(structure)) == pin(structure)
    assert unpin(pin(structure)) == structure


@LAW
@given(structures(pinned=True))
def test_a_pinned_block_keeps_its_shapes_when_inputs_leave(structure: Structure):
    """What pruning relies on: without any one input, every other number stays."""
    before = plan(structure)
    for index, block in structure.blocks():
        if len(block.connections) < 2 or block.pinned is None:
            continue
        gone = block.inputs[0]
        buckets = (tuple(s for s in bucket if s != gone) for bucket in block.pinned.buckets)
        kept = replace(block.pinned, buckets=tuple(bucket for bucket in buckets if bucket))
        smaller = replace(block, connections=block.connections[1:], pinned=kept)
        nodes = tuple(smaller if i == index else n for i, n in enumerate(structure.nodes))
        after = plan(replace(structure, nodes=nodes))
        for name in ("fused_width", "input_stride", "width", "stride", "inner_width"):
            assert getattr(after.nodes[index], name) == getattr(before.nodes[index], name)
        assert after.nodes[index + 1 :] == before.nodes[index + 1 :]
        assert after.finals == before.finals
