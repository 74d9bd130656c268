"""Arithmetic counts equal the published ones and torch's own on the meta device."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connsearch.graph.cost import DEFAULT_CLIP, cost
from connsearch.graph.files import load_structure, structure_names
from connsearch.graph.plan import pin
from connsearch.graph.space import over_connect
from connsearch.graph.spec import Attention, Edge, Modality, Peer, Post, Structure
from tests.graph.counting import check
from tests.graph.strategies import structures
from tests.pruning.gated import random_gated, with_gates
from tests.pruning.structures import drawn

PUBLISHED = {
    ("assemblenet-50", "none"): 36_900_957,
    ("assemblenet-50", "peer"): 44_562_161,
    ("assemblenet-101", "none"): 53_122_909,
    ("assemblenet_plus-50", "none"): 38_170_249,
    ("assemblenet_plus-50", "self"): 41_293_477,
    ("assemblenet_plus-50", "peer"): 48_054_173,
    ("assemblenet_plus_lite", "none"): 49_967_141,
    ("assemblenet_plus_lite", "peer"): 50_042_581,
}
"""Trainable parameters at 157 classes of the published code; connection weights are frozen."""


@pytest.mark.parametrize(("name", "attention"), PUBLISHED)
def test_parameters_equal_those_of_the_published_code(name: str, attention: str):
    structure = load_structure(name).with_settings(attention=Attention(attention))
    found = cost(structure, num_classes=157)
    assert found.parameters == PUBLISHED[name, attention]
    assert found.clip == DEFAULT_CLIP


def test_the_list_above_is_that_of_the_golden_files():
    index = Path(__file__).parents[1] / "golden" / "index.json"
    golden = json.loads(index.read_text())["_parameter_counts"]
    counts = {
        (key.split(",")[0].split(" ")[0], key.split(" ")[-1]): value
        for key, value in golden.items()
        if key != "note"
    }
    assert counts == PUBLISHED


@pytest.mark.parametrize("attention", list(Attention))
@pytest.mark.parametrize("name", ["assemblenet_plus-50", "assemblenet_plus_lite", "starter"])
def test_counts_equal_those_of_torch(name: str, attention: Attention):
    check(load_structure(name).with_settings(attention=attention), (4, 33, 50))


DEEP = "assemblenet-101"
"""Its network takes a while to build; those of 50 layers show the same rules."""


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[pytest.mark.slow] if n == DEEP else []) for n in structure_names()],
)
def test_counts_of_every_file_equal_those_of_torch(name: str):
    check(load_structure(name), (8, 64, 64))


@pytest.mark.parametrize("name", ["starter", "assemblenet_plus_lite"])
def test_counts_of_over_connected_and_pinned_structures_equal_those_of_torch(name: str):
    full = over_connect(load_structure(name))
    assert check(full, (4, 32, 32)) == check(pin(full), (4, 32, 32))
    free = sum(node.parameters for node in cost(full, num_classes=7).nodes)
    stored = full.with_weights(dict.fromkeys(full.edges(), 0.5))
    frozen = sum(node.parameters for node in cost(stored, num_classes=7).nodes)
    assert free - frozen == len(full.edges())


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(structures(most_blocks=2), st.sampled_from([(1, 32, 32), (2, 33, 50), (3, 20, 16)]))
def test_counts_of_any_structure_equal_those_of_torch(
    structure: Structure, clip: tuple[int, int, int]
):
    check(structure, clip)


@pytest.mark.parametrize("seed", range(8))
def test_counts_with_posts_gates_and_mixed_kinds_equal_those_of_torch(seed: int):
    check(random_gated(Random(seed)), (5, 20, 16))


def test_a_gated_connection_costs_a_cell_and_its_own_projection():
    """Two inputs of one width share a projection; the gate of one of them takes it apart."""
    plain = drawn((0, 0, 1), {2: {0: 0.9}, 3: {1: 0.8}, 4: {0: 0.7, 1: 0.6, 3: 0.5}})
    clip = (4, 32, 32)
    gated = with_gates(plain, [Edge(1, 4)])
    before, after = (check(one, clip).nodes[4] for one in (plain, gated))
    width, frames, positions = 8, 4, 4 * 8 * 8
    assert after.parameters - before.parameters == 16 * width**2 + 16 * width
    assert after.macs - before.macs == 16 * width**2 * frames + 4 * width * positions
    alone = with_gates(plain, [Edge(0, 4), Edge(1, 4)])
    assert check(alone, clip).nodes[4].macs - after.macs == 16 * width**2 * frames


def test_what_follows_a_block_costs_a_cell():
    plain = drawn((0, 1), {2: {0: 0.9, 1: 0.8}, 3: {2: 0.7}})
    clip = (4, 32, 32)
    before = check(plain, clip).nodes[2]
    for post in (Post.SR, Post.SRTG):
        after = check(with_gates(plain, [], {2: post}), clip).nodes[2]
        assert after.parameters - before.parameters == 16 * 8**2 + 16 * 8
        assert after.macs - before.macs == 16 * 8**2 * 4
    assert check(with_gates(plain, [], {2: Post.NONE}), clip).nodes[2] == before


def test_shapes_are_those_of_the_features():
    found = cost(load_structure("assemblenet_plus-50"), num_classes=157, clip=(8, 224, 200))
    assert [tuple(found.nodes[n].shape) for n in (0, 4, 5, 9, 13, 14)] == [
        (25, 8, 56, 50),
        (151, 8, 56, 50),
        (128, 8, 56, 50),
        (256, 8, 28, 25),
        (1024, 8, 14, 13),
        (2048, 8, 7, 7),
    ]
    assert found.head.shape == (157, 1, 1, 1)
    assert [node.kind for node in found.nodes[:6]] == [
        "rgb", "rgb", "flow", "flow", "object", "block",
    ]  # fmt: skip
    assert [node.index for node in found.nodes] == list(range(15))
    assert found.head.index is None


def test_an_object_stem_costs_nothing():
    found = cost(load_structure("assemblenet_plus-50"), num_classes=157)
    assert (found.nodes[4].parameters, found.nodes[4].macs) == (0, 0)


def test_connection_parameters_are_the_weights_a_search_learns():
    found = cost(load_structure("assemblenet-50"), num_classes=157)
    assert found.connection_parameters == 28  # 30 connections, two of them single inputs
    starter = load_structure("starter")
    assert cost(starter, num_classes=4).connection_parameters == len(starter.edges())
    assert cost(over_connect(starter), num_classes=4).connection_parameters == 53


def test_fixed_peers_cost_only_what_they_name():
    starter = load_structure("starter").with_settings(attention=Attention.FIXED)
    none = cost(starter, num_classes=4, clip=(4, 32, 32))
    one = starter.with_peers({Edge(0, 5): (Peer(4, 1.0),)})
    found = check(one, (4, 32, 32))
    width, classes = 8, starter.network.object_classes  # stems are 8 wide, the widest peer too
    extra = (classes + 1) * width + (width + 1) * width
    assert found.nodes[5].parameters - none.nodes[5].parameters == extra
    assert Modality.OBJECT in starter.modalities()


def test_time_and_classes_scale_as_they_should():
    structure = load_structure("starter").with_settings(attention=Attention.NONE)
    one, two = (cost(structure, num_classes=4, clip=(t, 32, 32)) for t in (4, 8))
    assert two.macs - two.head.macs == 2 * (one.macs - one.head.macs)
    assert two.parameters == one.parameters
