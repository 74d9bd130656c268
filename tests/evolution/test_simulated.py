"""Simulated fitnesses: what they prefer, how they scatter, and how they are named."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from math import log
from random import Random
from statistics import correlation, fmean, stdev

import pytest

from connsearch.errors import Failure, SettingsError, UnknownNameError, UserError
from connsearch.evolution.child import Rung
from connsearch.evolution.initial import initial_structure
from connsearch.evolution.limits import Limits
from connsearch.evolution.simulate.clock import Elapsed, SimulatedFailure
from connsearch.evolution.simulate.fitness import Planted, simulated
from connsearch.evolution.simulate.table import FitnessTable
from connsearch.graph.spec import Connection, Structure
from tests.evolution.tasks import STARTER, judged, task


@cache
def _random(seed: int, start: Structure = STARTER) -> Structure:
    return initial_structure(start, Limits.of(start), Random(seed))


def test_noise_has_its_standard_deviation_and_belongs_to_the_task():
    planted = Planted(noise=0.05, seconds=0)
    values = [judged(planted, task(seed=seed))[1].values[0] for seed in range(1500)]
    assert stdev(values) == pytest.approx(0.05, rel=0.1)
    assert fmean(values) == pytest.approx(planted.true(STARTER), abs=0.006)
    assert judged(planted, task(seed=7)) == judged(planted, task(seed=7, attempt=1, number=3))
    exact = judged(Planted(noise=0), task(seed=7))[1]
    assert exact.values[0] == exact.facts["true"] == planted.true(STARTER)


def test_without_scale_there_is_only_noise():
    planted = Planted(scale=0, noise=0.01, weight_noise=0)
    assert len({planted.true(_random(seed)) for seed in range(20)}) == 1
    assert set(judged(planted, task())[1].weights.values()) == {0.5}
    assert len({judged(planted, task(seed=seed))[1].values for seed in range(20)}) == 20


@pytest.mark.parametrize(("informative", "low", "high"), [(1, 0.8, 1), (0, -0.15, 0.15)])
def test_weights_say_what_they_are_told_to(informative: float, low: float, high: float):
    planted = Planted(informative=informative)
    logits: list[float] = []
    gains: list[float] = []
    for seed in range(40):
        structure = _random(seed)
        known, found = planted.gains(structure), judged(planted, task(structure, seed=seed))[1]
        assert all(0 <= w <= 1 for w in found.weights.values())
        logits += [log(w / (1 - w)) for w in found.weights.values()]
        gains += [known[edge] for edge in found.weights]
    assert low < correlation(logits, gains) < high


def test_single_inputs_have_no_weight_as_they_learn_none():
    starter_nodes = list(STARTER.nodes)
    starter_nodes[11] = replace(STARTER.block(11), connections=(Connection(9, None),))
    weights = judged(Planted(), task(replace(STARTER, nodes=tuple(starter_nodes))))[1].weights
    assert {target for _, target in weights} == {5, 6, 7, 8, 9, 10}


def test_durations_have_their_mean_and_scatter():
    planted = Planted(seconds=10, spread=0.5)
    seconds = [judged(planted, task(seed=seed))[1].facts["seconds"] for seed in range(2000)]
    assert fmean(seconds) == pytest.approx(10, rel=0.05)
    assert stdev(log(s) for s in seconds) == pytest.approx(0.5, rel=0.1)
    assert judged(Planted(seconds=10, spread=0), task())[1].facts["seconds"] == pytest.approx(10)
    assert judged(Planted(seconds=0), task())[1].facts["seconds"] == 0


def test_durations_are_slept_for_only_if_asked(monkeypatch: pytest.MonkeyPatch):
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    events, outcome = judged(Planted(), task())
    assert slept == []
    assert events == [Elapsed(outcome.facts["seconds"])]
    judged(Planted(sleep=True, rungs=(0.25, 0.5)), task())
    whole = outcome.facts["seconds"]
    assert slept == pytest.approx([whole / 4, whole / 4, whole / 2])


def _fails(planted: Planted, seed: int, attempt: int) -> bool:
    try:
        judged(planted, task(seed=seed, attempt=attempt))
    except SimulatedFailure:
        return True
    return False


def test_attempts_fail_with_their_probability_and_another_attempt_may_not():
    planted = Planted(failure=0.3)
    first = [_fails(planted, seed, 0) for seed in range(600)]
    second = [_fails(planted, seed, 1) for seed in range(600)]
    assert first == [_fails(planted, seed, 0) for seed in range(600)]
    assert 0.25 < fmean(first) < 0.35
    both = fmean(a and b for a, b in zip(first, second, strict=True))
    assert 0.05 < both < 0.13
    with pytest.raises(Failure, match="child 4, attempt 2: failed") as caught:
        judged(Planted(failure=1, seconds=10, spread=0), task(number=4, attempt=2))
    assert isinstance(caught.value, SimulatedFailure)
    assert 0 < caught.value.seconds < 10


def test_rungs_come_in_order_and_tell_ever_more():
    structures_ = [_random(seed) for seed in range(80)]
    planted = Planted(rungs=(0.1, 0.5), noise=0.01, seconds=20, spread=0)
    rows: list[tuple[float, ...]] = []
    for seed, structure in enumerate(structures_):
        events, outcome = judged(planted, task(structure, seed=seed))
        kinds = [type(event) for event in events]
        assert kinds == [Elapsed, Rung, Elapsed, Rung, Elapsed]
        assert [e.seconds for e in events if isinstance(e, Elapsed)] == pytest.approx([2, 10, 20])
        rungs = [event for event in events if isinstance(event, Rung)]
        assert [rung.number for rung in rungs] == [0, 1]
        rows.append((rungs[0].values[0], rungs[1].values[0], outcome.values[0]))
    low, middle, whole = zip(*rows, strict=True)
    assert fmean(low) < fmean(middle) < fmean(whole)
    true = [planted.true(structure) for structure in structures_]
    assert 0.3 < correlation(low, true) < correlation(middle, true) < correlation(whole, true)


def test_the_noise_of_a_rung_says_nothing_about_that_of_the_end():
    planted = Planted(rungs=(0.5,))
    pairs: list[tuple[float, float]] = []
    for seed in range(300):
        events, outcome = judged(planted, task(seed=seed))
        pairs += [(e.values[0], outcome.values[0]) for e in events if isinstance(e, Rung)]
    assert abs(correlation(*zip(*pairs, strict=True))) < 0.2


def test_objectives_come_in_their_order():
    planted = simulated("planted:noise=0", objectives=("macs", "accuracy", "latency"))
    macs, accuracy, latency = judged(planted, task())[1].values
    assert (macs, latency) == (2_000_000, 0.002)
    assert accuracy == Planted().true(STARTER)


def test_a_text_says_everything_a_fitness_has():
    assert simulated("planted") == Planted()
    text = "planted:noise=0.1, informative=-1,seconds=0.5,sleep=1,landscape=3,failure=0.1,scale=2"
    assert simulated(text, rungs=[0.5]) == Planted(
        landscape=3,
        scale=2,
        noise=0.1,
        informative=-1,
        seconds=0.5,
        sleep=True,
        failure=0.1,
        rungs=(0.5,),
    )


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("plented", UnknownNameError, "did you mean 'planted'"),
        ("", UnknownNameError, "Known: planted, table"),
        ("planted:nois=1", SettingsError, "did you mean 'noise'"),
        ("planted:rungs=1", SettingsError, "no setting named 'rungs'"),
        ("planted:noise", SettingsError, "settings look like noise=0.02,sleep=1"),
        ("planted:noise=", SettingsError, "noise is a number; read ''"),
        ("planted:noise=1,noise=2", SettingsError, "noise is given twice"),
        ("planted:noise=-1", SettingsError, "noise is a number from 0; read -1"),
        ("planted:seconds=nan", SettingsError, "seconds is a number from 0; read nan"),
        ("planted:informative=inf", SettingsError, "informative is a number"),
        ("planted:failure=2", SettingsError, "failure is a probability, 0 to 1; read 2"),
        ("planted:landscape=1.5", SettingsError, "landscape is a whole number; read '1.5'"),
        ("planted:sleep=2", SettingsError, "sleep is 0 or 1; read '2'"),
        ("table:", SettingsError, "table:FILE"),
        ("table:/no/such/file", UserError, "/no/such/file: cannot be read"),
    ],
)
def test_mistakes_in_a_text_are_named(text: str, kind: type[UserError], said: str):
    with pytest.raises(kind, match=said):
        simulated(text)


def test_many_evaluations_a_second():
    """2,000 a second on a quiet machine is the promise; a third of it here."""
    planted = Planted()
    wanted = [task(_random(seed), seed=seed) for seed in range(50)]
    best = min(_seconds(lambda: [judged(planted, one) for one in wanted]) for _ in range(5))
    assert 50 / best > 700


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def test_a_table_knows_no_rungs(tmp_path):
    with pytest.raises(SettingsError, match=r"table.*rungs.*planted"):
        simulated(f"table:{tmp_path}", rungs=(0.5,))
    assert FitnessTable({}).noise == 0
