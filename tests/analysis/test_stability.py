"""Agreement of several searches: what all keep, and what would agree by lot."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from connsearch.analysis.stability import Found, agree, chance_agreements
from connsearch.graph.files import load_structure
from connsearch.graph.space import over_connect
from connsearch.graph.spec import Attention, Edge, Structure
from connsearch.pruning.options import PruneOptions
from connsearch.pruning.pruner import prune_by

OPTIONS = PruneOptions(criterion="top_k:2")


def searches(count: int, *, signal: float, seed: int = 0) -> list[Structure]:
    """Results with weights that are partly the same in all searches, partly noise."""
    rng = np.random.default_rng(seed)
    space = over_connect(load_structure("starter")).with_settings(attention=Attention.NONE)
    common = rng.random(len(space.edges()))
    found = []
    for _ in range(count):
        noise = rng.random(len(common))
        weights = signal * common + (1 - signal) * noise
        learned = {e: float(w) for e, w in zip(space.edges(), weights, strict=True)}
        found.append(space.with_weights(learned))
    return found


def agreed(results: list[Structure], options: PruneOptions, *, seed: int) -> Found:
    return agree(results, [prune_by(one, options).edges for one in results], seed=seed)


def test_the_same_result_every_time_is_full_agreement() -> None:
    found = agreed(searches(4, signal=1.0), OPTIONS, seed=0)
    assert (found.agreement.value, found.agreement.low) == (1.0, 1.0)
    assert set(found.frequency.values()) == {0.0, 1.0}
    assert {e for e, share in found.frequency.items() if share} == found.kept[0]
    assert all(spread == 0 for spread in found.spread.values())
    assert found.p < 0.001
    assert found.chance < 0.7
    assert found.verdict.startswith("the searches agree better than by chance")
    assert found.consensus().edges == found.kept[0]


def test_noise_agrees_as_by_lot() -> None:
    p = [agreed(searches(3, signal=0.0, seed=s), OPTIONS, seed=s).p for s in range(60)]
    assert np.mean(np.asarray(p) <= 0.1) < 0.25
    assert 0.25 < np.mean(p) < 0.8
    found = agreed(searches(3, signal=0.0, seed=4), OPTIONS, seed=0)
    assert found.agreement.value == pytest.approx(found.chance, abs=0.2)
    assert found.verdict.startswith("no agreement beyond chance")


def test_searches_that_removed_nothing_are_to_be_longer() -> None:
    keep_all = PruneOptions(criterion="relative:0.01")
    undecided = [s.with_weights(dict.fromkeys(s.edges(), 0.5)) for s in searches(3, signal=0.0)]
    assert agreed(undecided, keep_all, seed=0).verdict.startswith("search longer: all 3 searches")


def test_agreement_by_lot_is_hypergeometric() -> None:
    edges = [Edge(source, 20) for source in range(10)]
    kept = [frozenset(edges[:4]), frozenset(edges[3:9])]
    lots = chance_agreements(edges, kept, seed=0)
    common = np.arange(5)
    expected = (stats.hypergeom(10, 4, 6).pmf(common) * common / (10 - common)).sum()
    assert lots.mean() == pytest.approx(expected, abs=4 * lots.std() / np.sqrt(len(lots)))


def test_by_lot_every_block_keeps_its_number() -> None:
    edges = [Edge(0, 5), Edge(1, 5), Edge(0, 6), Edge(1, 6)]
    whole = [frozenset(edges[:2])] * 2  # both inputs of 5, none of 6: nothing is left to chance
    assert set(chance_agreements(edges, whole, seed=0)) == {1.0}


def test_frequencies_by_hand() -> None:
    results = searches(4, signal=0.3)
    found = agreed(results, OPTIONS, seed=0)
    for row in found.rows():
        edge = Edge(row.source, row.target)
        weights = [structure.weights()[edge] for structure in results]
        assert row.frequency == sum(edge in kept for kept in found.kept) / 4
        assert row.weight == pytest.approx(np.mean(weights))
        assert row.spread == pytest.approx(np.std(weights, ddof=1))
    majority = {edge for edge, share in found.frequency.items() if share >= 0.5}
    assert found.consensus().edges <= majority
    drawn = found.frequencies()
    assert drawn.weights() == {e: s for e, s in found.frequency.items() if s > 0}
