"""Every criterion: what it keeps, that it is deterministic, and what it refuses."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connsearch.errors import PruneError, SettingsError, UnknownNameError
from connsearch.graph.dag import live_nodes
from connsearch.graph.space import over_connect
from connsearch.graph.spec import FREE, Attention, Edge, Structure
from connsearch.pruning.closure import close
from connsearch.pruning.criteria import CRITERIA
from connsearch.pruning.criteria.random import Random
from connsearch.pruning.criteria.rank import Rank
from connsearch.pruning.criteria.relative import Relative
from connsearch.pruning.criteria.threshold import Threshold
from connsearch.pruning.criteria.top_k import TopK
from connsearch.pruning.options import build_criterion
from connsearch.pruning.scores import learned_weights
from tests.pruning.structures import drawn, random_tiny

seeds = st.integers(0, 10_000)


@pytest.fixture
def star() -> Structure:
    """Two stems -> 2, 3 and 4 -> 5 with weights .2 .4 .4 and one connection without a weight."""
    return drawn(
        (0, 0, 0, 1),
        {2: {0: None}, 3: {0: 0.3, 1: 0.1}, 4: {0: 0.6, 1: 0.6}, 5: {2: 0.2, 3: 0.4, 4: 0.4}},
    )


def keep(name: str, structure: Structure) -> frozenset[Edge]:
    return build_criterion(name)(structure, learned_weights(structure))


def test_threshold_keeps_what_is_at_least_the_minimum(star: Structure) -> None:
    assert keep("threshold:0.4", star) == {
        Edge(0, 2), Edge(0, 4), Edge(1, 4), Edge(3, 5), Edge(4, 5)
    }  # fmt: skip


def test_relative_compares_within_a_block(star: Structure) -> None:
    assert keep("relative:0.5", star) == set(star.edges()) - {Edge(1, 3)}
    assert keep("relative:0.6", star) == set(star.edges()) - {Edge(1, 3), Edge(2, 5)}


def test_relative_ignores_a_factor_common_to_a_block(star: Structure) -> None:
    weights = learned_weights(star)
    scaled = {e: w * (0.3 if e.target == 5 else 1.0) for e, w in weights.items()}
    assert Relative()(star, scaled) == Relative()(star, weights)


def test_top_k_breaks_ties_by_the_listed_order(star: Structure) -> None:
    assert keep("top_k:1", star) == {Edge(0, 2), Edge(0, 3), Edge(0, 4), Edge(3, 5)}
    assert keep("top_k:2", star) == set(star.edges()) - {Edge(2, 5)}
    assert keep("top_k:9", star) == set(star.edges())


def test_an_input_without_a_weight_takes_a_place_among_the_k_first() -> None:
    mixed = drawn((0, 1), {2: {0: None}, 3: {0: 0.9, 2: None, 1: 0.8}})
    assert keep("top_k:1", mixed) == {Edge(0, 2), Edge(2, 3)}
    assert keep("top_k:2", mixed) == {Edge(0, 2), Edge(2, 3), Edge(0, 3)}


def test_rank_keeps_the_best_share_of_each_block(star: Structure) -> None:
    assert keep("rank:0.01", star) == {Edge(0, 2), Edge(0, 3), Edge(0, 4), Edge(3, 5)}
    assert keep("rank", star) == keep("rank:0.01", star) | {Edge(4, 5)}, "half of 3, rounded up"
    assert keep("rank:1", star) == set(star.edges())


def test_rank_counts_inputs_without_a_weight_among_the_best() -> None:
    mixed = drawn((0, 1), {2: {0: None}, 3: {0: 0.9, 2: None, 1: 0.8}})
    assert keep("rank:0.3", mixed) == {Edge(0, 2), Edge(2, 3)}
    assert keep("rank:0.7", mixed) == {Edge(0, 2), Edge(2, 3), Edge(0, 3)}


@given(st.integers(0, 10_000), st.floats(0.01, 1.0), st.floats(0.01, 1.0))
def test_rank_asks_for_the_order_alone(seed: int, one: float, other: float) -> None:
    """Any rising function of the scores gives the same; a larger share keeps more."""
    structure = random_tiny(random.Random(seed))
    scores = learned_weights(structure)
    low, high = sorted((one, other))
    kept = Rank(low)(structure, scores)
    assert kept <= Rank(high)(structure, scores)
    assert Rank(low)(structure, {e: math.log(s) for e, s in scores.items()}) == kept


@given(st.integers(0, 10_000), st.floats(-1, 1), st.floats(0.01, 1.0))
def test_scores_of_any_sign_leave_every_block_an_input(
    seed: int, shift: float, share: float
) -> None:
    """A measured importance may be 0 or negative everywhere; the strongest input stays."""
    structure = random_tiny(random.Random(seed))
    scores = {edge: weight + shift for edge, weight in learned_weights(structure).items()}
    for criterion in (Relative(share), Rank(share), TopK(1)):
        kept = criterion(structure, scores)
        assert {e.target for e in kept} == {i for i, _ in structure.blocks()}
        for index, _ in structure.blocks():
            inputs = {e: s for e, s in scores.items() if e.target == index}
            if inputs and not any(w is None for w in weights_into(structure, index)):
                assert max(inputs, key=inputs.__getitem__) in kept


def weights_into(structure: Structure, index: int) -> list[object]:
    return [w for e, w in structure.weights().items() if e.target == index]


def test_where_all_scores_are_zero_nothing_tells_the_inputs_apart(star: Structure) -> None:
    assert Relative()(star, dict.fromkeys(learned_weights(star), 0.0)) == set(star.edges())


def test_scores_may_come_from_elsewhere(star: Structure) -> None:
    scores = dict.fromkeys(learned_weights(star), 0.9) | {Edge(4, 5): 0.1}
    assert Threshold()(star, scores) == set(star.edges()) - {Edge(4, 5)}


@pytest.mark.parametrize("name", ["rank", "relative", "threshold", "top_k"])
def test_free_weights_are_refused_and_say_to_search_first(name: str, star: Structure) -> None:
    free = over_connect(star)
    with pytest.raises(PruneError, match=r"never searched.*\n.*\n.*run the search first"):
        keep(name, free)


@pytest.mark.parametrize("name", ["rank", "relative", "threshold", "top_k"])
def test_a_missing_score_is_named(name: str, star: Structure) -> None:
    with pytest.raises(PruneError, match="no score for 0->3, 1->3, 0->4, 1->4, 2->5, 3->5, 4->5"):
        build_criterion(name)(star, {})


@pytest.mark.parametrize("name", ["rank", "relative", "threshold", "top_k"])
def test_a_score_that_is_not_a_number_is_named(name: str, star: Structure) -> None:
    scores = learned_weights(star) | {Edge(4, 5): math.nan}
    with pytest.raises(PruneError, match="the score of 4->5 is not a number"):
        build_criterion(name)(star, scores)


def test_random_needs_no_weights(star: Structure) -> None:
    free = star.with_weights(dict.fromkeys(star.edges(), FREE))
    assert len(keep("random:number=5", free)) == 5


@given(seeds)
def test_random_leaves_exactly_that_many_where_the_wiring_allows(seed: int) -> None:
    """All that is kept is on a path, so the pruned network has that many connections."""
    rng = random.Random(seed)
    structure = random_tiny(rng).with_settings(attention=Attention.NONE)
    every = len(close(structure, structure.edges()).edges)
    number = rng.randint(1, every)
    kept = Random(number=number, seed=seed)(structure, {})
    left = close(structure, kept).edges
    assert len(left) >= number
    assert Random(number=number, seed=seed)(structure, {}) == kept
    if len(left) > number:  # no smaller step: each removal would take more along
        removable = [e for e in left if structure.weights()[e] is not None]
        assert all(len(close(structure, left - {e}).edges) < number for e in removable)


def test_random_hits_the_number_on_a_wide_structure() -> None:
    structure = over_connect(random_tiny(random.Random(3)))
    for number in range(12, len(structure.edges())):
        assert len(close(structure, Random(number=number)(structure, {})).edges) == number


def test_random_draws_differ_by_seed_and_reach_every_connection() -> None:
    structure = over_connect(random_tiny(random.Random(3)))
    draws = [Random(share=0.5, seed=seed)(structure, {}) for seed in range(60)]
    assert len(set(draws)) > 50
    assert frozenset().union(*draws) == set(structure.edges())
    assert frozenset.intersection(*draws) == frozenset()


def test_random_cannot_keep_more_than_there_is(star: Structure) -> None:
    with pytest.raises(PruneError, match="cannot keep 9 connections: 8 lie on a path"):
        keep("random:number=9", star)


@pytest.mark.parametrize("name", sorted(CRITERIA))
def test_every_criterion_keeps_its_promises(name: str) -> None:
    """Connections of the structure only, all without a weight, the same each time; no change."""
    criterion = CRITERIA[name]()
    for seed in range(10):
        structure = random_tiny(random.Random(seed))
        before = hash(structure)
        scores = learned_weights(structure)
        kept = criterion(structure, scores)
        assert kept <= set(structure.edges())
        assert {e for e, w in structure.weights().items() if w is None} <= kept
        assert criterion(structure, scores) == kept
        assert hash(structure) == before
        assert hash(criterion) == hash(CRITERIA[name]())


@given(seeds, st.floats(0.01, 0.98), st.floats(0.01, 0.98))
def test_a_higher_threshold_or_share_keeps_less(seed: int, one: float, other: float) -> None:
    structure = random_tiny(random.Random(seed))
    scores = learned_weights(structure)
    low, high = sorted((one, other))
    assert Threshold(high)(structure, scores) <= Threshold(low)(structure, scores)
    assert Relative(high)(structure, scores) <= Relative(low)(structure, scores)


@given(seeds, st.integers(1, 5))
def test_a_smaller_k_keeps_less(seed: int, k: int) -> None:
    structure = random_tiny(random.Random(seed))
    scores = learned_weights(structure)
    assert TopK(k)(structure, scores) <= TopK(k + 1)(structure, scores)


@given(seeds, st.floats(0.01, 1.0), st.integers(1, 5))
def test_relative_and_top_k_leave_every_block_an_input(seed: int, share: float, k: int) -> None:
    structure = random_tiny(random.Random(seed))
    scores = learned_weights(structure)
    for criterion in (Relative(share), TopK(k)):
        assert {e.target for e in criterion(structure, scores)} == {
            i for i, _ in structure.blocks()
        }


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("threshold:0", "post-sigmoid weight in"),
        ("threshold:1", "post-sigmoid weight in"),
        ("threshold:-1.3", "not a logit; read -1.3"),
        ("threshold:NaN", "post-sigmoid weight in"),
        ("relative:0", "share"),
        ("relative:1.01", "share"),
        ("rank:0", "share"),
        ("rank:1.5", "share"),
        ("top_k:0", "whole number of inputs, at least 1; read 0"),
        ("top_k:2.5", "whole number"),
        ("random:0", "share"),
        ("random:number=0", "whole number, at least 1; read 0"),
        ("random:number=2.5", "whole number"),
        ("random:seed=0.5", "`seed` is a whole number"),
        ("threshold:half", "minimum is a number; read 'half'"),
        ("threshold:true", "minimum is a number; read 'true'"),
        ("threshold:", "minimum is a number; read ''"),
        ("threshold:0.5,minimum=0.6", "minimum is given twice"),
        ("threshold:minimun=0.5", "did you mean 'minimum'"),
    ],
)
def test_parameters_out_of_range_are_refused(spec: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        build_criterion(spec)


def test_an_unknown_criterion_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'threshold'"):
        build_criterion("treshold:0.5")


def test_specs_name_their_parameters() -> None:
    assert build_criterion("threshold") == Threshold(0.5)
    assert build_criterion("threshold:minimum=0.7") == build_criterion("threshold:0.7")
    assert build_criterion("random:number=20,seed=3") == Random(number=20, seed=3)


def test_nothing_kept_is_dead_after_random() -> None:
    structure = random_tiny(random.Random(8)).with_settings(attention=Attention.NONE)
    closure = close(structure, Random(share=0.6)(structure, {}))
    assert set(closure.nodes) <= live_nodes(structure)
