"""Questions about reachability, on structures small enough to draw; the networkx bridge."""

from __future__ import annotations

import networkx as nx
import pytest
from hypothesis import given

from connsearch.errors import StructureError
from connsearch.graph.dag import (
    ancestors,
    as_networkx,
    by_level,
    candidate_edges,
    dangling_nodes,
    from_networkx,
    levels,
    live_nodes,
)
from connsearch.graph.files import load_structure
from connsearch.graph.parse import parse_structure
from connsearch.graph.plan import final_nodes
from connsearch.graph.rules import validate
from connsearch.graph.spec import Attention, Edge, NetworkSettings, Peer, Structure
from tests.graph.strategies import LAW, structures

NETWORK = NetworkSettings(blocks=(1, 1, 1), inner_widths=(4, 4, 4))


def build(*rows: list[object], attention: Attention = Attention.NONE) -> Structure:
    structure = parse_structure(rows, network=NETWORK)
    return structure.with_settings(attention=attention)


def test_noop():
    """0 -> 1: one stem, one final node, nothing to say.

    A level without blocks is legal.
    """
    structure = build([-1, 1], [2, [0], 4, 1, 1])
    assert dangling_nodes(structure) == set()
    assert live_nodes(structure) == {0, 1}
    assert by_level(structure) == {-1: (0,), 2: (1,)}


def test_islands():
    r"""Two ways from a stem to a final node that never meet.

    0 -> 2 -> 4
    1 -> 3 -> 5
    """
    structure = build(
        [-1, 1], [-2, 1], [0, [0], 4, 1, 1], [0, [1], 4, 1, 1], [2, [2], 4, 1, 1], [2, [3], 4, 1, 1]
    )
    assert dangling_nodes(structure) == set()
    assert ancestors(structure, {5}) == {1, 3, 5}


def test_dangling():
    r"""A branch, from a stem of its own, that ends before the top level.

    0 -> 2 -> 5
    1 -> 3 -> 4
    """
    rows: list[list[object]] = [
        [-1, 1], [-2, 1],
        [0, [0], 4, 1, 1], [0, [1], 4, 1, 1], [1, [3], 4, 1, 1], [2, [2], 4, 1, 1],
    ]  # fmt: skip
    assert dangling_nodes(build(*rows)) == {1, 3, 4}
    assert live_nodes(build(*rows)) == {0, 2, 5}
    assert live_nodes(build(*rows, attention=Attention.SELF)) == {0, 2, 5}
    assert live_nodes(build(*rows, attention=Attention.PEER)) == {0, 1, 2, 3, 4, 5}


def test_a_named_peer_lives_and_so_does_what_feeds_it():
    r"""1 -> 3 gates the connection 2 -> 4 and is read by nothing else.

    0 -> 2 -> 4
    1 -> 3 ...^
    """
    structure = build(
        [-1, 1], [-2, 1], [0, [0], 4, 1, 1], [0, [1], 4, 1, 1], [2, [2], 4, 1, 1],
        attention=Attention.FIXED,
    )  # fmt: skip
    gated = structure.with_peers({Edge(2, 4): (Peer(3, 1.0),)})
    assert live_nodes(structure) == {0, 2, 4}
    assert live_nodes(gated) == {0, 1, 2, 3, 4}
    assert dangling_nodes(gated) == {1, 3}
    assert live_nodes(structure.with_peers({Edge(2, 4): (Peer(3, 0.0),)})) == {0, 2, 4}
    assert live_nodes(gated.with_settings(attention=Attention.NONE)) == {0, 2, 4}


def test_peers_of_a_dead_block_are_dead():
    """Everything a dead branch looks at dies with it: 3 peers only into 4, which nobody reads."""
    structure = build(
        [-1, 1], [-2, 1],
        [0, [0], 4, 1, 1], [0, [1], 4, 1, 1], [1, [2], 4, 1, 1], [2, [2], 4, 1, 1],
        attention=Attention.FIXED,
    ).with_peers({Edge(2, 4): (Peer(3, 1.0),)})  # fmt: skip
    assert live_nodes(structure) == {0, 2, 5}


def test_peer_mode_keeps_only_what_is_below_a_live_block():
    """Node 3 is on the level of the only block that could look at it."""
    structure = parse_structure(
        [[-1, 1], [0, [0], 4, 1, 1], [1, [1], 4, 1, 1], [1, [0], 4, 1, 1]],
        network=NetworkSettings(blocks=(1, 1), inner_widths=(4, 4), attention=Attention.PEER),
    )
    pinned = Structure("s", structure.family, structure.nodes, structure.network, finals=(2,))
    assert live_nodes(pinned) == {0, 1, 2}


def test_disconnected():
    """A final node of its own, and one the head does not read: lite reads the first only."""
    rows: list[list[object]] = [
        [-1, 1], [-2, 1], [2, [0], [4, 4, 4], 1, 1], [2, [1], [4, 4, 4], 1, 1],
    ]  # fmt: skip
    structure = parse_structure(rows, family="assemblenet_plus_lite", network=NETWORK)
    assert final_nodes(structure) == (2,)
    assert dangling_nodes(structure) == {1, 3}


def test_node_9_of_the_published_structure_dangles_but_peers_read_it():
    structure = load_structure("assemblenet_plus-50")
    assert dangling_nodes(structure) == {9}
    assert live_nodes(structure) == set(range(15))
    assert 9 not in live_nodes(structure.with_settings(attention=Attention.NONE))


def test_levels():
    structure = build([-1, 1], [0, [0], 4, 1, 1], [2, [1, 0], 4, 1, 1])
    assert levels(structure) == (-1, 0, 2)


@pytest.mark.parametrize(
    ("name", "candidates", "kept"),
    [
        ("assemblenet-50", 86, 30),
        ("assemblenet_plus-50", 85, 45),
        ("assemblenet_plus_lite", 46, 44),
    ],
)
def test_published_structures_have_the_known_number_of_candidates(
    name: str, candidates: int, kept: int
):
    structure = load_structure(name)
    edges = candidate_edges(structure)
    assert len(edges) == len(set(edges)) == candidates
    assert len(structure.edges()) == kept
    assert set(structure.edges()) <= set(edges)
    assert list(edges) == sorted(edges, key=lambda e: (e.target, e.source))


@LAW
@given(structures())
def test_answers_equal_those_of_networkx(structure: Structure):
    graph = as_networkx(structure)
    finals = final_nodes(structure)
    reach = set(finals).union(*(nx.ancestors(graph, f) for f in finals))
    assert dangling_nodes(structure) == set(range(len(structure))) - reach
    assert ancestors(structure, finals) == reach
    assert nx.is_directed_acyclic_graph(graph)
    assert set(finals) <= live_nodes(structure) <= set(range(len(structure)))
    assert reach <= live_nodes(structure)


@LAW
@given(structures())
def test_networkx_holds_everything(structure: Structure):
    again = from_networkx(as_networkx(structure))
    assert again == structure
    assert again.provenance == structure.provenance


def test_a_graph_made_by_hand_becomes_a_structure():
    graph: nx.DiGraph[int] = nx.DiGraph(network=NetworkSettings(blocks=(1,), inner_widths=(4,)))
    graph.add_node(0, modality="rgb")
    graph.add_node(1, modality="flow")
    graph.add_node(2, level=0, filters=8)
    graph.add_edges_from([(1, 2), (0, 2)])
    structure = from_networkx(graph)
    assert validate(structure) == parse_structure(
        [[-1, 1], [-2, 1], [0, [0, 1], 8, 1, 1]], network=structure.network
    )
    graph.nodes[0]["modality"] = "rbg"
    with pytest.raises(StructureError, match="did you mean 'rgb'"):
        validate(from_networkx(graph))


def test_a_graph_with_other_names_or_attributes_is_refused():
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_node(5, modality="rgb")
    with pytest.raises(StructureError, match="numbered 0 to 0"):
        from_networkx(graph)
    graph = nx.DiGraph()
    graph.add_node(0, modality="rgb", colour="red")
    graph.add_node(1, level=0)
    with pytest.raises(StructureError, match="2 faults") as caught:
        from_networkx(graph)
    assert [(f.rule, f.node) for f in caught.value.faults] == [
        ("graph-attributes", 0),
        ("graph-attributes", 1),
    ]
