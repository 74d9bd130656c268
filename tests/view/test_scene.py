"""What a picture shows and leaves out, before any layout."""

from __future__ import annotations

import math

import pytest

from connsearch.errors import SettingsError
from connsearch.graph.spec import Attention, Edge
from connsearch.view.structures.palette import DEAD, MIXED, PEER, STREAMS
from connsearch.view.structures.scene import MANY_NODES, MOST_LINES, compose
from tests.view.structures import gated, large, small, without_inputs


def test_columns_are_levels() -> None:
    assert compose(small()).columns == ((-1, (0, 1)), (0, (2, 3, 4)), (1, (5,)))


def test_lines_below_the_threshold() -> None:
    below = {line.edge for line in compose(small()).lines if line.below}
    assert below == {Edge(3, 5)}  # neither free nor always
    assert len([line for line in compose(small(), threshold=0.95).lines if line.below]) == 5


def test_line_colour_is_its_only_stream() -> None:
    colours = {line.edge: line.colour for line in compose(small()).lines}
    streams = list(STREAMS.values())
    assert colours[Edge(0, 2)] == colours[Edge(2, 5)] == streams[0].line
    assert colours[Edge(1, 3)] == colours[Edge(3, 5)] == streams[1].line
    assert colours[Edge(0, 4)] == DEAD.line
    mixed = compose(small(attention=Attention.PEER))
    assert {line.edge: line.colour for line in mixed.lines}[Edge(0, 4)] == streams[0].line
    assert MIXED.line not in colours.values()


def test_peer_only_nodes_are_told_from_dead_ones() -> None:
    assert compose(small()).peer_only == frozenset()
    peer = compose(small(attention=Attention.PEER))
    assert (peer.peer_only, peer.dead) == ({4}, frozenset())


def test_gates_join_the_connections_of_one_peer() -> None:
    structure = gated({3: 1.0})
    peers = dict.fromkeys(
        (Edge(2, 5), Edge(1, 5), Edge(3, 5)), structure.block(5).connections[0].peers
    )
    (gate,) = compose(structure.with_peers(peers)).gates
    assert (gate.node, gate.target, gate.gated) == (3, 5, (1, 2))  # 3 -> 5 is below the threshold
    assert gate.colour == PEER.line


def test_gates_of_a_soft_choice_need_a_clear_favourite() -> None:
    even = gated({0: 0.26, 1: 0.25, 2: 0.25, 3: 0.24}, attention=Attention.PEER)
    scene = compose(even)
    assert scene.gates == ()
    assert "1 connections attend to no node clearly" in scene.notes[0]
    clear = compose(gated({0: 0.1, 1: 0.7, 2: 0.1, 3: 0.1}, attention=Attention.PEER))
    assert [(gate.node, gate.coefficient) for gate in clear.gates] == [(1, 0.7)]
    assert clear.notes == ()


def test_scores_take_the_place_of_weights() -> None:
    scene = compose(small(), scores={Edge(3, 5): 0.8})
    assert {line.edge: line.strength for line in scene.lines}[Edge(3, 5)] == 0.8


@pytest.mark.parametrize("score", [math.nan, math.inf])
def test_scores_that_are_no_numbers_are_refused(score: float) -> None:
    with pytest.raises(SettingsError, match=r"scores: read (nan|inf) for 3 -> 5"):
        compose(small(), scores={Edge(3, 5): score})


def test_scores_of_other_connections_are_refused() -> None:
    with pytest.raises(SettingsError, match="small does not have, the first is 0 -> 5"):
        compose(small(), scores={Edge(0, 5): 0.8})


@pytest.mark.parametrize("threshold", [-0.1, 1.1, math.nan])
def test_threshold_outside_its_range_is_refused(threshold: float) -> None:
    with pytest.raises(SettingsError, match="allowed is 0 to 1"):
        compose(small(), threshold=threshold)


def test_block_without_inputs_is_dead_and_leaves_widths_open() -> None:
    scene = compose(without_inputs(small(), 2))
    assert 2 in scene.dead
    assert scene.widths == {}


def test_large_scene_draws_only_the_strong_and_says_so() -> None:
    structure = large(200, 2000)
    scene = compose(structure)
    assert scene.compact
    assert len(scene.lines) == MOST_LINES
    assert not any(line.below for line in scene.lines)
    weakest = min(line.strength for line in scene.lines)
    hidden = set(structure.edges()) - {line.edge for line in scene.lines}
    weights = structure.weights()
    assert max(float(weights[edge] or 0) for edge in hidden) <= weakest
    assert scene.notes[0].startswith("1600 of 2000 connections are not drawn (")


def test_large_scene_gives_every_block_a_line_before_any_gets_more() -> None:
    scene = compose(large(200, 2000, free=True))
    assert {line.edge.target for line in scene.lines} == set(range(3, 200))


def test_huge_scene_leaves_out_nodes_without_a_line() -> None:
    scene = compose(large(2000, 3000))
    shown = sum(len(nodes) for _, nodes in scene.columns)
    assert shown < 2000
    assert f"{2000 - shown} of 2000 nodes have no drawn connection" in scene.notes[1]


def test_middling_scene_is_whole() -> None:
    scene = compose(large(MANY_NODES, 150))
    assert not scene.compact
    assert len(scene.lines) == 150
    assert scene.notes == ()
