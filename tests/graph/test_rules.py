"""One test for each rule, and what a fault says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from connsearch.errors import Fault, StructureError
from connsearch.graph.parse import parse_structure
from connsearch.graph.plan import pin
from connsearch.graph.rules import faults, validate, warnings
from connsearch.graph.spec import (
    Attention,
    Block,
    Connection,
    Modality,
    NetworkSettings,
    Peer,
    PinnedBlock,
    Stem,
    Structure,
)
from tests.graph.strategies import LAW, structures

SETTINGS = NetworkSettings(blocks=(1, 1), inner_widths=(4, 4), stem_total=16)
STRUCTURE = parse_structure(
    [
        [-1, 1],
        [-3, 1],
        [0, [0, 1], 4, 1, 1],
        [0, [0], 4, 1, 2],
        [1, [2, 3, 0], 8, 1, 2],
        [1, [3], 8, 1, 1],
    ],
    name="small",
    network=SETTINGS,
)


def with_node(index: int, **changes: Any) -> Structure:
    nodes = list(STRUCTURE.nodes)
    nodes[index] = replace(nodes[index], **changes)
    return replace(STRUCTURE, nodes=tuple(nodes))


def broken(structure: Structure) -> list[tuple[str, int | None]]:
    return [(fault.rule, fault.node) for fault in faults(structure)]


def test_a_valid_structure_is_returned_as_it_is():
    assert validate(STRUCTURE) is STRUCTURE


@LAW
@given(structures())
def test_drawn_structures_are_valid_pinned_or_not(structure: Structure):
    assert faults(structure) == []
    assert faults(pin(structure)) == []


def test_validate_raises_all_faults():
    with pytest.raises(StructureError, match="structure small: 2 faults") as caught:
        validate(with_node(2, level=0, filters=0, temporal_dilation=0))
    assert all(isinstance(fault, Fault) and fault.row for fault in caught.value.faults)


@pytest.mark.parametrize("level", [-1, True, 1.0, "0", None, 10**9])
def test_level_is_a_whole_number(level: Any):
    assert ("level-range", 2) in broken(with_node(2, level=level))


def test_level_is_one_the_settings_know():
    (fault,) = [f for f in faults(with_node(5, level=2)) if f.rule == "level-range"]
    assert fault.message == "level 2, but network.blocks has levels 0 to 1"


def test_levels_ascend():
    nodes = list(STRUCTURE.nodes)
    nodes.insert(5, Block(0, (Connection(0, None),), 4))
    assert broken(replace(STRUCTURE, nodes=tuple(nodes))) == [("level-order", 5)]


def test_stems_come_before_blocks():
    nodes = (*STRUCTURE.nodes, Stem(Modality.RGB))
    assert broken(replace(STRUCTURE, nodes=nodes)) == [("stem-order", 6)]


def test_there_is_a_stem():
    structure = Structure("s", "assemblenet", (Block(1, (), 4),), SETTINGS)
    assert broken(structure) == [("stem-missing", None), ("input-missing", 0)]


@pytest.mark.parametrize("nodes", [STRUCTURE.nodes[:4], STRUCTURE.nodes[:2]])
def test_there_is_a_block_at_the_top_level(nodes: Any):
    assert broken(replace(STRUCTURE, nodes=nodes)) == [("top-missing", None)]


def test_no_node_at_all_is_told_so():
    rules = {rule for rule, _ in broken(replace(STRUCTURE, nodes=()))}
    assert rules == {"stem-missing", "top-missing"}


@pytest.mark.parametrize(
    ("connections", "rule"),
    [
        ((), "input-missing"),
        ((Connection(0), Connection(0)), "input-duplicate"),
        ((Connection(2),), "input-self"),
        ((Connection(4),), "input-forward"),
        ((Connection(6),), "input-unknown"),
        ((Connection(-1),), "input-unknown"),
        ((Connection("0"),), "input-unknown"),  # type: ignore[arg-type]
        ((Connection(True),), "input-unknown"),
        ((Connection([]),), "input-unknown"),  # type: ignore[arg-type]
    ],
)
def test_inputs_are_earlier_nodes_each_once(connections: Any, rule: str):
    assert broken(with_node(2, connections=connections)) == [(rule, 2)]


def test_inputs_are_of_a_lower_level():
    assert broken(with_node(3, connections=(Connection(2),))) == [("input-level", 3)]


@pytest.mark.parametrize("weight", [1.5, -0.1, float("nan"), True, "open", [0.5]])
def test_weights_are_in_range(weight: Any):
    assert broken(with_node(2, connections=(Connection(0, weight),))) == [("weight-range", 2)]


@pytest.mark.parametrize("filters", [0, -4, True, 2.5, "8", None, (), (4, 4, 0), (4, True, 4)])
def test_filters_are_whole_numbers(filters: Any):
    assert broken(with_node(3, filters=filters)) == [("filters", 3)]


def test_filters_fit_the_family():
    assert broken(with_node(3, filters=(4, 4, 4))) == [("filters-kind", 3)]
    lite = replace(STRUCTURE, family="assemblenet_plus_lite")
    assert broken(lite) == [("filters-kind", n) for n in (2, 3, 4, 5)]


@pytest.mark.parametrize("value", [0, -1, True, 1.5, "2", None, 10**7])
@pytest.mark.parametrize(
    ("index", "field", "rule"),
    [
        (0, "temporal_dilation", "temporal-dilation"),
        (3, "temporal_dilation", "temporal-dilation"),
        (3, "spatial_stride", "spatial-stride"),
    ],
)
def test_dilations_and_strides_are_whole_numbers(index: int, field: str, rule: str, value: Any):
    assert broken(with_node(index, **{field: value})) == [(rule, index)]


def test_stems_read_a_known_stream():
    (fault,) = faults(with_node(0, modality="rbg"))
    assert (fault.rule, fault.node) == ("stem-modality", 0)
    assert fault.message == "no modality named 'rbg', did you mean 'rgb'? Known: flow, object, rgb"


def test_strides_stay_within_reason():
    huge = with_node(4, spatial_stride=1_000_000)
    assert broken(huge) == [("stride-total", 4)]


@pytest.mark.parametrize(
    ("peers", "rule"),
    [
        ((Peer(9, 1.0),), "peer-unknown"),
        ((Peer("0", 1.0),), "peer-unknown"),  # type: ignore[arg-type]
        ((Peer(4, 1.0),), "peer-level"),
        ((Peer(5, 1.0),), "peer-level"),
        ((Peer(0, 0.5), Peer(0, 0.5)), "peer-duplicate"),
        ((Peer(0, 1.5),), "peer-coefficient"),
        ((Peer(0, float("nan")),), "peer-coefficient"),
        ((Peer(0, None),), "peer-coefficient"),  # type: ignore[arg-type]
    ],
)
def test_peers_are_lower_nodes_with_a_coefficient(peers: Any, rule: str):
    connection = Connection(2, None, peers)
    assert broken(with_node(4, connections=(connection,))) == [(rule, 4)]


@pytest.mark.parametrize("name", ["", "a\nb", None, 3, "\ud800"])
def test_a_name_can_be_printed(name: Any):
    structure = replace(STRUCTURE, name=name)
    assert broken(structure) == [("name", None)]
    with pytest.raises(StructureError):
        validate(structure)


@pytest.mark.parametrize("family", ["assemblnet", None, [], 3])
def test_an_unknown_family_names_the_known(family: Any):
    (fault,) = faults(replace(STRUCTURE, family=family))
    assert fault.rule == "family-unknown"
    assert "Known: assemblenet, assemblenet_plus, assemblenet_plus_lite, resnet3d" in fault.message
    if family == "assemblnet":
        assert "did you mean 'assemblenet'?" in fault.message


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"blocks": ()}, "setting-blocks"),
        ({"blocks": (3, 0)}, "setting-blocks"),
        ({"blocks": [1, 1]}, "setting-blocks"),
        ({"blocks": 4}, "setting-blocks"),
        ({"inner_widths": (4, -4)}, "setting-inner-widths"),
        ({"inner_widths": (4,)}, "setting-inner-widths"),
        ({"head_widths": (8, "x")}, "setting-head-widths"),
        ({"stem_total": 0}, "setting-stem-total"),
        ({"stem_width": 0}, "setting-stem-width"),
        ({"object_classes": 1.5}, "setting-object-classes"),
        ({"flow_iterations": True}, "setting-flow-iterations"),
        ({"attention": "pear"}, "setting-attention"),
        ({"attention": None}, "setting-attention"),
        ({"flow_normalisation": "video"}, "setting-flow-normalisation"),
        ({"head": "max"}, "setting-head"),
        ({"dropout": 1.0}, "setting-dropout"),
        ({"dropout": float("nan")}, "setting-dropout"),
        ({"dropout": "0"}, "setting-dropout"),
    ],
)
def test_each_setting_has_its_own_fault(changes: dict[str, Any], rule: str):
    assert rule in {r for r, _ in broken(STRUCTURE.with_settings(**changes))}


def test_every_wrong_setting_is_reported_at_once():
    wrong = STRUCTURE.with_settings(attention="pear", head="max", dropout=2, stem_total=0)
    assert sorted(rule for rule, _ in broken(wrong)) == [
        "setting-attention",
        "setting-dropout",
        "setting-head",
        "setting-stem-total",
    ]
    (fault,) = [f for f in faults(wrong) if f.rule == "setting-attention"]
    assert "no attention named 'pear', did you mean 'peer'?" in fault.message


def test_every_stem_gets_a_channel():
    assert broken(STRUCTURE.with_settings(stem_total=1)) == [("stem-share", None)]
    assert broken(STRUCTURE.with_settings(stem_total=1, stem_width=4)) == []


def test_final_nodes_have_equal_widths():
    (fault,) = faults(with_node(5, filters=2))
    assert fault.rule == "finals-width"
    assert "4: 32, 5: 8" in fault.message


@pytest.mark.parametrize(
    "finals", [(), (9,), (4, 4), (2,), (0,), ("4",), [4], 4, (True,), ([4],), (4, None)]
)
def test_pinned_finals_are_top_level_blocks(finals: Any):
    assert {rule for rule, _ in broken(replace(STRUCTURE, finals=finals))} == {"finals"}


PINNED = PinnedBlock(fused_width=16, input_stride=8, buckets=((2, 3), (0,)))


def test_the_derived_shapes_can_be_pinned():
    assert broken(with_node(4, pinned=PINNED)) == []


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"fused_width": 0}, "pinned-fused-width"),
        ({"fused_width": None}, "pinned-fused-width"),
        ({"input_stride": "8"}, "pinned-input-stride"),
        ({"input_stride": 4}, "pinned-input-stride"),
        ({"attention_width": 0}, "pinned-attention-width"),
        ({"buckets": ((2, 3),)}, "pinned-buckets"),
        ({"buckets": ((2, 3), (0,), (1,))}, "pinned-buckets"),
        ({"buckets": ((2, 3), (0, 0))}, "pinned-buckets"),
        ({"buckets": ((2, 3), (0,), ())}, "pinned-buckets"),
        ({"buckets": (2, 3, 0)}, "pinned-buckets"),
        ({"buckets": ((2, 3), ("0",))}, "pinned-buckets"),
        ({"buckets": None}, "pinned-buckets"),
        ({"buckets": ((2, 3, 0),)}, "pinned-bucket-width"),
        ({"buckets": ((2,), (3,), (0,))}, "pinned-bucket-width"),
    ],
)
def test_pinned_shapes_fit_the_inputs(changes: dict[str, Any], rule: str):
    assert broken(with_node(4, pinned=replace(PINNED, **changes))) == [(rule, 4)]


def test_pinned_numbers_are_looked_at_in_a_block_with_other_faults():
    wrong = with_node(4, spatial_stride=0, pinned=replace(PINNED, fused_width=0))
    assert broken(wrong) == [("spatial-stride", 4), ("pinned-fused-width", 4)]


@pytest.mark.parametrize(("index", "width"), [(0, 0), (0, "8"), (0, True), (1, 8)])
def test_pinned_stem_widths_are_possible(index: int, width: Any):
    assert broken(with_node(index, width=width)) == [("pinned-width", index)]
    assert broken(with_node(1, width=SETTINGS.object_classes)) == []


def test_dangling_nodes_are_a_warning_not_a_fault():
    structure = with_node(4, connections=(Connection(0, None),))
    assert faults(structure) == []
    assert warnings(structure) == [
        "node 1 is dead: nothing it computes reaches a final node",
        "node 2 is dead: nothing it computes reaches a final node",
    ]
    assert warnings(structure.with_settings(attention=Attention.PEER)) == [
        "node 1 reaches no final node over connections; only peers read it",
        "node 2 reaches no final node over connections; only peers read it",
    ]
    assert warnings(STRUCTURE) == []


def test_peers_that_no_mode_reads_are_a_warning():
    structure = with_node(5, connections=(Connection(3, None, (Peer(0, 1.0),)),))
    (ignored,) = warnings(structure)
    assert "attention mode none ignores" in ignored
    assert "1 of 7 connections" in ignored
    (ungated,) = warnings(structure.with_settings(attention=Attention.FIXED))
    assert "attention mode fixed" in ungated
    assert "6 of 7 connections" in ungated


def test_unreadable_nodes_are_passed_over():
    structure = with_node(2, level=5, filters="x")
    assert faults(structure, unreadable={2}) == []


def test_values_of_any_size_can_be_told():
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    found = faults(with_node(3, filters=deep, spatial_stride=10**5000))
    assert {fault.rule for fault in found} == {"filters", "spatial-stride"}
    while deep:  # unwound by hand: Python would recurse
        deep = deep[0]
