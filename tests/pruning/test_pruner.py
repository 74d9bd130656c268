"""A keep-set becomes a smaller valid structure: dead branches, peers, repair, the two modes."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connsearch.errors import PruneError
from connsearch.graph.dag import live_nodes
from connsearch.graph.files import from_json, to_json
from connsearch.graph.plan import BlockPlan, StemPlan, pin, plan, unpin
from connsearch.graph.rules import validate
from connsearch.graph.space import over_connect
from connsearch.graph.spec import Attention, Edge, Modality, Peer, Structure
from connsearch.pruning.changes import ShapeChange, changes
from connsearch.pruning.closure import close
from connsearch.pruning.options import PruneOptions
from connsearch.pruning.pruner import Pruned, prune, prune_by
from tests.pruning.structures import drawn, random_tiny

seeds = st.integers(0, 10_000)
specs = st.one_of(
    st.floats(0.05, 0.95).map(lambda t: f"threshold:{t:.3f}"),
    st.floats(0.05, 1.0).map(lambda t: f"relative:{t:.3f}"),
    st.integers(1, 4).map(lambda k: f"top_k:{k}"),
    st.integers(0, 99).map(lambda s: f"random:seed={s}"),
)
modes = st.sampled_from(["pinned", "published"])


def without(structure: Structure, *edges: tuple[int, int]) -> set[Edge]:
    gone = {Edge(*edge) for edge in edges}
    assert gone <= set(structure.edges())
    return set(structure.edges()) - gone


@pytest.fixture
def ladder() -> Structure:
    """0 -> 2 -> 4 -> 6 and 1 -> 3 -> 5 -> 6, with rungs 3 -> 4 and 2 -> 5; all weighted."""
    return drawn(
        (0, 0, 1, 1, 2),
        {
            2: {0: 0.9, 1: 0.2},
            3: {1: 0.8, 0: 0.3},
            4: {2: 0.7, 3: 0.4},
            5: {3: 0.6, 2: 0.35},
            6: {4: 0.9, 5: 0.45},
        },
    )


# ---- what stays ------------------------------------------------------------------------------


def test_keeping_everything_only_pins(ladder: Structure) -> None:
    pruned = prune(ladder, ladder.edges())
    assert pruned.node_map == {i: i for i in range(7)}
    assert pruned.dead == pruned.removed == pruned.repairs == pruned.changes == ()
    assert pruned.structure.nodes == pin(ladder).nodes


def test_a_block_that_lost_its_inputs_takes_its_consumers_along(ladder: Structure) -> None:
    pruned = prune(ladder, without(ladder, (1, 3), (0, 3), (2, 5)))
    assert pruned.dead == (3, 5)  # stem 1 still feeds node 2
    assert pruned.edges == {Edge(0, 2), Edge(1, 2), Edge(2, 4), Edge(4, 6)}
    assert pruned.node_map == {0: 0, 1: 1, 2: 2, 4: 3, 6: 4}
    assert set(pruned.removed) == set(ladder.edges()) - pruned.edges


def test_a_node_nobody_needs_takes_its_inputs_along(ladder: Structure) -> None:
    pruned = prune(ladder, without(ladder, (5, 6), (3, 4), (1, 2)))
    assert pruned.dead == (1, 3, 5)
    assert pruned.edges == {Edge(0, 2), Edge(2, 4), Edge(4, 6)}


def test_a_final_that_starves_leaves_the_head() -> None:
    two = drawn((0, 1, 1), {2: {0: 0.9, 1: 0.8}, 3: {2: 0.2}, 4: {2: 0.9}})
    pruned = prune(two, without(two, (2, 3)))
    assert pruned.finals == (4,)
    assert pruned.structure.finals == (3,)
    assert pruned.repairs == ()


def test_connections_without_a_weight_stay_even_if_not_named(ladder: Structure) -> None:
    plain = ladder.with_weights({Edge(1, 3): None})
    assert Edge(1, 3) in prune(plain, without(plain, (1, 3))).edges


def test_kept_connections_keep_their_weight_also_alone(ladder: Structure) -> None:
    pruned = prune_by(ladder, PruneOptions(criterion="top_k:1"))
    weights = {e: w for e, w in ladder.weights().items() if e in pruned.edges}
    named = {Edge(pruned.node_map[s], pruned.node_map[t]): w for (s, t), w in weights.items()}
    assert pruned.structure.weights() == named
    assert all(len(b.connections) == 1 for _, b in pruned.structure.blocks())


def test_buckets_and_addends_keep_their_order() -> None:
    """Inputs of widths 4, 8, 4, 8 without the first: the bucket of width 4 still comes first."""
    mixed = drawn(
        (0, 0, 0, 0, 1),
        {2: {0: 0.9}, 3: {0: 0.9}, 4: {1: 0.9}, 5: {1: 0.9}, 6: {2: 0.9, 3: 0.8, 4: 0.7, 5: 0.6}},
        filters={2: 1, 3: 2, 4: 1, 5: 2},
    )
    pruned = prune(mixed, without(mixed, (2, 6)))
    block = pruned.structure.block(5)
    assert block.inputs == (2, 3, 4)
    assert block.pinned is not None
    assert block.pinned.buckets == ((3,), (2, 4))
    published = prune(mixed, without(mixed, (2, 6)), mode="published")
    assert ShapeChange(5, "addend order", [(3,), (2, 4)], [(2, 4), (3,)]) in published.changes


# ---- peers -----------------------------------------------------------------------------------


def with_peers(structure: Structure, **named: list[tuple[int, float]]) -> Structure:
    """Peers by connection, written ``e2_4=[(0, .7), (1, .3)]``; the others are gated by stem 0."""
    peers = {edge: (Peer(0, 1.0),) for edge in structure.edges()}
    for name, pairs in named.items():
        source, target = name[1:].split("_")
        peers[Edge(int(source), int(target))] = tuple(Peer(n, c) for n, c in pairs)
    return structure.with_settings(attention=Attention.PEER).with_peers(peers)


def test_the_top_peer_stays_with_coefficient_one(ladder: Structure) -> None:
    peered = with_peers(ladder, e4_6=[(1, 0.2), (0, 0.1), (3, 0.6), (2, 0.1)])
    pruned = prune(peered, without(peered, (5, 6), (3, 4)))
    assert pruned.peers[Edge(4, 6)] == (Peer(3, 1.0),)
    assert 3 in pruned.node_map  # a peer link keeps its source alive
    assert Edge(1, 3) in pruned.edges  # and what feeds it
    assert pruned.structure.network.attention is Attention.FIXED
    assert live_nodes(pruned.structure) == set(range(len(pruned.structure)))


def test_several_peers_are_renormalised(ladder: Structure) -> None:
    peered = with_peers(ladder, e4_6=[(1, 0.2), (0, 0.1), (3, 0.6), (2, 0.1)])
    pruned = prune(peered, peered.edges(), peers_kept=2)
    assert pruned.peers[Edge(4, 6)] == (Peer(1, 0.2 / 0.8), Peer(3, 0.6 / 0.8))


def test_equal_peers_the_first_candidate_wins(ladder: Structure) -> None:
    """Candidates are listed flow (1), RGB (0), then by level."""
    peered = with_peers(ladder, e4_6=[(0, 0.4), (1, 0.4), (2, 0.2)])
    assert prune(peered, peered.edges()).peers[Edge(4, 6)] == (Peer(1, 1.0),)


def test_a_peer_of_coefficient_zero_is_no_peer(ladder: Structure) -> None:
    peered = with_peers(ladder, e4_6=[(1, 1.0), (0, 0.0)], e5_6=[(1, 0.0), (0, 0.0)])
    pruned = prune(peered, peered.edges(), peers_kept=3)
    assert pruned.peers[Edge(4, 6)] == (Peer(1, 1.0),)
    assert pruned.peers[Edge(5, 6)] == (Peer(1, 1.0),)


def test_a_dead_peer_makes_way_for_the_next_best_live_one(ladder: Structure) -> None:
    peered = with_peers(ladder, e4_6=[(3, 0.7), (2, 0.2), (0, 0.1)])
    pruned = prune(peered, without(peered, (1, 3), (0, 3), (2, 5)))
    assert pruned.peers[Edge(4, 6)] == (Peer(2, 1.0),)
    (done,) = pruned.substitutes
    assert str(done) == "4->6: gated by node 2 (0.20), because node 3 (0.70) is gone"
    assert pruned.repairs == ()


def test_a_connection_whose_only_peer_died_is_repaired(ladder: Structure) -> None:
    fixed = with_peers(ladder, e4_6=[(3, 1.0)]).with_settings(attention=Attention.FIXED)
    keep = without(fixed, (1, 3), (0, 3), (2, 5))
    pruned = prune(fixed, keep)
    assert [repair.edge for repair in pruned.repairs] == [Edge(1, 3)]
    assert "every peer that gates 4->6 is dead" in str(pruned.repairs[0])
    assert "strongest path 1 -> 3" in str(pruned.repairs[0])
    with pytest.raises(PruneError, match="1->3"):
        prune(fixed, keep, repair="refuse")


def test_peers_nobody_searched_stay_soft(ladder: Structure) -> None:
    soft = ladder.with_settings(attention=Attention.PEER)
    pruned = prune(soft, without(soft, (3, 4), (3, 5), (2, 5), (5, 6)))
    assert pruned.structure.network.attention is Attention.PEER
    assert pruned.peers == {}
    assert 3 in pruned.node_map  # nobody's input, but it may gate 4 and 6
    assert pruned.dead == (5,)


def test_peers_for_some_connections_only_are_refused(ladder: Structure) -> None:
    mixed = ladder.with_settings(attention=Attention.PEER)
    mixed = mixed.with_peers({Edge(4, 6): (Peer(0, 1.0),)})
    with pytest.raises(PruneError, match=r"(?s)9 connections name no peers.*0->2.*allowed:.*cure:"):
        prune(mixed, mixed.edges())


def test_peers_of_an_inactive_mode_are_dropped(ladder: Structure) -> None:
    idle = with_peers(ladder, e4_6=[(3, 1.0)]).with_settings(attention=Attention.SELF)
    pruned = prune(idle, without(idle, (5, 6), (3, 4)))
    assert 3 in pruned.dead
    assert all(c.peers == () for _, c in pruned.structure.connections())


def test_peers_to_keep_are_at_least_one(ladder: Structure) -> None:
    with pytest.raises(PruneError, match="at least 1 peer must stay; read 0"):
        prune(ladder, ladder.edges(), peers_kept=0)


# ---- repair ----------------------------------------------------------------------------------


def test_nothing_kept_leaves_the_strongest_path(ladder: Structure) -> None:
    pruned = prune(ladder, ())
    assert pruned.edges == {Edge(0, 2), Edge(2, 4), Edge(4, 6)}
    assert [str(repair) for repair in pruned.repairs] == [
        f"{edge} (weight {weight}) restored: no stem reaches a final node (6) any more; "
        "strongest path 0 -> 2 -> 4 -> 6"
        for edge, weight in (("0->2", "0.900"), ("2->4", "0.700"), ("4->6", "0.900"))
    ]


def test_only_what_is_missing_on_the_path_comes_back(ladder: Structure) -> None:
    pruned = prune(ladder, without(ladder, (4, 6), (5, 6)))
    assert [repair.edge for repair in pruned.repairs] == [Edge(4, 6)]


def test_a_refusal_names_what_to_restore(ladder: Structure) -> None:
    with pytest.raises(PruneError) as caught:
        prune(ladder, without(ladder, (4, 6), (5, 6)), repair="refuse")
    assert "4->6 (weight 0.900)" in str(caught.value)
    assert "final node (6)" in str(caught.value)
    assert "cure: " in str(caught.value)
    assert "--repair strongest-path" in str(caught.value)


def test_refusing_is_no_matter_where_no_repair_is_due(ladder: Structure) -> None:
    keep = without(ladder, (5, 6))
    assert prune(ladder, keep, repair="refuse") == prune(ladder, keep)


def test_of_equal_paths_the_shorter_then_the_first_comes_back() -> None:
    equal = drawn((0, 0, 1), {2: {0: None}, 3: {1: None}, 4: {2: 0.5, 3: 0.5, 1: 0.5}})
    assert [r.edge for r in prune(equal, ()).repairs] == [Edge(1, 4)]
    equal = drawn((0, 0, 1), {2: {1: 0.5}, 3: {0: 0.5}, 4: {3: 0.5, 2: 0.5}})
    assert [r.edge for r in prune(equal, ()).repairs] == [Edge(0, 3), Edge(3, 4)]


def test_weights_of_zero_and_free_ones_have_a_strongest_path_too() -> None:
    zero = drawn((0, 1), {2: {0: 0.0, 1: 0.0}, 3: {2: 0.0}})
    assert prune(zero, ()).edges == {Edge(0, 2), Edge(2, 3)}
    free = over_connect(zero)
    assert prune(free, ()).edges == {Edge(0, 3)}


# ---- what is refused -------------------------------------------------------------------------


def test_an_unknown_connection_is_named(ladder: Structure) -> None:
    with pytest.raises(PruneError, match="no connections 0->6, 3->2"):
        prune(ladder, {Edge(0, 6), Edge(3, 2), Edge(4, 6)})


def test_a_structure_never_searched_is_refused_before_work(ladder: Structure) -> None:
    with pytest.raises(PruneError, match="run the search first"):
        prune_by(over_connect(ladder))
    assert prune_by(over_connect(ladder), PruneOptions(criterion="random")).edges


# ---- the published mode ----------------------------------------------------------------------


def test_published_mode_reports_what_it_changes() -> None:
    stems = (Modality.RGB, Modality.FLOW, Modality.RGB, Modality.OBJECT)
    structure = drawn(
        (0, 1), {4: {0: 0.9, 1: 0.8, 2: 0.1, 3: 0.7}, 5: {4: 0.6, 2: 0.3}}, stems=stems
    )
    pruned = prune(structure, without(structure, (2, 4)), mode="published")
    assert pruned.changes == ()  # two inputs and four stems are left
    pruned = prune(structure, {Edge(0, 4), Edge(4, 5)}, mode="published")
    assert pruned.changes == (
        ShapeChange(0, "stem width", 2, 8),
        ShapeChange(1, "fused width", 2, 8),
        ShapeChange(1, "coefficient of input 0", 0.9, 1.0),
        ShapeChange(2, "coefficient of input 1", 0.6, 1.0),
    )
    assert str(pruned.changes[0]) == "node 0: stem width 2 -> 8"
    assert all(c.weight is None for _, c in pruned.structure.connections())


def test_published_mode_reports_sizes_and_attention_widths() -> None:
    structure = drawn(
        (0, 0, 1),
        {2: {0: 0.9}, 3: {0: 0.9}, 4: {2: 0.9, 3: 0.1}},
        filters={3: 6},
        attention=Attention.PEER,
    )
    structure = structure.with_peers({edge: (Peer(0, 1.0),) for edge in structure.edges()})
    nodes = list(structure.nodes)
    nodes[3] = replace(structure.block(3), spatial_stride=2)
    structure = validate(replace(structure, nodes=tuple(nodes)))
    pruned = prune(structure, without(structure, (3, 4)), mode="published")
    for change in (
        ShapeChange(2, "fused width", 24, 8),
        ShapeChange(2, "input stride", 8, 4),
        ShapeChange(2, "output stride", 8, 4),
        ShapeChange(2, "attention width", 24, 8),
    ):
        assert change in pruned.changes


def test_published_mode_reports_the_head() -> None:
    """The published rule reads every block of the top level, a pinned head what it names."""
    two = drawn((0, 1, 1), {2: {0: 0.9}, 3: {2: 0.9}, 4: {2: 0.8}})
    pinned = pin(validate(replace(two, finals=(4,))))
    assert changes(pinned, unpin(pinned)) == (ShapeChange(None, "divisor", 1, 2),)
    assert str(ShapeChange(None, "divisor", 1, 2)) == "head: divisor 1 -> 2"


def test_the_two_modes_agree_when_nothing_is_pruned() -> None:
    for seed in range(30):
        structure = random_tiny(random.Random(seed)).with_settings(attention=Attention.NONE)
        if live_nodes(structure) != set(range(len(structure))):
            continue
        pruned = prune(structure, structure.edges(), mode="published")
        assert all(change.what.startswith("coefficient") for change in pruned.changes)


# ---- what the account says -------------------------------------------------------------------


def test_provenance_says_where_the_structure_comes_from(ladder: Structure) -> None:
    pruned = prune_by(ladder, PruneOptions(criterion="threshold:0.5"))
    origin = pruned.structure.provenance
    assert origin["parents"] == ["drawn"]
    assert origin["operator"] == "prune"
    assert origin["criterion"] == {"name": "threshold", "minimum": 0.5}
    assert origin["mode"] == "pinned"
    assert origin["nodes"] == list(pruned.node_map)
    assert origin["versions"]["connsearch"]
    assert pruned.structure.name == "drawn-pruned"
    again = prune_by(pruned.structure, PruneOptions(criterion="threshold:0.5"))
    assert again.structure.name == "drawn-pruned"
    assert again.structure.provenance["parent_provenance"] == origin


def test_the_parent_is_not_changed(ladder: Structure) -> None:
    before = hash(ladder)
    prune_by(ladder, PruneOptions(criterion="top_k:1", mode="published"))
    assert hash(ladder) == before


# ---- laws on random structures ---------------------------------------------------------------


def outcome(seed: int, spec: str, mode: str = "pinned", peers: int = 1) -> tuple[Structure, Pruned]:
    structure = random_tiny(random.Random(seed))
    options = PruneOptions.model_validate({"criterion": spec, "mode": mode, "peers": peers})
    return structure, prune_by(structure, options)


@given(seeds, specs, modes, st.integers(1, 3))
def test_the_result_is_valid_and_all_of_it_is_alive(
    seed: int, spec: str, mode: str, peers: int
) -> None:
    structure, pruned = outcome(seed, spec, mode, peers)
    result = validate(pruned.structure)
    assert live_nodes(result) == set(range(len(result)))
    assert from_json(to_json(result)) == result
    assert sorted([*pruned.node_map, *pruned.dead]) == list(range(len(structure)))
    assert len(pruned.edges) + len(pruned.removed) == len(structure.edges())
    for connection in (c for _, c in result.connections() if c.peers):
        assert 1 <= len(connection.peers) <= peers
        assert sum(p.coefficient for p in connection.peers) == pytest.approx(1.0)


@given(seeds, specs)
def test_pinned_shapes_are_the_shapes_of_the_parent(seed: int, spec: str) -> None:
    structure, pruned = outcome(seed, spec)
    before, after = plan(structure), plan(pruned.structure)
    for old, new in pruned.node_map.items():
        mine, theirs = after.nodes[new], before.nodes[old]
        assert (mine.width, mine.stride) == (theirs.width, theirs.stride)
        if isinstance(mine, StemPlan):
            assert mine == theirs
            continue
        assert isinstance(theirs, BlockPlan)
        assert (mine.fused_width, mine.input_stride) == (theirs.fused_width, theirs.input_stride)
        assert mine.attention_width == theirs.attention_width
        addends = [
            pruned.node_map[s] for b in theirs.buckets for s in b.sources if s in pruned.node_map
        ]
        assert [s for b in mine.buckets for s in b.sources] == [
            s for s in addends if s in mine.sources
        ]
        assert {b.width for b in mine.buckets} <= {b.width for b in theirs.buckets}


@given(seeds, specs.filter(lambda spec: not spec.startswith("random")), st.integers(1, 3))
def test_pruning_again_by_the_same_criterion_changes_nothing(
    seed: int, spec: str, peers: int
) -> None:
    """Also after a repair: the strongest path of the whole is the strongest of what is left."""
    _, pruned = outcome(seed, spec, "pinned", peers)
    again = prune_by(pruned.structure, PruneOptions(criterion=spec, peers=peers))
    assert again.structure.nodes == pruned.structure.nodes
    assert again.structure.finals == pruned.structure.finals
    assert again.dead == again.removed == ()


@given(
    seeds, st.floats(0.05, 0.95), st.floats(0.05, 0.95), st.sampled_from(["threshold", "relative"])
)
def test_a_stricter_criterion_leaves_less(seed: int, one: float, other: float, name: str) -> None:
    """Without peers and repairs, which may bring in a node that the milder result has not."""
    structure = random_tiny(random.Random(seed)).with_settings(attention=Attention.NONE)
    low, high = (f"{name}:{value}" for value in sorted((one, other)))
    mild, strict = (prune_by(structure, PruneOptions(criterion=spec)) for spec in (low, high))
    if not strict.repairs:
        assert strict.edges <= mild.edges
        assert set(strict.node_map) <= set(mild.node_map)
        assert set(strict.finals) <= set(mild.finals)


@given(seeds, specs)
def test_repairs_are_due_only_when_no_final_is_fed(seed: int, spec: str) -> None:
    structure, pruned = outcome(seed, spec)
    if pruned.repairs and structure.network.attention is not Attention.FIXED:
        assert spec.startswith("threshold")
        assert {repair.edge for repair in pruned.repairs} <= pruned.edges
        weights = structure.weights()
        kept = {e for e, w in weights.items() if w is None or w >= float(spec.partition(":")[2])}
        assert close(structure, kept).finals == ()
