"""The published list format: what is written comes back, and what does not is told."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connsearch.errors import StructureError
from connsearch.graph.files import load_structure
from connsearch.graph.parse import parse_structure, published_rows, published_weights
from connsearch.graph.plan import pin, plan, unpin
from connsearch.graph.spec import Attention, Edge, Modality, Structure
from connsearch.pruning.options import PruneOptions
from connsearch.pruning.pruner import prune_by
from connsearch.pruning.published import publish
from tests.graph.strategies import LAW, structures
from tests.pruning.structures import drawn, random_tiny

PUBLISHED = ("assemblenet-50", "assemblenet-101", "assemblenet_plus-50", "assemblenet_plus_lite")


def wiring(structure: Structure) -> list[tuple[object, ...]]:
    """All that a row says of a node."""
    return [
        (node.modality, node.temporal_dilation)
        if not hasattr(node, "level")
        else (
            node.level, node.inputs, node.filters, node.temporal_dilation, node.spatial_stride
        )
        for node in structure.nodes
    ]  # fmt: skip


@given(structures())
@LAW
def test_the_same_wiring_comes_back(structure: Structure) -> None:
    """Rows and lists go through JSON and our own parser; whatever changed is told."""
    try:
        found = publish(structure)
    except StructureError:
        assert unpin(structure) != structure  # only pinned shapes may fit nowhere
        return
    rows, weights = json.loads(json.dumps([found.rows, found.weights]))
    back = parse_structure(
        rows, family=structure.family, network=found.back.network, connection_weights=weights
    )
    assert wiring(back) == wiring(structure)
    assert back.weights() == found.back.weights()
    told = {(c.node, c.what) for c in found.changes}
    for edge, weight in structure.weights().items():
        came = back.weights()[edge]
        same = (1.0 if weight is None else weight) == (1.0 if came is None else came)
        assert same != ((edge.target, f"coefficient of input {edge.source}") in told)
    if not found.changes:
        assert plan(back).finals == plan(structure).finals
        shapes = zip(plan(back).nodes, plan(structure).nodes, strict=True)
        fixed = structure.network.attention is Attention.FIXED
        assert all(a == b or fixed for a, b in shapes)


@given(st.integers(0, 10**6), st.sampled_from(["relative", "threshold:0.6", "top_k:1"]))
@LAW
def test_every_shape_a_pruned_structure_loses_is_told(seed: int, criterion: str) -> None:
    parent = random_tiny(random.Random(seed))
    pruned = prune_by(parent, PruneOptions(criterion=criterion)).structure
    try:
        found = publish(pruned)
    except StructureError:
        return
    before, after = plan(pruned), plan(found.back)
    told = {(c.node, c.what) for c in found.changes}
    for index, (old, new) in enumerate(zip(before.nodes, after.nodes, strict=True)):
        if old.width != new.width:
            assert (index, "stem width") in told
        for name in ("fused_width", "input_stride"):
            if getattr(old, name, None) != getattr(new, name, None):
                assert (index, name.replace("_", " ")) in told
    assert found.same_network == (not told and not found.lost)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_structures_come_back_whole(name: str) -> None:
    structure = load_structure(name)
    found = publish(structure)
    assert found.same_network
    assert found.back.nodes == structure.nodes
    assert found.settings == {} or set(found.settings) <= {"blocks"}


def test_rows_have_six_entries_and_lists_one_inner_list() -> None:
    structure = drawn((0, 0, 1), {2: {0: 0.9, 1: 0.7}, 3: {1: None}, 4: {2: 0.4, 3: 0.6}})
    assert published_rows(structure)[2:] == [
        [0, [0, 1], 2, 1, 1, 0], [0, [1], 2, 1, 1, 0], [1, [2, 3], 2, 1, 1, 0]
    ]  # fmt: skip
    assert published_weights(structure) == [[], [], [[0.9, 0.7]], [], [[0.4, 0.6]]]


def test_a_single_input_loses_its_weight() -> None:
    structure = drawn((0, 0), {2: {0: 0.9}, 3: {0: 0.8, 1: 0.3}})
    (change,) = publish(structure).changes
    assert str(change) == "node 2: coefficient of input 0 0.9 -> 1"


def test_unlearned_weights_beside_learned_ones_are_told() -> None:
    structure = drawn((0,), {2: {0: 0.9, 1: 0.7}}).with_weights({Edge(1, 2): "free"})
    found = publish(structure)
    assert found.weights[2] == [[0.9, 0.5]]
    assert [str(c) for c in found.changes] == ["node 2: coefficient of input 1 free -> 0.5"]
    nobody = structure.with_weights({Edge(0, 2): "free"})
    assert publish(nobody).weights[2] == []
    assert publish(nobody).same_network


def test_coefficients_without_a_logit_are_told() -> None:
    structure = drawn((0,), {2: {0: 0.9, 1: None}})
    found = publish(structure)
    assert found.weights[2] == [[0.9, 1.0]]
    assert not found.changes
    assert "exactly 0 or 1 (1->2)" in found.lost[0]


def test_stems_that_were_removed_widen_the_others() -> None:
    structure = drawn(
        (0, 1),
        {3: {0: 0.9, 1: 0.8, 2: 0.1}, 4: {3: None}},
        stems=(Modality.RGB, Modality.FLOW, Modality.RGB),
    )
    pruned = prune_by(structure, PruneOptions(criterion="threshold:0.5")).structure
    what = {(c.node, c.what, c.before, c.after) for c in publish(pruned).changes}
    assert (0, "stem width", 2, 4) in what
    assert publish(unpin(pruned)).changes == ()


def test_bucket_order_and_finals_are_told() -> None:
    structure = pin(drawn((0, 0), {2: {0: 0.9, 1: 0.7}, 3: {0: 0.8, 1: 0.3}}))
    block = structure.block(2)
    assert block.pinned is not None
    turned = tuple(tuple(reversed(bucket)) for bucket in block.pinned.buckets)
    nodes = list(structure.nodes)
    nodes[2] = replace(block, pinned=replace(block.pinned, buckets=turned))
    found = publish(replace(structure, nodes=tuple(nodes), finals=(3,)))
    assert {c.what for c in found.changes} == {"addend order", "final nodes", "divisor"}


def test_peers_and_settings_are_told() -> None:
    structure = load_structure("starter")
    assert set(publish(structure).settings) == {
        "blocks", "inner_widths", "stem_total", "object_classes", "flow_iterations"
    }  # fmt: skip
    parent = random_tiny(random.Random(1))
    seed = 1
    while parent.network.attention is not Attention.PEER:
        seed += 1
        parent = random_tiny(random.Random(seed))
    assert "learned peers of" in publish(parent).lost[0]
    fixed = prune_by(parent, PruneOptions(criterion="relative:0.01")).structure
    assert "fixed peers of" in publish(fixed).lost[0]


def test_a_structure_that_only_fits_pinned_is_refused() -> None:
    structure = pin(load_structure("starter"))
    narrow = structure.with_settings(stem_total=4)  # less than one channel a stem
    with pytest.raises(StructureError, match="in the published format"):
        publish(narrow)
