"""A study's history follows from its trials, whatever is told together with what."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connsearch.evolution.child import Outcome, Trial
from connsearch.evolution.history import History
from connsearch.evolution.population import Population, Removal
from tests.evolution.engine import evolution_of, start, trial


def history(removal: Removal = "worst", signs: tuple[int, ...] = (1,), size: int = 3) -> History:
    return History(start(), signs, Population(size, removal))


def told(turn: int, number: int, key: tuple[int, int, int], value: float) -> Trial:
    return trial(number, key, values=(value,), result={"turn": turn})


def state(found: History) -> tuple[object, ...]:
    """Everything a history says."""
    return (
        found.population.members,
        found.order,
        found.since_better,
        found.entered,
        found.voids,
        sorted(found.open),
        {k: t.number for k, t in found.last.items()},
        {k: t.number for k, t in found.orphans.items()},
        {n: (j.values, sorted(j.lost), j.pruned) for n, j in found.judged.items()},
        found.hashes,
        {n: found.begun(n) for n in found.births},
    )


def made(seed: int) -> list[list[Trial]]:
    """A made-up study as it grew: at every step, the rows that are new or have changed."""
    rng = Random(seed)
    rows: dict[int, Trial] = {}
    steps: list[list[Trial]] = []
    keys: list[tuple[int, int, int]] = []
    births = turn = 0
    for _ in range(rng.randint(1, 25)):
        waiting = [n for n, t in rows.items() if t.state in ("waiting", "running")]
        if waiting and rng.random() < 0.6:
            number = rng.choice(waiting)
            key = keys[number]
            kind = rng.choice(["complete", "complete", "failed", "pruned", "given up"])
            turn += rng.randint(0, 1)
            if kind == "complete":
                row = told(turn, number, key, float(rng.randint(0, 4)))
            elif kind == "given up":
                row = trial(number, key, "failed", given_up=True)
            else:
                row = trial(number, key, kind)
        else:
            number = len(rows)
            again = [k for n, k in enumerate(keys) if rows[n].state == "failed"]
            judged = [k for n, k in enumerate(keys) if rows[n].state == "complete"]
            choice = rng.random()
            if keys and choice < 0.1:
                key = rng.choice(keys)  # somebody wanted the same
            elif again and choice < 0.4:
                child, evaluation, attempt = rng.choice(again)
                key = (child, evaluation, attempt + 1)
            elif judged and choice < 0.6:
                child, evaluation, _ = rng.choice(judged)
                key = (child, evaluation + 1, 0)
            else:
                key, births = (births, 0, 0), births + 1
            keys.append(key)
            row = trial(number, key, rng.choice(["running", "waiting"]))
        rows[number] = row
        steps.append([row])
    return steps


@given(
    st.integers(0, 10**6), st.randoms(use_true_random=False), st.sampled_from(["worst", "oldest"])
)
@settings(max_examples=80)
def test_any_batches_of_a_study_say_the_same(seed: int, rng: Random, removal: Removal) -> None:
    steps = made(seed)
    one_by_one, at_once, by_chance = history(removal), history(removal), history(removal)
    for rows in steps:
        one_by_one.update(rows)
        one_by_one.update(rows)  # and twice
    final = {row.number: row for rows in steps for row in rows}
    at_once.update(final.values())
    pending: dict[int, Trial] = {}
    for rows in steps:
        pending |= {row.number: row for row in rows}
        if rng.random() < 0.3:
            by_chance.update(_shuffled(pending.values(), rng))
            pending = {}
    by_chance.update(pending.values())
    assert state(one_by_one) == state(at_once) == state(by_chance)


def _shuffled(rows: Iterable[Trial], rng: Random) -> list[Trial]:
    found = list(rows)
    rng.shuffle(found)
    return found


def test_a_late_outcome_takes_its_turn() -> None:
    """Told first, seen last: the population is what it is for somebody who opens the study now."""
    early, late = told(1, 5, (5, 0, 0), 0.9), told(2, 4, (4, 0, 0), 0.5)
    for order in ([early, late], [late, early]):
        found = history("worst")
        found.update([trial(n, (n, 0, 0), "running") for n in (4, 5)])
        for row in order:
            found.update([row])
        assert found.order == [5, 4]
        assert found.since_better == 1


def test_of_two_trials_with_one_key_the_first_counts() -> None:
    found = history()
    found.update([trial(0, (0, 0, 0), "running"), trial(1, (0, 0, 0), values=(0.9,))])
    assert found.voids == {1}
    assert not found.judged[0].values, "the second one was void, whatever it found"
    found.update([trial(0, (0, 0, 0), values=(0.1,))])
    assert found.judged[0].values == {0: (0.1,)}
    assert len(found.population.members) == 1


def test_a_late_second_completion_counts_once() -> None:
    found = history()
    found.update([told(1, 0, (0, 0, 0), 0.1)])
    found.update([told(2, 1, (0, 0, 1), 0.9)])
    assert found.judged[0].values == {0: (0.1,)}
    assert [m.values for m in found.population.members] == [(0.1,)]
    assert found.order == [0]


def test_a_failed_attempt_is_an_orphan_until_it_is_queued_again() -> None:
    found = history()
    found.update([trial(0, (0, 0, 0), "failed")])
    assert list(found.orphans) == [(0, 0)]
    found.update([trial(1, (0, 0, 1), "waiting")])
    assert not found.orphans
    found.update([trial(1, (0, 0, 1), "failed", given_up=True)])
    assert not found.orphans
    assert sorted(found.judged[0].lost) == [0]
    assert found.population.members == []


def test_a_void_failure_is_nobodys_orphan() -> None:
    found = history()
    found.update([trial(0, (0, 0, 0), "running"), trial(1, (0, 0, 0), "failed")])
    assert not found.orphans
    assert found.voids == {1}


def test_more_evaluations_of_a_member_are_averaged() -> None:
    found = history()
    found.update([told(1, 0, (0, 0, 0), 1.0), told(2, 1, (1, 0, 0), 0.8)])
    assert [m.number for m in found.population.members] == [0, 1]
    found.update([told(3, 2, (0, 1, 0), 0.2)])
    assert [(m.number, m.values, m.evaluations) for m in found.population.members] == [
        (1, (0.8,), 1),
        (0, (pytest.approx(0.6),), 2),
    ]
    assert found.begun(0) == 2
    assert found.begun(1) == 1


def test_what_is_minimised_is_turned_round() -> None:
    found = history(signs=(1, -1))
    found.update([trial(0, (0, 0, 0), values=(0.5, 100.0), result={"turn": 1})])
    assert found.population.members[0].values == (0.5, -100.0)
    assert found.judged[0].mean == (0.5, 100.0)


def test_since_better_counts_children_and_not_repetitions() -> None:
    found = history()
    for number, value in enumerate((0.5, 0.4, 0.3)):
        found.update([told(number, number, (number, 0, 0), value)])
    assert found.since_better == 2
    found.update([told(3, 3, (0, 1, 0), 0.5)])
    assert found.since_better == 2
    found.update([told(4, 4, (3, 0, 0), 0.6)])
    assert found.since_better == 0
    assert found.entered == len(found.judged)


def test_a_pruned_child_never_enters() -> None:
    found = history()
    found.update([trial(0, (0, 0, 0), "pruned")])
    assert found.judged[0].pruned is not None
    assert found.population.members == []
    assert not found.orphans


def test_a_child_is_read_back_as_it_was_born() -> None:
    evolution = evolution_of(population=3)
    for _ in range(8):
        task = evolution.ask(rounds=8)
        assert task is not None
        weights = {edge: 0.25 for edge in task.child.structure.edges()}
        evolution.tell(task, Outcome((task.seed % 97 / 97,), weights))
    again = History(start(), (1,), Population(3))
    again.update(list(evolution.history.trials.values()))
    for number in range(8):
        one, other = evolution.history.child(number), again.child(number)
        assert one == other
        assert one.structure.name == f"{start().name}-{number}"
        learned = again.learned(number)
        assert {c.weight for _, c in learned.connections()} <= {0.25, None}
