"""Identity up to renumbering: what counts, what does not, where the hash is not enough."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connsearch.graph.files import load_structure, structure_names
from connsearch.graph.hashing import same_structure, structure_hash
from connsearch.graph.parse import parse_structure
from connsearch.graph.plan import pin
from connsearch.graph.rules import faults
from connsearch.graph.spec import Attention, Edge, NetworkSettings, Peer, Stem, Structure
from tests.graph.strategies import LAW, renumbered, structures


@LAW
@given(structures(), st.integers(0, 2**32))
def test_a_renumbered_structure_is_the_same(structure: Structure, seed: int):
    moved = renumbered(structure, Random(seed))
    assert faults(moved) == []
    assert structure_hash(moved) == structure_hash(structure)
    assert same_structure(structure, moved)
    assert same_structure(moved, structure)


@LAW
@given(structures(most_blocks=2), structures(most_blocks=2))
def test_the_hash_never_splits_what_is_the_same(a: Structure, b: Structure):
    if same_structure(a, b):
        assert structure_hash(a) == structure_hash(b)


def test_published_structures_differ():
    hashes = {structure_hash(load_structure(name)) for name in structure_names()}
    assert len(hashes) == len(structure_names())


@LAW
@given(structures(pinned=False))
def test_learned_values_names_and_pins_that_say_nothing_new_do_not_count(structure: Structure):
    other = structure.with_weights(dict.fromkeys(structure.edges(), 0.5))
    other = replace(other, name="other", provenance={"seed": 2})
    assert structure_hash(other) == structure_hash(structure)
    assert structure_hash(pin(other)) == structure_hash(structure)
    assert same_structure(pin(other), structure)


def variants(structure: Structure) -> dict[str, Structure]:
    """The small structure with one thing changed that makes it another network."""

    def with_node(index: int, **changes: object) -> Structure:
        nodes = list(structure.nodes)
        nodes[index] = replace(nodes[index], **changes)
        return replace(structure, nodes=tuple(nodes))

    return {
        "a connection less": with_node(5, connections=structure.block(5).connections[1:]),
        "filters": with_node(3, filters=4),
        "dilation": with_node(3, temporal_dilation=4),
        "stem dilation": with_node(0, temporal_dilation=8),
        "stem width": with_node(0, width=4),
        "stride": with_node(3, spatial_stride=2),
        "modules": structure.with_settings(blocks=(1, 1, 1, 2)),
        "attention": structure.with_settings(attention=Attention.SELF),
        "head": structure.with_settings(head="softmax"),
        "family": replace(structure, family="assemblenet_plus"),
    }


def test_everything_a_network_is_made_of_counts(structure: Structure):
    structure = structure.with_settings(blocks=(2,) * structure.network.levels)
    found = {structure_hash(structure)}
    for name, other in variants(structure).items():
        assert not same_structure(structure, other), name
        found.add(structure_hash(other))
    assert len(found) == 1 + len(variants(structure))


def test_pinned_shapes_that_differ_count(structure: Structure):
    pinned = pin(structure)
    block = pinned.block(6)
    assert block.pinned is not None
    wider = replace(block, pinned=replace(block.pinned, fused_width=64))
    nodes = (*pinned.nodes[:6], wider, *pinned.nodes[7:])
    assert not same_structure(pinned, replace(pinned, nodes=nodes))


def test_the_dilation_of_a_flow_stem_counts_only_where_it_is_read(structure: Structure):
    flow = structure.nodes[2]
    assert isinstance(flow, Stem)
    slower = replace(flow, temporal_dilation=8)
    other = replace(structure, nodes=(*structure.nodes[:2], slower, *structure.nodes[3:]))
    assert same_structure(structure, other)
    lite = load_structure("assemblenet_plus_lite")
    assert isinstance(lite.nodes[1], Stem)
    slower = replace(lite.nodes[1], temporal_dilation=8)
    assert not same_structure(lite, replace(lite, nodes=(lite.nodes[0], slower, *lite.nodes[2:])))


def test_the_dilation_of_a_block_counts_only_where_it_has_a_temporal_convolution():
    starter = load_structure("starter")
    block = replace(starter.block(5), temporal_dilation=8)
    other = replace(starter, nodes=(*starter.nodes[:5], block, *starter.nodes[6:]))
    assert same_structure(starter, other)
    deep = {"blocks": (2, 1, 1, 1)}
    assert not same_structure(starter.with_settings(**deep), other.with_settings(**deep))


def ring(inputs: list[list[int]]) -> Structure:
    """One stem feeds nodes 1 to 4, which feed 5 to 8 as given, which feed the final node."""
    rows: list[list[object]] = [[-1, 1], *([0, [0], 4, 1, 1] for _ in range(4))]
    rows += [[1, pair, 4, 1, 1] for pair in inputs]
    rows += [[2, [5, 6, 7, 8], 4, 1, 1]]
    network = NetworkSettings(blocks=(1, 1, 1), inner_widths=(4, 4, 4))
    return parse_structure(rows, network=network)


def test_one_ring_of_eight_is_not_two_of_four_though_the_hash_cannot_tell():
    one = ring([[1, 2], [2, 3], [3, 4], [4, 1]])
    two = ring([[1, 2], [1, 2], [3, 4], [3, 4]])
    assert structure_hash(one) == structure_hash(two)
    assert not same_structure(one, two)
    assert same_structure(two, ring([[1, 3], [2, 4], [1, 3], [2, 4]]))
    assert same_structure(one, ring([[1, 3], [3, 2], [2, 4], [4, 1]]))


def test_in_mode_fixed_it_counts_who_gates_which_connection():
    base = load_structure("starter").with_settings(attention=Attention.FIXED)
    edge, other = Edge(0, 5), Edge(2, 5)
    one = base.with_peers({edge: (Peer(1, 1.0),)})
    assert not same_structure(base, one)
    assert not same_structure(one, base.with_peers({other: (Peer(1, 1.0),)}))
    assert not same_structure(one, base.with_peers({edge: (Peer(3, 1.0),)}))
    assert same_structure(one, base.with_peers({edge: (Peer(1, 0.5), Peer(3, 0.0))}))
    soft = one.with_settings(attention=Attention.PEER)
    assert same_structure(soft, base.with_settings(attention=Attention.PEER))


@pytest.mark.parametrize("name", structure_names())
def test_hashing_needs_no_order_of_inputs(name: str):
    structure = load_structure(name)
    turned = tuple(
        n if isinstance(n, Stem) else replace(n, connections=n.connections[::-1])
        for n in structure.nodes
    )
    assert same_structure(structure, replace(structure, nodes=turned))
