"""One worker, from its first question to the reason why it stops."""

from __future__ import annotations

import errno
import os
import re
import threading
import time
from collections.abc import Callable, Generator
from typing import Any

import pytest

from connsearch.errors import Failure, SettingsError
from connsearch.evolution.child import Outcome, Rung, Task
from connsearch.evolution.options import StopOptions
from connsearch.evolution.proposal import ExhaustedError
from connsearch.evolution.study import worker as worker_module
from connsearch.evolution.study.events import (
    Asked,
    EndedEarly,
    EvolutionBegan,
    Failed,
    Inside,
    Lost,
    Swept,
    Told,
    Waiting,
    WorkerEvent,
    WorkerStopped,
)
from connsearch.evolution.study.evolution import Evolution
from connsearch.evolution.study.lease import lease
from connsearch.evolution.study.patience import StorageError
from connsearch.evolution.study.study import Study
from connsearch.evolution.study.worker import IN_A_ROW, work
from connsearch.files.disk import disk_full
from tests.evolution.engine import Noise, evolution_of, options_of, study_of


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "_POLL", 0.01)


def judge(
    outcome: Callable[[Task], Outcome] = lambda task: Outcome((task.seed % 97 / 97,)),
    *events: Any,
    closed: list[int] | None = None,
) -> Any:
    """An evaluation that yields some events and returns, or raises, what a function does."""

    def evaluate(task: Task) -> Generator[Any, None, Outcome]:
        try:
            yield from events
            yield "begun"
            return outcome(task)
        finally:
            if closed is not None:
                closed.append(task.trial)

    return evaluate


def fails(error: BaseException) -> Callable[[Task], Outcome]:
    def outcome(_: Task) -> Outcome:
        raise error

    return outcome


def run(evolution: Evolution, evaluate: Any = None, **stop: Any) -> list[WorkerEvent]:
    """What a worker says after it has said which evolution it works on."""
    events = work(evolution, evaluate or judge(), StopOptions(**{"rounds": 6, **stop}))
    assert isinstance(next(events), EvolutionBegan)
    return list(events)


def of(kind: type, events: list[WorkerEvent]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_disk_that_refuses_costs_no_child(code: int) -> None:
    study = study_of("memory", options_of())
    refused = OSError(code, os.strerror(code), "config.json")
    wanted = disk_full("config.json", refused) if code == errno.ENOSPC else refused
    for _ in range(5):  # more often than a child may fail
        with pytest.raises(OSError, match=re.escape(os.strerror(code).lower()[1:])):
            run(evolution_of(study), judge(fails(wanted)))
    evolution = evolution_of(study)
    run(evolution)
    assert len(evolution.history.judged) == 6
    assert all(judged.values for judged in evolution.history.judged.values())


def test_it_works_to_the_last_round() -> None:
    evolution = evolution_of()
    events = run(evolution, rounds=4)
    assert [type(e).__name__ for e in events] == ["Asked", "Inside", "Told"] * 4 + ["WorkerStopped"]
    assert [e.task.child.number for e in of(Told, events)] == [0, 1, 2, 3]
    assert all(e.counts for e in of(Told, events))
    assert of(Inside, events)[0].event == "begun"
    assert events[-1] == WorkerStopped("4 children")
    assert [e.task.child.number for e in of(Told, run(evolution, rounds=6))] == [4, 5]


def test_it_gives_up_what_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[int] = []

    def slow(task: Task) -> Outcome:
        return Outcome((0.5,))

    def evaluate(task: Task) -> Generator[Any, None, Outcome]:
        try:
            for _ in range(200):
                yield "still"
                time.sleep(0.002)
            return slow(task)
        finally:
            closed.append(task.trial)

    evolution = evolution_of(attempts=1)
    events = run(evolution, evaluate, rounds=2, child_minutes=0.02 / 60)
    assert [e.cause for e in of(Failed, events)] == ["longer than 0.000333333 minutes"] * 2
    assert [e.again for e in of(Failed, events)] == [False, False]
    assert closed == [0, 1], "the evaluation was closed"


def test_a_refusal_ends_it_and_gives_the_task_back() -> None:
    evolution = evolution_of(attempts=1)
    with pytest.raises(SettingsError, match="no such class"):
        run(evolution, judge(fails(SettingsError("no such class"))))
    assert evolution.leased == ()
    assert [t.state for t in evolution.history.trials.values()] == ["failed", "waiting"]
    assert not evolution.history.judged[0].lost
    assert of(Told, run(evolution, rounds=1))[0].task.attempt == 1


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_an_interruption_gives_the_task_back(end: type[BaseException]) -> None:
    evolution = evolution_of(attempts=1)
    with pytest.raises(end):
        run(evolution, judge(fails(end())))
    assert evolution.history.trials[0].facts["cause"] == "interrupted"
    assert [t.state for t in evolution.history.open.values()] == ["waiting"]


@pytest.mark.parametrize("at", [Asked, Inside])
def test_whoever_stops_listening_gives_the_task_back(at: type) -> None:
    evolution, closed = evolution_of(), list[int]()
    events = work(evolution, judge(closed=closed), StopOptions(rounds=3))
    for event in events:
        if isinstance(event, at):
            break
    events.close()  # type: ignore[attr-defined]
    assert evolution.leased == ()
    assert [t.state for t in evolution.history.open.values()] == ["waiting"]
    assert closed == ([0] if at is Inside else [])


def test_a_failure_costs_an_attempt_and_is_told() -> None:
    evolution = evolution_of(attempts=2)
    events = run(evolution, judge(fails(MemoryError("8 GiB"))), rounds=1)
    assert [(e.cause, e.again) for e in of(Failed, events)] == [
        ("MemoryError: 8 GiB", True),
        ("MemoryError: 8 GiB", False),
    ]
    assert events[-1] == WorkerStopped("1 children")


def test_an_outcome_that_is_not_finite_is_a_failure() -> None:
    evolution = evolution_of(attempts=1)
    events = run(evolution, judge(lambda _: Outcome((float("nan"),))), rounds=1)
    assert [(e.cause, e.again) for e in of(Failed, events)] == [("not finite: [nan]", False)]
    assert not of(Told, events)
    chosen = {"rungs": (0.5,), "attempts": 1}
    events = run(evolution_of(**chosen), judge(fails(AssertionError()), Rung(0, (float("inf"),))))
    assert of(Failed, events)[0].cause == "rung 0: not finite: [inf]"


def test_many_failures_in_a_row_are_nobodys_children() -> None:
    evolution = evolution_of(attempts=3)
    events: list[WorkerEvent] = []
    working = work(evolution, judge(fails(Failure("no disk"))), StopOptions(rounds=99))
    with pytest.raises(Failure, match=f"last {IN_A_ROW} attempts have all failed.*no disk"):
        events.extend(working)
    assert len(of(Failed, events)) == IN_A_ROW


def test_failures_between_successes_go_on() -> None:
    tried: list[int] = []

    def sometimes(task: Task) -> Outcome:
        tried.append(task.trial)
        if len(tried) % IN_A_ROW:
            raise Failure("no disk")
        return Outcome((0.5,))

    events = run(evolution_of(attempts=1), judge(sometimes), rounds=30)
    assert len(of(Failed, events)) == 27


def test_it_stops_when_nothing_gets_better() -> None:
    evolution = evolution_of()
    falling = judge(lambda task: Outcome((1.0 - task.child.number / 100,)))
    events = run(evolution, falling, rounds=99, stagnation=7)
    assert events[-1] == WorkerStopped("the last 7 children were no better")
    assert len(of(Told, events)) == 8


def test_it_begins_nothing_after_its_hours() -> None:
    events = run(evolution_of(), Noise(seconds=0.03), rounds=99, hours=0.1 / 3600)
    assert events[-1] == WorkerStopped("2.77778e-05 hours have passed")
    assert 1 <= len(of(Told, events)) <= 8


def test_it_stops_when_the_space_is_exhausted(monkeypatch: pytest.MonkeyPatch) -> None:
    evolution = evolution_of()

    def ask(**_: int) -> None:
        raise ExhaustedError("child 7: nothing new")

    monkeypatch.setattr(evolution, "ask", ask)
    assert run(evolution) == [WorkerStopped("child 7: nothing new")]


def test_it_waits_for_others_and_takes_over_from_the_dead() -> None:
    study = study_of("memory", options_of())
    other, mine = evolution_of(study), evolution_of(study)
    task = other.ask(rounds=1)
    assert task is not None
    events: list[WorkerEvent] = []
    for event in work(mine, judge(), StopOptions(rounds=1)):
        events.append(event)
        if len(of(Waiting, events)) == 3 and isinstance(event, Waiting):
            dead = {**lease("other", length=0.0), "place": "far"}
            other.study.note(task.trial, "lease", dead)
    assert of(Waiting, events)[0] == Waiting(1)
    assert [[t.number for t in e.trials] for e in of(Swept, events)] == [[task.trial]]
    assert [(e.task.child.number, e.task.attempt) for e in of(Told, events)] == [(0, 1)]
    assert isinstance(events[-1], WorkerStopped)


def test_the_dead_of_before_are_swept_before_anything_else() -> None:
    study = study_of("memory", options_of())
    other = evolution_of(study)
    task = other.ask(rounds=1)
    assert task is not None
    other.study.note(task.trial, "lease", {**lease("other", length=9.0), "born": "0"})
    events = run(evolution_of(study), rounds=1)
    assert isinstance(events[0], Swept)
    assert of(Told, events)[0].task.attempt == 1


def test_a_long_evaluation_is_kept_by_its_lease() -> None:
    study = study_of("memory", options_of())
    mine, other = evolution_of(study, lease=0.45), evolution_of(study)
    done = threading.Event()
    swept: list[Any] = []

    def watch() -> None:
        while not done.wait(0.02):
            swept.extend(other.sweep())

    def slow(task: Task) -> Outcome:
        time.sleep(1.2)
        return Outcome((0.5,))

    elsewhere = threading.Thread(target=watch)
    elsewhere.start()
    try:
        events = run(mine, judge(slow), rounds=1)
    finally:
        done.set()
        elsewhere.join()
    assert swept == []
    assert of(Told, events)[0].counts
    assert mine.history.trials[0].facts["lease"]["beat"] >= 2


def test_a_worker_that_was_taken_for_dead_lets_go() -> None:
    study = study_of("memory", options_of())
    mine, other = evolution_of(study, lease=0.03), evolution_of(study)
    closed: list[int] = []

    def evaluate(task: Task) -> Generator[Any, None, Outcome]:
        try:
            if task.attempt == 0:
                other.refresh()
                other._tasks.fail(task.trial, "its worker died")
            for _ in range(100):
                yield "still"
                time.sleep(0.01 if task.attempt == 0 else 0)
            return Outcome((0.5,))
        finally:
            closed.append(task.trial)

    events = run(mine, evaluate, rounds=1)
    assert [e.task.trial for e in of(Lost, events)] == [0]
    assert [e.task.attempt for e in of(Told, events)] == [1]
    assert closed == [0, 1]
    assert not of(Failed, events)


def test_a_storage_that_is_away_ends_it_as_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not as an answer out of order, and not as a child that failed."""
    evolution = evolution_of()

    def away(*_: Any) -> bool:
        raise StorageError("the study's storage does not answer")

    monkeypatch.setattr(Study, "finish", away)
    with pytest.raises(StorageError, match="does not answer"):
        run(evolution)
    assert [t.state for t in evolution.history.trials.values()] == ["running"]


def test_hopeless_children_end_early_for_one_objective() -> None:
    """With half going on, Optuna's pruner lets pass what is among the better half so far."""
    evolution = evolution_of(rungs=(0.5,), survivors=0.5)
    events = run(evolution, Noise(rungs=1), rounds=40)
    early, told = of(EndedEarly, events), of(Told, events)
    assert len(early) + len(told) == 40
    assert 10 <= len(early) <= 32
    assert all(evolution.history.judged[e.task.child.number].pruned for e in early)
    assert not any(evolution.history.judged[e.task.child.number].values for e in early)
    # Each was ended, or not, by those that had reached the rung before it.
    reached: list[float] = []
    expected: list[bool] = []
    for number in range(40):
        rows = [t for t in evolution.history.trials.values() if t.facts["child"] == number]
        value = rows[-1].rungs[0][0]
        reached.append(value)
        best = sorted(reached, reverse=True)[: max(1, len(reached) // 2)]
        founds = number < evolution.options.population
        expected.append(founds or value >= best[-1])
    assert [n for n in range(40) if not expected[n]] == [e.task.child.number for e in early]


def test_hopeless_children_end_early_for_several_objectives() -> None:
    evolution = evolution_of(objectives=("accuracy", "macs"), rungs=(0.3, 0.6), survivors=0.5)
    closed: list[int] = []
    noise = Noise(rungs=2, objectives=2)

    def evaluate(task: Task) -> Generator[Any, None, Outcome]:
        try:
            return (yield from noise(task))
        finally:
            closed.append(task.trial)

    events = run(evolution, evaluate, rounds=40)
    early = of(EndedEarly, events)
    assert {e.rung for e in early} == {0, 1}
    assert len(early) + len(of(Told, events)) == 40
    assert len(closed) == 40
    assert events[-1] == WorkerStopped("40 children")
