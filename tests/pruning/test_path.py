"""The path of nested prunings: who goes when, and what every member promises."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from connsearch.errors import PruneError
from connsearch.graph.files import load_structure, to_json
from connsearch.graph.plan import final_nodes
from connsearch.graph.rules import validate
from connsearch.graph.spec import Attention, Edge
from connsearch.pruning.options import Mode, PeerOnly, PruneOptions
from connsearch.pruning.path import pruning_path, removal_order
from connsearch.pruning.pruner import prune, prune_by
from connsearch.pruning.repair import strongest_path
from connsearch.pruning.scores import learned_weights, unweighted
from tests.pruning.structures import drawn, random_tiny

seeds = st.integers(0, 10_000)
modes = st.sampled_from(["pinned", "published"])
wishes = st.sampled_from(["reassign", "keep"])


@given(seeds, modes, st.integers(1, 2), wishes)
def test_the_path_is_nested(seed: int, mode: Mode, peers: int, peer_only: PeerOnly) -> None:
    structure = random_tiny(random.Random(seed))
    before = to_json(structure)
    path = pruning_path(structure, mode=mode, peers_kept=peers, peer_only=peer_only)
    first = prune(structure, structure.edges(), peers_kept=peers, peer_only=peer_only)
    stems = {index for index, _ in structure.stems()} if peer_only == "keep" else set[int]()
    assert path[0].edges == first.edges
    for larger, smaller in pairwise(path):
        assert smaller.edges < larger.edges
        assert set(smaller.node_map) - stems <= set(larger.node_map)
    for member in path:
        validate(member.structure)
        assert member.repairs == ()
        assert member.structure.provenance["mode"] == mode
    assert to_json(structure) == before


@given(seeds, wishes)
def test_every_member_is_what_pruning_its_connections_gives(seed: int, peer_only: PeerOnly) -> None:
    structure = random_tiny(random.Random(seed))
    for member in pruning_path(structure, peer_only=peer_only):
        again = prune(structure, member.edges, peer_only=peer_only)
        assert again.structure == member.structure
        assert again.node_map == member.node_map


@given(seeds)
def test_the_path_is_the_same_every_time(seed: int) -> None:
    one, other = (pruning_path(random_tiny(random.Random(seed))) for _ in range(2))
    assert [m.structure for m in one] == [m.structure for m in other]


@given(seeds)
def test_the_end_is_the_strongest_path(seed: int) -> None:
    structure = random_tiny(random.Random(seed))
    last = pruning_path(structure)[-1]
    stays = set(strongest_path(structure, final_nodes(structure)))
    assert stays <= last.edges
    if structure.network.attention is not Attention.PEER and not unweighted(structure):
        assert last.edges == stays


@given(seeds, st.floats(0.05, 1.0))
def test_criterion_relative_is_on_the_path(seed: int, share: float) -> None:
    """Wherever it keeps the strongest path; with peers, one may hold a connection back."""
    structure = random_tiny(random.Random(seed)).with_settings(attention=Attention.NONE)
    keep = prune_by(structure, PruneOptions(criterion=f"relative:{share}")).edges
    assume(keep >= set(strongest_path(structure, final_nodes(structure))))
    assert keep in [member.edges for member in pruning_path(structure)]


def test_ranks_compare_within_a_block() -> None:
    """A common factor on a block's inputs changes nothing: batch normalisation absorbs it."""
    structure = drawn(
        (0, 0, 1),
        {2: {0: 0.08, 1: 0.06}, 3: {0: 0.9, 1: 0.5}, 4: {2: 0.9, 3: 0.8}},
    )
    order = removal_order(structure, learned_weights(structure))
    assert order[0] == Edge(1, 3)  # 0.56 of its block's strongest
    assert order[1] == Edge(1, 2)  # 0.75, though it is the weakest of all
    scaled = {2: 0.1, 3: 0.9, 4: 0.5}
    scores = {e: w * scaled[e.target] for e, w in learned_weights(structure).items()}
    assert removal_order(structure, scores)[:3] == order[:3]


def test_of_equal_ones_the_last_listed_goes_first() -> None:
    structure = drawn((0, 0), {2: {0: 0.5, 1: 0.5}, 3: {1: 0.5, 0: 0.5}})
    order = removal_order(structure, learned_weights(structure))
    assert order == (Edge(0, 3), Edge(1, 2), Edge(1, 3))  # 0->2 is the strongest path


def test_what_hangs_on_a_block_goes_before_it() -> None:
    """3 hangs on 2 by its only strong input; 2 is weaker, but would take 3 along."""
    structure = drawn((0, 0, 1, 1), {2: {0: 0.1}, 3: {1: 0.9}, 4: {2: 0.6, 3: 0.1}, 5: {3: 0.9}})
    order = removal_order(structure, learned_weights(structure))
    assert order == (Edge(3, 4), Edge(2, 4), Edge(0, 2))


def test_other_scores_take_the_place_of_the_weights() -> None:
    structure = drawn((0, 1), {2: {0: 0.9, 1: 0.1}, 3: {2: 0.9, 0: 0.5}})
    weights = learned_weights(structure)
    turned = {edge: 1 - weight for edge, weight in weights.items()}
    first, other = (pruning_path(structure, scores)[1].edges for scores in (None, turned))
    assert Edge(1, 2) not in first
    assert Edge(1, 2) in other


def test_a_negative_score_is_weak() -> None:
    structure = drawn((0, 1), {2: {0: 0.9, 1: 0.8}, 3: {2: 0.9, 0: 0.5, 1: 0.4}})
    scores = {**learned_weights(structure), Edge(0, 3): -0.2, Edge(1, 3): -0.1}
    order = removal_order(structure, scores)
    assert order == (Edge(0, 3), Edge(1, 3), Edge(1, 2))


def test_free_weights_are_refused() -> None:
    with pytest.raises(PruneError, match="never searched"):
        pruning_path(load_structure("starter"))


def test_a_single_path_has_one_member() -> None:
    assert len(pruning_path(drawn((0, 1), {2: {0: 0.4}, 3: {2: 0.3}}))) == 1
