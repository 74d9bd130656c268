"""Nodes that only gate: who takes their place, when they stay, and what is said about it."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from connsearch.analysis.wirings import WiringSampler, pruned_from
from connsearch.graph.cost import cost
from connsearch.graph.dag import live_nodes, peer_only_nodes
from connsearch.graph.files import load_structure
from connsearch.graph.space import over_connect
from connsearch.graph.spec import Attention, Edge, Modality, Peer, Structure
from connsearch.pruning.closure import Gates
from connsearch.pruning.options import PruneOptions
from connsearch.pruning.pruner import needless, prune, prune_by, spares_peers
from connsearch.pruning.remains import why_dead
from tests.pruning.structures import drawn, random_tiny

seeds = st.integers(0, 10_000)


def gated(*, fixed: bool = False, **peers: list[tuple[int, float]]) -> Structure:
    """0 -> 3 -> 4 and 1 -> 3; stem 2 feeds 3 weakly; peers as ``e3_4=[(node, coefficient)]``."""
    structure = drawn(
        (0, 1),
        {3: {0: 0.9, 1: 0.8, 2: 0.1}, 4: {3: 0.9, 0: 0.05}},
        stems=(Modality.RGB, Modality.FLOW, Modality.RGB),
        attention=Attention.FIXED if fixed else Attention.PEER,
    )
    named = {Edge(*map(int, k[1:].split("_"))): v for k, v in peers.items()}
    usual = [(1, 0.6), (0, 0.4)]
    return structure.with_peers(
        {e: tuple(Peer(*p) for p in named.get(e, usual)) for e in structure.edges()}
    )


LEFT = {Edge(0, 3), Edge(1, 3), Edge(3, 4)}


def test_a_stem_that_only_gates_makes_way_for_the_strongest_that_stays() -> None:
    structure = gated(e3_4=[(2, 0.6), (1, 0.1), (0, 0.3)])
    kept, moved = (prune(structure, LEFT, peer_only=wish) for wish in ("keep", "reassign"))
    assert kept.peers[Edge(3, 4)] == (Peer(2, 1.0),)
    assert kept.dead == ()
    assert moved.peers[Edge(3, 4)] == (Peer(0, 1.0),)
    assert moved.dead == (2,)
    assert moved.edges == kept.edges
    (done,) = moved.substitutes
    assert str(done) == "3->4: gated by node 0 (0.30), because node 2 (0.60) is gone"
    assert spares_peers(structure, moved)
    assert not spares_peers(structure, kept)
    assert needless(structure, moved) == needless(structure, kept) == {2}
    assert moved.made_way == (2,)
    assert "only gate" in why_dead(structure, LEFT, moved)[2]
    assert peer_only_nodes(kept.structure) == {2}
    assert peer_only_nodes(moved.structure) == set()


def test_the_only_peer_of_a_connection_stays() -> None:
    structure = gated(fixed=True, e3_4=[(2, 1.0)])
    pruned = prune(structure, LEFT, peer_only="reassign")
    assert pruned.peers[Edge(3, 4)] == (Peer(2, 1.0),)
    assert pruned.dead == ()
    assert pruned.ungated == pruned.substitutes == ()


def test_a_gate_is_dropped_where_no_peer_may_open_it() -> None:
    structure = gated(e3_4=[(2, 0.7), (1, 0.3)])
    pruned = prune(structure, LEFT, gates={Edge(3, 4): ()})
    assert pruned.ungated == (Edge(3, 4),)
    assert Edge(3, 4) not in pruned.peers
    assert pruned.structure.block(pruned.node_map[4]).connections[0].peers == ()
    assert str(pruned.substitutes[-1]) == (
        "3->4: without a gate, because nodes 2 (0.70) and 1 (0.30) are gone"
    )
    assert pruned.dead == (2,)


def test_default_pruning_reassigns_and_says_how_to_keep() -> None:
    structure = gated(e3_4=[(2, 0.6), (1, 0.1), (0, 0.3)])
    assert prune_by(structure).dead == (2,)
    assert prune_by(structure, PruneOptions(peer_only="keep")).dead == ()


@given(seeds, st.floats(0.05, 1.0), st.integers(1, 2))
def test_reassigning_loses_no_connection_that_counts_and_no_gate(
    seed: int, share: float, peers: int
) -> None:
    """And leaves no node that only gates where every connection has another peer."""
    structure = random_tiny(random.Random(seed))
    criterion = f"relative:{share}"
    kept, moved = (
        prune_by(structure, PruneOptions(criterion=criterion, peers=peers, peer_only=wish))
        for wish in ("keep", "reassign")
    )
    assert set(moved.node_map) <= set(kept.node_map)
    assert set(kept.node_map) - set(moved.node_map) <= needless(structure, kept)
    heard = set(kept.node_map) - needless(structure, kept)
    assert {e for e in kept.edges if e.target in heard} <= moved.edges <= kept.edges
    assert moved.ungated == ()
    assert moved.finals == kept.finals
    assert live_nodes(moved.structure) == set(range(len(moved.structure)))
    if structure.network.attention is Attention.PEER:
        assert peer_only_nodes(moved.structure) == set()


@given(seeds)
def test_a_pruning_is_told_from_what_it_left(seed: int) -> None:
    """With the peers it has, whether nodes made way or not."""
    rng = random.Random(seed)
    structure = random_tiny(rng)
    wishes: Gates = {
        e: [p.node for p in c.peers if rng.random() < 0.7] for e, c in structure.connections()
    }
    keep = prune_by(structure, PruneOptions(criterion="relative:0.6", peer_only="keep")).edges
    for pruned in (
        prune_by(structure, PruneOptions(criterion="relative:0.6")),
        prune(structure, keep, gates=wishes),
    ):
        told, mode = pruned_from(structure, pruned.structure, name="it")
        assert mode == "pinned"
        assert told.structure.nodes == pruned.structure.nodes
        assert (told.edges, told.peers) == (pruned.edges, pruned.peers)
        assert told.ungated == pruned.ungated


def test_random_wirings_are_gated_by_the_nodes_of_the_found_one() -> None:
    """Beside a network whose dear stem made way, none of them has it."""
    space = over_connect(load_structure("starter")).with_settings(attention=Attention.PEER)
    weights = {e: (0.1 if e.source == 0 else (7 * e.source + 3 * e.target) % 10 / 20 + 0.45)
               for e in space.edges()}  # fmt: skip
    peers = {e: (Peer(0, 0.6), Peer(1, 0.4)) for e in space.edges()}
    space = space.with_peers(peers).with_weights(weights)
    found = prune_by(space, PruneOptions(criterion="relative:0.6"))
    assert 0 in found.dead

    def macs(structure: Structure) -> int:
        return cost(structure, num_classes=4, clip=(4, 16, 16)).macs

    drawn_ones = WiringSampler(space, found, "pinned", macs, 0.1).draw(3, seed=1)
    assert all(one.node_map == found.node_map for one in drawn_ones)
    assert all(peer.node == 1 for one in drawn_ones for p in one.peers.values() for peer in p)
