"""Who attends to whom: mixtures, what blocks agree on, uniform and collapsed attention."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connsearch.graph.candidates import candidate_peers
from connsearch.graph.files import load_structure
from connsearch.graph.spec import Edge, Peer, Structure
from connsearch.oneshot.alarms import (
    COLLAPSED,
    COLLAPSED_SHARE,
    UNIFORM,
    alarms,
    collapses,
    structure_alarms,
)
from connsearch.oneshot.logits import LogitHistory
from connsearch.oneshot.peers import effective_peers, peer_report

COLLAPSE = "collapsed onto one peer"


def attending(chosen: dict[Edge, int], coefficient: float = 0.97) -> Structure:
    """The starter; the named connections put ``coefficient`` on one node, the others are even."""
    structure = load_structure("starter")
    peers: dict[Edge, tuple[Peer, ...]] = {}
    for edge in structure.edges():
        nodes = candidate_peers(structure, edge.target)
        rest = (1 - coefficient) / (len(nodes) - 1)
        even = {node: 1 / len(nodes) for node in nodes}
        decided = {node: coefficient if node == chosen.get(edge) else rest for node in nodes}
        found = decided if edge in chosen else even
        peers[edge] = tuple(Peer(node, c) for node, c in found.items())
    return structure.with_peers(peers)


def everybody(structure: Structure, node: int) -> dict[Edge, int]:
    return {
        edge: node for edge in structure.edges() if node in candidate_peers(structure, edge.target)
    }


def history(structure: Structure) -> LogitHistory:
    """A search that ended with the peers of a structure, and moved them."""
    last = {edge: connection.peers for edge, connection in structure.connections()}
    first = {e: tuple(Peer(n, 1 / len(ps)) for n, _ in ps) for e, ps in last.items()}
    return LogitHistory({}, {}, {}, first, last, dict.fromkeys(last, 1.0))


@pytest.mark.parametrize("node", [0, 4, 5, 8])
def test_attention_that_is_all_on_one_node_is_an_alarm(node: int) -> None:
    structure = attending(everybody(load_structure("starter"), node))
    for raised in (structure_alarms(structure), alarms(history(structure))):
        (alarm,) = [a for a in raised if a.kind == COLLAPSE]
        assert alarm.node == node
        assert set(alarm.edges) == set(everybody(structure, node))
        assert alarm.of == len(alarm.edges)
        assert f"more than 90% on node {node}" in str(alarm)
    assert peer_report(structure).collapsed == {node: alarm.of}


def test_attention_to_different_nodes_is_no_alarm() -> None:
    structure = load_structure("starter")
    chosen = {edge: edge.source for edge in structure.edges()}
    assert not [a for a in structure_alarms(attending(chosen)) if a.kind == COLLAPSE]


def test_one_block_that_agrees_is_told_but_is_no_alarm() -> None:
    """Node 10 can only gate block 11: that its four connections agree is a choice."""
    structure = load_structure("starter")
    chosen = {edge: 10 for edge in structure.edges() if edge.target == 11}
    chosen |= {edge: edge.source for edge in structure.edges() if edge.target != 11}
    found = attending(chosen)
    assert not [a for a in structure_alarms(found) if a.kind == COLLAPSE]
    blocks = {b.node: b for b in peer_report(found).blocks}
    assert blocks[11].top == 10
    assert blocks[11].agree
    assert blocks[11].collapsed
    assert not blocks[9].agree
    assert not blocks[9].collapsed


def test_where_collapse_begins() -> None:
    """More than the share of mixtures, each with more than the coefficient; neither at the edge."""
    edges = [Edge(0, n) for n in range(2, 12)]

    def mixtures(count: int, coefficient: float) -> dict[Edge, tuple[Peer, ...]]:
        yes = (Peer(0, coefficient), Peer(1, 1 - coefficient))
        no = (Peer(0, 0.5), Peer(1, 0.5))
        return {edge: yes if place < count else no for place, edge in enumerate(edges)}

    assert COLLAPSED_SHARE == 0.8
    assert not collapses(mixtures(8, 0.95))
    assert set(collapses(mixtures(9, 0.95))) == {0}
    assert not collapses(mixtures(10, COLLAPSED))
    assert set(collapses(mixtures(10, COLLAPSED + 0.001))) == {0}


def test_even_mixtures_are_near_uniform() -> None:
    report = peer_report(attending({}))
    assert len(report.uniform) == len(report.mixtures)
    assert all(m.entropy_share == pytest.approx(1.0) for m in report.mixtures)
    assert all(m.effective == pytest.approx(len(m.peers)) for m in report.mixtures)
    assert report.collapsed == {}


@given(st.lists(st.floats(0.001, 1.0), min_size=2, max_size=12))
def test_the_effective_number_says_what_the_entropy_share_says(strengths: list[float]) -> None:
    total = sum(strengths)
    coefficients = [s / total for s in strengths]
    structure = load_structure("starter").with_peers(
        {Edge(0, 5): tuple(Peer(n, c) for n, c in enumerate(coefficients))}
    )
    (mixture,) = peer_report(structure).mixtures
    effective = effective_peers(tuple(coefficients))
    assert 1 - 1e-9 <= effective <= len(coefficients) + 1e-9
    assert mixture.effective == pytest.approx(effective)
    assert mixture.entropy_share == pytest.approx(
        math.log(effective) / math.log(len(coefficients)), abs=1e-9
    )
    assert [p.coefficient for p in mixture.peers] == sorted(coefficients, reverse=True)
    assert (mixture.edge in peer_report(structure).uniform) == (mixture.entropy_share > UNIFORM)


def test_a_structure_without_peers_has_an_empty_report() -> None:
    report = peer_report(load_structure("assemblenet-50"))
    assert report.mixtures == ()
    assert report.blocks == ()


def test_single_peers_have_nothing_to_collapse() -> None:
    structure = load_structure("starter")
    single = structure.with_peers({edge: (Peer(0, 1.0),) for edge in structure.edges()})
    assert structure_alarms(single) == ()
    assert not any(b.collapsed for b in peer_report(single).blocks)
