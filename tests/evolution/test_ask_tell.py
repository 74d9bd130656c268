"""Asking and telling: in order, once each, and nothing costs more than it should."""

from __future__ import annotations

import math
from typing import Any

import pytest

from connsearch.evolution.child import Outcome, Rung, Task
from connsearch.evolution.history import key_of
from connsearch.evolution.study.evolution import Evolution, OrderError
from connsearch.evolution.study.lease import lease
from connsearch.evolution.study.study import Study
from tests.evolution.engine import evolution_of, options_of, space_of, study_of

ELSEWHERE = {"host": "far", "place": "another boot/pid:[1]", "pid": 1, "born": "1"}


def ask(evolution: Evolution, rounds: int = 99) -> Task:
    task = evolution.ask(rounds=rounds)
    assert task is not None
    return task


def value(task: Task) -> Outcome:
    return Outcome((task.seed % 1009 / 1009,))


def judge(evolution: Evolution, children: int) -> list[Task]:
    tasks = [ask(evolution)]
    evolution.tell(tasks[-1], value(tasks[-1]))
    while len(tasks) < children:
        tasks.append(ask(evolution))
        evolution.tell(tasks[-1], value(tasks[-1]))
    return tasks


def abandon(evolution: Evolution, task: Task) -> None:
    """Leaves a task as a worker of another machine that has died long ago leaves it."""
    evolution._leased.pop(task.trial)
    dead = {**lease("dead", length=0.0), **ELSEWHERE}
    evolution.study.note(task.trial, "lease", dead)


def sweep(evolution: Evolution) -> list[int]:
    """Looks twice: a lease runs out by the clock of whoever looks."""
    return [t.number for t in (*evolution.sweep(), *evolution.sweep())]


def test_telling_twice_is_refused() -> None:
    evolution = evolution_of()
    task = ask(evolution)
    assert evolution.leased == (task,)
    assert evolution.tell(task, value(task))
    for late in (
        lambda: evolution.tell(task, value(task)),
        lambda: evolution.fail(task, "again"),
        lambda: evolution.prune(task),
        lambda: evolution.report(task, Rung(0, (0.5,))),
        lambda: evolution.forget(task),
    ):
        with pytest.raises(OrderError, match=r"trial 0 \(child 0\) is not assigned to this worker"):
            late()
    evolution.release(task, "nothing happens")
    assert evolution.history.trials[task.trial].state == "complete"


def test_the_task_of_another_is_refused() -> None:
    study = study_of("memory", options_of())
    mine, other = evolution_of(study), evolution_of(study)
    task = ask(other)
    with pytest.raises(OrderError, match="none, ask first"):
        mine.tell(task, value(task))
    held = ask(mine)
    assert held.child.number == 1
    with pytest.raises(OrderError, match=f"allowed: {held.trial}"):
        mine.fail(task, "not mine")
    assert other.tell(task, value(task)), "nothing has happened to it"


def test_a_wrong_number_of_values_is_refused_and_given_back() -> None:
    evolution = evolution_of(objectives=("accuracy", "macs"))
    task = ask(evolution)
    with pytest.raises(OrderError, match="1 values for the objectives accuracy, macs"):
        evolution.tell(task, Outcome((0.5,)))
    assert evolution.leased == (task,), "it can still be told, or released"
    assert evolution.tell(task, Outcome((0.5, 10.0)))


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_an_outcome_that_is_not_finite_costs_an_attempt(wrong: float) -> None:
    evolution = evolution_of(attempts=2)
    task = ask(evolution)
    assert not evolution.tell(task, Outcome((wrong,)))
    again = ask(evolution)
    assert (again.child, again.attempt, again.seed) == (task.child, 1, task.seed)
    assert not evolution.tell(again, Outcome((wrong,)))
    assert "not finite" in evolution.history.trials[again.trial].facts["cause"]
    assert list(evolution.history.judged[0].lost) == [0]
    assert evolution.history.population.members == []
    assert ask(evolution).child.number == 1


def test_attempts_are_used_up() -> None:
    evolution = evolution_of(attempts=3)
    task = ask(evolution)
    assert evolution.fail(task, "out of memory")
    assert evolution.fail(ask(evolution), "out of memory")
    last = ask(evolution)
    assert (last.child.number, last.attempt) == (0, 2)
    assert not evolution.fail(last, "out of memory")
    assert [t.facts.get("given_up") for t in evolution.history.trials.values()] == [
        None,
        None,
        True,
    ]
    assert not evolution.history.order, "it does not count"
    assert not evolution.history.orphans
    assert ask(evolution).child.number == 1


def test_a_release_costs_nothing() -> None:
    evolution = evolution_of(attempts=2)
    for attempt in range(5):
        task = ask(evolution)
        assert (task.child.number, task.attempt) == (0, attempt)
        evolution.release(task, "interrupted")
    assert evolution.fail(ask(evolution), "once")
    assert not evolution.fail(ask(evolution), "twice")


def test_elites_are_judged_again_when_they_are_settled() -> None:
    evolution = evolution_of(population=4, elites=2, evaluations=3)
    first = judge(evolution, 4)
    assert [t.child.number for t in first] == [0, 1, 2, 3], "not before the population is full"
    one, other, birth = ask(evolution), ask(evolution), ask(evolution)
    best = [m.number for m in evolution.history.population.members[:2]]
    assert [t.child.number for t in (one, other)] == best
    assert [t.evaluation for t in (one, other, birth)] == [1, 1, 0]
    assert birth.child.number == 4, "an elite that is being judged is not asked for once more"
    seeds = {t.seed for t in (*first, one, other, birth)}
    assert len(seeds) == 7
    evolution.fail(one, "died")
    again = ask(evolution)
    assert (again.child, again.evaluation, again.attempt) == (one.child, 1, 1)
    assert again.seed == one.seed


def test_elites_are_judged_so_often_and_no_more() -> None:
    evolution = evolution_of(population=4, elites=1, evaluations=3)
    tasks = judge(evolution, 60)
    times = {n: sum(t.child.number == n for t in tasks) for n in evolution.history.births}
    assert max(times.values()) == 3
    for number, judged in evolution.history.judged.items():
        assert len(judged.values) == times[number]
        assert evolution.history.standing(number).evaluations == times[number]
    assert times[evolution.history.population.members[0].number] == 3


def test_an_elite_whose_repetition_is_lost_is_settled() -> None:
    evolution = evolution_of(population=3, elites=1, evaluations=3, attempts=1)
    judge(evolution, 3)
    task = ask(evolution)
    assert task.evaluation == 1
    evolution.fail(task, "died")
    after = ask(evolution)
    assert (after.child.number, after.evaluation) == (task.child.number, 2)
    assert evolution.history.standing(task.child.number).evaluations == 1


def test_the_dead_are_swept_and_their_children_asked_for_again() -> None:
    study = study_of("memory", options_of())
    dying, living = evolution_of(study), evolution_of(study)
    task = ask(dying)
    abandon(dying, task)
    assert sweep(living) == [task.trial]
    assert living.history.trials[task.trial].facts["cause"] == "its worker died"
    again = ask(living)
    assert (again.child, again.attempt, again.seed) == (task.child, 1, task.seed)


def test_no_task_is_left_at_the_end() -> None:
    """The last child of all is the one whose worker died."""
    study = study_of("memory", options_of())
    dying, living = evolution_of(study), evolution_of(study)
    task = ask(dying, rounds=1)
    assert living.ask(rounds=1) is None
    assert len(living.history.open) == 1
    abandon(dying, task)
    assert sweep(living) == [task.trial]
    assert ask(living, rounds=1).child.number == 0


def test_a_worker_does_not_sweep_itself() -> None:
    evolution = evolution_of(lease=0.0)
    task = ask(evolution)
    assert sweep(evolution) == []
    assert evolution.tell(task, value(task))


def test_a_worker_that_was_taken_for_dead_does_not_count() -> None:
    study = study_of("memory", options_of())
    slow, quick = evolution_of(study), evolution_of(study)
    task = ask(slow)
    quick.study.note(task.trial, "lease", {**lease("slow", length=0.0), **ELSEWHERE})
    assert sweep(quick) == [task.trial]
    assert not slow.renew(task)
    assert slow.report(task, Rung(0, (0.5,))), "whether it goes on is not for a dead one to say"
    again = ask(quick)
    assert quick.tell(again, Outcome((0.25,)))
    assert not slow.tell(task, Outcome((0.75,)))
    assert slow.history.judged[0].values == {0: (0.25,)}


def test_a_sign_of_life_keeps_a_task() -> None:
    study = study_of("memory", options_of())
    one, other = evolution_of(study), evolution_of(study)
    task = ask(one)
    for beat in range(1, 4):
        assert one.renew(task)
        assert sweep(other) == []
        assert other.history.trials[task.trial].facts["lease"]["beat"] == beat


def test_two_that_want_the_same_get_different_children(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second looks at the study before the first has begun its child."""
    study = study_of("memory", options_of())
    quick, slow = evolution_of(study), evolution_of(study)
    begun: list[Task] = []
    real = Study.create

    def overtaken(self: Study, state: Any, facts: Any) -> int:
        if not begun:
            monkeypatch.setattr(Study, "create", real)
            begun.append(ask(quick))
        return real(self, state, facts)

    monkeypatch.setattr(Study, "create", overtaken)
    task = ask(slow)
    assert (begun[0].child.number, task.child.number) == (0, 1)
    void = slow.history.voids
    assert len(void) == 1
    assert slow.history.trials[next(iter(void))].facts["cause"].startswith("void")


@pytest.mark.parametrize("times", [1, 2])
def test_a_birth_whose_answer_was_lost_is_still_this_workers(
    monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """The storage had taken it, was away, and was asked once more."""
    evolution = evolution_of()
    real = Study.create

    def repeated(self: Study, state: Any, facts: Any) -> int:
        for _ in range(times):
            real(self, state, facts)
        return real(self, state, facts)

    monkeypatch.setattr(Study, "create", repeated)
    task = ask(evolution)
    monkeypatch.setattr(Study, "create", real)
    assert (task.trial, task.child.number) == (0, 0)
    assert evolution.tell(task, value(task))
    following = ask(evolution)
    assert following.child.number == 1
    assert evolution.tell(following, value(following))
    assert not evolution.history.open
    assert len(evolution.history.voids) == times


def test_an_end_whose_answer_was_lost_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    evolution = evolution_of()
    real = Study.finish

    def repeated(self: Study, *given: Any) -> bool:
        real(self, *given)
        return real(self, *given)

    monkeypatch.setattr(Study, "finish", repeated)
    task = ask(evolution)
    assert evolution.tell(task, value(task))
    task = ask(evolution)
    assert evolution.prune(task)


def test_one_death_costs_one_attempt_whoever_sweeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweeper dies between its words about the dead one and the end of the trial."""
    study = study_of("memory", options_of())
    dying, first, second = (evolution_of(study, attempts=2) for _ in range(3))
    task = ask(dying)
    abandon(dying, task)
    real = Study.finish

    def killed(*_: Any) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(Study, "finish", killed)
    with pytest.raises(KeyboardInterrupt):
        sweep(first)
    monkeypatch.setattr(Study, "finish", real)
    assert sweep(second) == [task.trial]
    again = ask(second)
    assert (again.child.number, again.attempt) == (0, 1)
    assert second.history.trials[again.trial].facts["strikes"] == 1


def test_an_orphan_is_queued_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweeper dies when the trial has ended, and nobody waits in its place yet."""
    study = study_of("memory", options_of())
    dying, first, second = (evolution_of(study) for _ in range(3))
    task = ask(dying)
    abandon(dying, task)
    real = Study.create

    def killed(*_: Any) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(Study, "create", killed)
    with pytest.raises(KeyboardInterrupt):
        sweep(first)
    monkeypatch.setattr(Study, "create", real)
    assert sweep(second) == [], "its trial has ended already"
    again = ask(second)
    assert (again.child.number, again.attempt) == (0, 1)


def test_two_sweepers_queue_a_child_once() -> None:
    study = study_of("memory", options_of())
    dying, one, other = (evolution_of(study) for _ in range(3))
    task = ask(dying)
    abandon(dying, task)
    one.sweep()
    other.sweep()
    one._tasks.queue_again(one.history.trials[task.trial])
    other._tasks.queue_again(other.history.trials[task.trial])  # it has not looked since
    one.study.finish(task.trial, "failed")
    tasks = [one.ask(rounds=1), other.ask(rounds=1)]
    assert sum(t is not None for t in tasks) == 1
    assert [key_of(t)[2] for t in one.history.trials.values()] == [0, 1, 1]
    other.refresh()
    assert len(other.history.voids) == 1
    assert [t.state for t in other.history.open.values()] == ["running"]


def test_rungs_of_several_objectives_are_ours() -> None:
    evolution = evolution_of(
        objectives=("accuracy", "macs"), rungs=(0.5,), survivors=0.5, population=2
    )
    goes_on = []
    for accuracy, macs in ((0.5, 10.0), (0.4, 20.0), (0.6, 30.0), (0.7, 5.0), (0.1, 99.0)):
        task = ask(evolution)
        goes_on.append(evolution.report(task, Rung(0, (accuracy, macs))))
        if goes_on[-1]:
            evolution.tell(task, Outcome((accuracy, macs)))
        else:
            assert evolution.prune(task)
    assert goes_on == [True, True, True, True, False], "the first two fill the population"
    assert len(evolution.history.order) == 4
    assert evolution.history.judged[4].pruned is not None


def test_rungs_of_one_objective_are_optunas() -> None:
    evolution = evolution_of(rungs=(0.25, 0.5), survivors=0.5, population=2)
    assert evolution.study.reduction == 2
    went: list[list[bool]] = []
    for first, second in ((0.5, 0.6), (0.4, 0.9), (0.6, 0.95), (0.55, 0.1), (0.3, 1.0)):
        task = ask(evolution)
        went.append([evolution.report(task, Rung(0, (first,)))])
        if went[-1][0]:
            went[-1].append(evolution.report(task, Rung(1, (second,))))
        _ = evolution.tell(task, Outcome((second,))) if all(went[-1]) else evolution.prune(task)
    assert went == [[True, True], [True, True], [True, True], [True, False], [False]]


def test_a_share_that_is_no_fraction_of_children_is_ours() -> None:
    evolution = evolution_of(rungs=(0.5,), survivors=0.75)
    assert evolution.study.reduction is None
    task = ask(evolution)
    assert evolution.report(task, Rung(0, (0.5,)))


@pytest.mark.parametrize("objectives", [("accuracy",), ("accuracy", "macs")])
def test_a_failed_attempt_does_not_compete_on_the_ladder(objectives: tuple[Any, ...]) -> None:
    """Its child climbs again with the same values; counted twice they would end others."""
    chosen = {"objectives": objectives, "rungs": (0.5,), "population": 2}
    evolution = evolution_of(study_of("memory", options_of(**chosen)), **chosen, attempts=9)
    width = len(objectives)
    for attempt in range(4):
        task = ask(evolution)
        assert (task.child.number, task.attempt) == (0, attempt)
        assert evolution.report(task, Rung(0, (0.9, 1.0)[:width]))
        if attempt < 3:
            evolution.release(task, "interrupted")
        else:
            evolution.tell(task, Outcome((0.9, 1.0)[:width]))
    goes_on = []
    for accuracy in (0.5, 0.6, 0.7):
        task = ask(evolution)
        goes_on.append(evolution.report(task, Rung(0, (accuracy, 1.0)[:width])))
        evolution.prune(task)
    assert goes_on[-1], "the second of four"


@pytest.mark.parametrize("objectives", [("accuracy",), ("accuracy", "macs")])
def test_a_child_that_was_given_up_does_not_compete_either(objectives: tuple[Any, ...]) -> None:
    evolution = evolution_of(objectives=objectives, rungs=(0.5,), attempts=1, population=2)
    width = len(objectives)
    for accuracy in (0.7, 0.8, 0.9):
        task = ask(evolution)
        evolution.report(task, Rung(0, (accuracy, 1.0)[:width]))
        evolution.fail(task, "died")
    assert evolution.report(ask(evolution), Rung(0, (0.5, 1.0)[:width]))


def test_repetitions_do_not_climb() -> None:
    evolution = evolution_of(population=2, elites=1, evaluations=2, rungs=(0.5,))
    judge(evolution, 2)
    task = ask(evolution)
    assert task.evaluation == 1
    assert evolution.report(task, Rung(0, (-1.0,)))
    assert evolution.history.trials[task.trial].rungs == {}


def test_where_there_are_no_rungs_everything_goes_on() -> None:
    evolution = evolution_of()
    assert evolution.report(ask(evolution), Rung(0, (0.0,)))


def test_the_space_of_an_evolution_is_that_of_its_options() -> None:
    evolution = evolution_of(most_blocks=2)
    assert evolution.space == space_of(evolution.options)
