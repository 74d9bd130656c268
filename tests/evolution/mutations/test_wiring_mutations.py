"""Guided and uniform: what stays, what comes, and how many connections are expected."""

from __future__ import annotations

from collections import Counter
from random import Random
from statistics import mean, stdev

import pytest

from connsearch.evolution.limits import Limits
from connsearch.evolution.mutations.guided import survivors
from connsearch.evolution.wiring import rewired
from connsearch.graph.dag import candidate_edges
from connsearch.graph.files import load_structure
from connsearch.graph.space import over_connect
from connsearch.graph.spec import FREE, Edge, Structure
from tests.evolution.parents import backbone, learned, step
from tests.graph.wirings import random_structure
from tests.pruning.structures import drawn

SEEDS = range(2000)


def parent_named(name: str) -> Structure:
    """A published one as it is, or (``~``) with random weights in place of free ones."""
    structure = load_structure(name.removesuffix("~"))
    return learned(structure, Random(5)) if name.endswith("~") else structure


def children(parent: Structure, name: str, seeds: range = SEEDS) -> list[Structure]:
    """Returns the children; the parent where nothing changed."""
    limits = Limits.of(parent)
    made = (step(parent, name, seed, limits) for seed in seeds)
    return [parent if offspring is None else offspring.structure for offspring in made]


def strong_and_weak(parent: Structure, spare: int) -> tuple[Structure, list[Edge]]:
    """Returns a parent whose strong connections need no mending, and the strong ones."""
    strong = backbone(parent, spare)
    weights = {e: 0.9 if e in strong else 0.1 for e in parent.edges() if _joined(parent, e)}
    return parent.with_weights(weights), strong


def _joined(structure: Structure, edge: Edge) -> bool:
    return len(structure.block(edge.target).inputs) > 1


# how many


@pytest.mark.parametrize("name", ["guided", "guided:0.5", "uniform"])
@pytest.mark.parametrize(
    "start",
    ["starter~", "assemblenet-50", pytest.param("assemblenet_plus-50", marks=pytest.mark.slow)],
)
def test_the_number_of_connections_is_kept_in_expectation(start: str, name: str) -> None:
    parent = parent_named(start)
    sizes = [len(child.edges()) for child in children(parent, name)]
    assert len(set(sizes)) > 3
    assert abs(mean(sizes) - len(parent.edges())) < 3 * stdev(sizes) / len(sizes) ** 0.5


def test_where_more_go_than_can_come_the_number_shrinks() -> None:
    parent = load_structure("assemblenet_plus_lite")  # 44 of 46
    sizes = {len(child.edges()) for child in children(parent, "guided:0.5", range(50))}
    strong = sum(isinstance(w, float) and w > 0.5 for w in parent.weights().values())
    assert max(sizes) <= strong + 2 + 2  # two unused ones, and at most two mended
    complete = over_connect(load_structure("starter"))
    assert all(len(c.edges()) < 53 for c in children(complete, "uniform", range(50)))


def test_where_hardly_any_may_go_the_number_grows_a_little() -> None:
    """As the docstring says: each node needs a reader, and a mended one cannot go again."""
    like = load_structure("assemblenet-50")
    parent = learned(random_structure(like, connections=16, rng=Random(1)), Random(1))
    assert 16 < mean(len(c.edges()) for c in children(parent, "guided")) < 17.5


# what stays


def test_each_survives_with_its_weight_as_probability() -> None:
    parent = load_structure("assemblenet-50")
    strength = {e: w for e, w in parent.weights().items() if isinstance(w, float)}
    assert len(strength) == 28
    times = Counter(e for seed in SEEDS for e in survivors(strength, Random(seed), None))
    squares = [
        (times[e] - len(SEEDS) * w) ** 2 / (len(SEEDS) * w * (1 - w)) for e, w in strength.items()
    ]
    assert sum(squares) < 56.9  # chi-square of 28 degrees, one in a thousand


def test_certain_ones_survive_and_impossible_ones_do_not() -> None:
    certain, never = Edge(0, 2), Edge(1, 2)
    for seed in range(200):
        assert survivors({certain: 1.0, never: 0.0}, Random(seed), None) == [certain]


def test_a_constant_keeps_what_is_above_it() -> None:
    parent = load_structure("assemblenet-50")
    strength = {e: w for e, w in parent.weights().items() if isinstance(w, float)}
    bound = sorted(strength.values())[10]
    kept = survivors(strength, Random(0), bound)
    assert kept == sorted(e for e, w in strength.items() if w > bound)
    assert len(kept) == 17


@pytest.mark.parametrize("name", ["assemblenet-50", "assemblenet_plus-50", "starter"])
def test_a_constant_keeps_exactly_the_strong_ones(name: str) -> None:
    parent, strong = strong_and_weak(load_structure(name), spare=5)
    for child in children(parent, "guided:0.5", range(100)):
        assert set(child.edges()) & set(parent.edges()) == set(strong)
        known, learnt = child.weights(), parent.weights()
        assert all(known[e] == learnt[e] for e in strong if _joined(child, e) and learnt[e])
        assert all(known[e] == FREE for e in set(child.edges()) - set(strong))


def test_coefficient_1_stays_and_the_unlearned_stand_at_one_half() -> None:
    parent = load_structure("starter")
    for child in children(parent, "guided:0.49", range(5)):
        assert child is parent
    goes = children(parent, "guided:0.5", range(5))
    assert all(len(set(c.edges()) & set(parent.edges())) < 15 for c in goes)
    single = drawn((0, 0, 1), {2: {0: None}, 3: {1: None, 0: 0.9}, 4: {2: 0.9, 3: 0.9, 0: 0.1}})
    for child in children(single, "guided:0.95", range(30)):
        assert {Edge(0, 2), Edge(1, 3)} <= set(child.edges())


# what comes


def test_each_unused_one_comes_with_the_published_probability() -> None:
    parent, strong = strong_and_weak(load_structure("assemblenet-50"), spare=8)
    unused = set(candidate_edges(parent)) - set(parent.edges())
    share = 8 / len(unused)
    times = Counter(e for child in children(parent, "guided:0.5") for e in child.edges())
    assert all(times[e] == len(SEEDS) for e in strong)
    assert set(times) == set(strong) | unused
    spread = len(SEEDS) * share * (1 - share)
    squares = [(times[e] - len(SEEDS) * share) ** 2 / spread for e in unused]
    assert len(unused) == 56
    assert sum(squares) < 95  # chi-square of 56 degrees, one in a thousand


def test_uniform_removes_its_share() -> None:
    """Of connections nobody needs; others are sometimes brought back."""
    parent = over_connect(load_structure("assemblenet_plus-50"))
    gone = Counter(
        e
        for child in children(parent, "uniform:0.2", range(400))
        for e in set(parent.edges()) - set(child.edges())
    )
    rate = sum(gone.values()) / len(parent.edges()) / 400
    assert abs(rate - 0.2) < 0.01
    assert min(gone[e] for e in parent.edges() if e.target < 14) > 40


# mending


def test_mending_brings_back_the_strongest_under_its_weight() -> None:
    parent = drawn((0, 0, 1), {2: {0: 0.1, 1: 0.4}, 3: {0: 0.3, 1: 0.2}, 4: {2: 0.25, 3: 0.35}})
    worth = {e: w for e, w in parent.weights().items() if isinstance(w, float)}
    backs = Counter[Edge]()
    for seed in range(200):
        offspring = rewired(parent, [], worth, Random(seed))
        assert offspring is not None
        for edge, weight in offspring.structure.weights().items():
            if edge in worth:
                backs[edge] += 1
                assert weight in (worth[edge], None)
    assert backs[Edge(1, 2)] > 150
    assert Edge(0, 2) not in backs
    assert Edge(1, 3) not in backs


def test_what_mending_adds_is_taken_from_what_was_drawn() -> None:
    """With the drawn ones in excess, every child has as many as were drawn and kept."""
    parent = load_structure("assemblenet-50")
    kept = [e for e in parent.edges() if e.target != 14]  # the top has lost both inputs
    unused = len(candidate_edges(parent)) - len(parent.edges())
    worth = dict.fromkeys(parent.edges(), 0.5)
    for seed in range(300):
        twin = Random(seed)
        came = sum(twin.random() * unused < 2 for _ in range(unused))
        offspring = rewired(parent, kept, worth, Random(seed))
        size = len(parent.edges()) if offspring is None else len(offspring.structure.edges())
        assert size >= 28 + came
        if came >= 4:
            assert size == 28 + came


def test_the_baseline_does_not_look_at_weights() -> None:
    parent = load_structure("assemblenet-50")
    other = learned(parent.with_weights(dict.fromkeys(parent.edges(), FREE)), Random(9))
    for one, two in zip(
        children(parent, "uniform", range(50)), children(other, "uniform", range(50)), strict=True
    ):
        assert one.edges() == two.edges()


def test_unchanged_is_none() -> None:
    parent = load_structure("assemblenet-50")
    limits = Limits.of(parent)
    assert step(parent, "guided:0", 1, limits) is None
    sure = parent.with_weights(dict.fromkeys(parent.edges(), 1.0))
    assert step(sure, "guided", 1, limits) is None
    assert step(parent, "uniform:0", 1, limits) is None
