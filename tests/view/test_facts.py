"""Dead nodes, clear peers, and the share of each stream."""

from __future__ import annotations

import pytest

from connsearch.graph.spec import Attention, Connection, Modality, Peer
from connsearch.view.structures.facts import clear_peers, dead_nodes, stream_shares, strength
from tests.view.structures import gated, small, without_inputs


def test_dead_nodes_reach_no_final() -> None:
    assert dead_nodes(small()) == {4}


def test_dead_nodes_spare_an_active_peer() -> None:
    assert dead_nodes(gated({1: 1.0})) == {4}
    assert dead_nodes(gated({4: 1.0})) == frozenset()
    assert dead_nodes(small(attention=Attention.PEER)) == frozenset()


def test_dead_nodes_include_those_without_inputs() -> None:
    assert dead_nodes(without_inputs(small(), 2)) == {0, 2, 4}  # 0 feeds nothing but 4 now


def test_stream_shares_follow_the_weights() -> None:
    shares = stream_shares(small())
    assert shares[2] == {Modality.RGB: 1.0}
    assert shares[4] == pytest.approx({Modality.RGB: 0.7 / 1.3, Modality.FLOW: 0.6 / 1.3})
    total = 0.9 + 0.2 + 0.5
    assert shares[5] == pytest.approx({Modality.RGB: 0.9 / total, Modality.FLOW: 0.7 / total})


def test_stream_shares_of_a_block_without_inputs() -> None:
    assert stream_shares(without_inputs(small(), 2))[2] == {}


@pytest.mark.parametrize(("weight", "expected"), [(None, 1.0), ("free", 0.5), (0.25, 0.25)])
def test_strength(weight: float | None, expected: float) -> None:
    assert strength(weight) == expected


@pytest.mark.parametrize(
    ("shares", "clear"),
    [
        ([1.0], True),
        ([0.6, 0.4], False),  # of two, three quarters are asked for
        ([0.8, 0.2], True),
        ([0.26, 0.25, 0.25, 0.24], False),
        ([0.5, 0.2, 0.2, 0.1], True),
    ],
)
def test_clear_peers_of_a_soft_choice(shares: list[float], clear: bool) -> None:
    peers = tuple(Peer(node, share) for node, share in enumerate(shares))
    found = clear_peers(Connection(0, 0.9, peers), Attention.PEER)
    assert found == (peers[:1] if clear else ())


def test_clear_peers_shows_every_chosen_one() -> None:
    connection = Connection(0, 0.9, (Peer(3, 0.4), Peer(1, 0.6), Peer(2, 0.0)))
    assert clear_peers(connection, Attention.FIXED) == (Peer(1, 0.6), Peer(3, 0.4))


@pytest.mark.parametrize("attention", [Attention.NONE, Attention.STATIC, Attention.SELF])
def test_clear_peers_without_peer_attention(attention: Attention) -> None:
    assert clear_peers(Connection(0, 0.9, (Peer(1, 1.0),)), attention) == ()
