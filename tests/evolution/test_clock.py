"""Evolutions on a virtual clock: who does what, when, and in which order it is told."""

from __future__ import annotations

from collections.abc import Callable, Generator
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connsearch.errors import DataError, Failure, SettingsError
from connsearch.evolution.child import Outcome, Rung, Task
from connsearch.evolution.options import EvolutionOptions
from connsearch.evolution.proposal import ExhaustedError, Space
from connsearch.evolution.simulate.clock import (
    Elapsed,
    SimulatedFailure,
    busy_share,
    simulate,
    wall_seconds,
)
from connsearch.evolution.simulate.fitness import Planted
from connsearch.evolution.study.evolution import Evolution
from connsearch.evolution.study.storage import open_storage
from connsearch.evolution.study.study import Study
from tests.evolution.tasks import STARTER, task
from tests.graph.strategies import LAW


class FakeEngine:
    """Hands out children by number; keeps a record of everything said, in order.

    Args:
        needs: by child, how many must have been told before it can be born.
        exhausted: at which child nothing new can be made.
    """

    def __init__(self, needs: dict[int, int] | None = None, exhausted: int = 10**9) -> None:
        self.said: list[tuple[object, ...]] = []
        self.needs, self.exhausted = needs or {}, exhausted
        self.born = self.told = 0
        self.again: list[Task] = []

    def ask(self, *, rounds: int) -> Task | None:
        if self.again:
            found = self.again.pop()
        elif self.born == rounds or self.told < self.needs.get(self.born, 0):
            return None
        elif self.born == self.exhausted:
            raise ExhaustedError("no more")
        else:
            found = task(number=self.born)
            self.born += 1
        self.said.append(("ask", found.child.number))
        return found

    def tell(self, task: Task, outcome: Outcome) -> None:
        self.told += 1
        self.said.append(("tell", task.child.number, outcome.values[0]))

    def fail(self, task: Task, cause: str) -> None:
        self.said.append(("fail", task.child.number, cause))
        if task.attempt == 0:
            number = task.child.number
            self.again.append(Task(task.trial, task.child, 0, 1, number))

    def report(self, task: Task, rung: Rung) -> bool:
        self.said.append(("report", task.child.number, rung.number))
        return rung.values[0] > 0

    def prune(self, task: Task) -> None:
        self.said.append(("prune", task.child.number))


def lasting(seconds: Callable[[int], float]) -> Callable[[Task], Generator[Any, None, Outcome]]:
    """An evaluation whose duration follows from the child's number, and so does its value."""

    def evaluate(task: Task) -> Generator[Any, None, Outcome]:
        number = task.child.number
        return Outcome((number / 10,), facts={"seconds": seconds(number)})
        yield

    return evaluate


def _rows(engine: FakeEngine, evaluate: Any, workers: int, rounds: int) -> list[tuple[float, ...]]:
    done = simulate(engine, evaluate, workers, rounds=rounds)
    return [(t.task.child.number, t.worker, t.began, t.ended) for t in done]


def test_one_worker_does_one_after_the_other():
    engine = FakeEngine()
    rows = _rows(engine, lasting(lambda n: n + 1), 1, 3)
    assert rows == [(0, 0, 0, 1), (1, 0, 1, 3), (2, 0, 3, 6)]
    assert [word[:2] for word in engine.said] == [
        ("ask", 0),
        ("tell", 0),
        ("ask", 1),
        ("tell", 1),
        ("ask", 2),
        ("tell", 2),
    ]


def test_workers_tell_when_they_are_done_and_ask_at_once():
    engine = FakeEngine()
    durations = [5.0, 1.0, 2.0, 3.0]
    rows = _rows(engine, lasting(lambda n: durations[n]), 2, 4)
    assert rows == [(1, 1, 0, 1), (2, 1, 1, 3), (0, 0, 0, 5), (3, 1, 3, 6)]
    asked = [word[:2] for word in engine.said]
    assert asked[:4] == [("ask", 0), ("ask", 1), ("tell", 1), ("ask", 2)]


def test_ties_go_by_worker_number():
    engine = FakeEngine()
    rows = _rows(engine, lasting(lambda n: 1.0), 3, 6)
    assert [(child, worker) for child, worker, _, _ in rows] == [
        (0, 0),
        (1, 1),
        (2, 2),
        (3, 0),
        (4, 1),
        (5, 2),
    ]


def test_an_idle_worker_waits_until_somebody_has_told_enough():
    """Child 2 is born after two were told: worker 1 waits from 1 to 4."""
    engine = FakeEngine(needs={2: 2})
    rows = _rows(engine, lasting(lambda n: [4.0, 1.0, 1.0, 1.0][n]), 2, 4)
    assert rows == [(1, 1, 0, 1), (0, 0, 0, 4), (2, 0, 4, 5), (3, 1, 4, 5)]


def test_wall_clock_and_busy_share():
    done = simulate(FakeEngine(needs={2: 2}), lasting(lambda n: [4.0, 1.0][n]), 2, rounds=2)
    assert wall_seconds(done) == 4
    assert busy_share(done, 2) == pytest.approx(5 / 8)
    assert (wall_seconds([]), busy_share([], 3)) == (0, 1)


def test_evaluations_that_take_no_time_end_at_once():
    rows = _rows(FakeEngine(), lasting(lambda n: 0.0), 2, 5)
    assert sorted(rows) == [(n, worker, 0, 0) for n, worker in enumerate([0, 1, 0, 0, 0])]


@LAW
@given(st.integers(1, 9), st.integers(1, 40), st.integers(0, 999))
def test_nobody_does_two_things_at_once_and_nobody_idles_without_need(
    workers: int, rounds: int, seed: int
):
    durations = [Random(seed + n).choice([0.0, 1.0, 2.5, 7.0]) for n in range(rounds)]
    done = simulate(FakeEngine(), lasting(lambda n: durations[n]), workers, rounds=rounds)
    assert sorted(t.task.child.number for t in done) == list(range(rounds))
    assert [t.ended for t in done] == sorted(t.ended for t in done)
    for worker in range(workers):
        mine = [t for t in done if t.worker == worker]
        assert all(a.ended == b.began for a, b in pairwise(mine))
    whole = sum(durations)
    assert wall_seconds(done) <= whole / workers + max(durations) + 1e-9
    assert wall_seconds(done) >= whole / workers - 1e-9


def test_a_failed_attempt_takes_its_time_and_is_tried_again():
    def evaluate(task: Task) -> Generator[Any, None, Outcome]:
        if task.child.number == 0 and task.attempt == 0:
            raise SimulatedFailure("broken", 3.0)
        return Outcome((0.5,), facts={"seconds": 2.0})
        yield

    engine = FakeEngine()
    done = simulate(engine, evaluate, 2, rounds=2)
    assert [(t.task.child.number, t.task.attempt, t.began, t.ended, t.state) for t in done] == [
        (1, 0, 0, 2, "complete"),
        (0, 0, 0, 3, "failed"),
        (0, 1, 3, 5, "complete"),
    ]
    assert ("fail", 0, "broken") in engine.said
    assert done[1].outcome is None


def test_mistakes_end_the_simulation_and_other_failures_take_the_time_gone_by():
    def refused(task: Task) -> Generator[Any, None, Outcome]:
        raise DataError("not in the table")
        yield

    with pytest.raises(DataError, match="not in the table"):
        simulate(FakeEngine(), refused, 2, rounds=3)

    def late(task: Task) -> Generator[Any, None, Outcome]:
        yield Elapsed(1.5)
        raise Failure("out of memory")

    (first, second) = simulate(FakeEngine(), late, 1, rounds=1)
    assert (first.ended, second.ended, second.state) == (1.5, 3.0, "failed")


def test_rungs_are_reported_at_their_time_and_hopeless_children_end_there():
    closed: list[int] = []

    def evaluate(task: Task) -> Generator[Any, None, Outcome]:
        number = task.child.number
        try:
            yield Elapsed(2.0 + number)
            yield Rung(0, (1.0 - number,))
            yield "an event of no interest"
        except GeneratorExit:
            closed.append(number)
            raise
        return Outcome((0.1,), facts={"seconds": 10.0})

    kept: list[Generator[Any, None, Outcome]] = []  # or dropping them would close them

    def keeping(task: Task) -> Generator[Any, None, Outcome]:
        kept.append(evaluate(task))
        return kept[-1]

    engine = FakeEngine()
    done = simulate(engine, keeping, 2, rounds=2)
    assert [(t.task.child.number, t.ended, t.state) for t in done] == [
        (1, 3, "pruned"),
        (0, 10, "complete"),
    ]
    assert engine.said[2:] == [
        ("report", 0, 0),
        ("report", 1, 0),
        ("prune", 1),
        ("tell", 0, 0.1),
    ]
    assert closed == [1]


def test_a_space_that_is_exhausted_ends_it():
    rows = _rows(FakeEngine(exhausted=3), lasting(lambda n: 1.0), 2, 10)
    assert [row[0] for row in rows] == [0, 1, 2]


def test_there_is_at_least_one_worker():
    with pytest.raises(SettingsError, match="0 workers: an evolution needs at least one"):
        simulate(FakeEngine(), lasting(lambda n: 1.0), 0, rounds=1)


def _evolution(seed: int = 0, **options: Any) -> Evolution:
    chosen = EvolutionOptions(population=6, tournament=2, **options)
    space = Space.of(STARTER, chosen, classes=5, clip=(8, 32, 32))
    maximise = [True for _ in chosen.objectives]
    study = Study(open_storage("memory"), "clock", maximise, {}, reduction=2)
    return Evolution(study, space, chosen, seed=seed)


@pytest.mark.parametrize("workers", [1, 4])
def test_a_real_evolution_goes_through_and_is_the_same_every_time(workers: int):
    planted = Planted(seconds=10, failure=0.2, rungs=(0.25, 0.5), noise=0.01)

    def rows() -> list[tuple[object, ...]]:
        done = simulate(_evolution(rungs=(0.25, 0.5)), planted, workers, rounds=25)
        return [(t.worker, t.began, t.ended, t.state, t.task.child.hash) for t in done]

    first = rows()
    assert first == rows()
    states = [row[3] for row in first]
    assert {"complete", "pruned", "failed"} == set(states)
    assert len({row[4] for row in first}) == 25


def test_more_workers_are_done_sooner_and_know_less():
    planted = Planted(seconds=10, noise=0.0)
    walls: list[float] = []
    for workers in (1, 8):
        done = simulate(_evolution(include_start=False), planted, workers, rounds=40)
        walls.append(wall_seconds(done))
        assert len(done) == 40
        assert busy_share(done, workers) > 0.75
    assert 5 < walls[0] / walls[1] <= 8
