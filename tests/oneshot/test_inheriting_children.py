"""A child starts from what its parent has left, and it is said what that was."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from connsearch.errors import RunError
from connsearch.evolution.child import Child
from connsearch.evolution.limits import Limits
from connsearch.evolution.steps import Step, replay
from tests.oneshot.judging import (
    child,
    fitness,
    identity,
    is_free,
    judged,
    stopped,
    task,
)
from tests.training.tiny import tiny_structure


@pytest.mark.parametrize("method", ["assemblenet", "connsearch"])
def test_a_child_starts_where_its_parent_ended(tmp_path: Path, method: str) -> None:
    fit = fitness(tmp_path, origins=identity, connection_lr=0.0, method=method)
    first = judged(fit, task(seed=1))
    assert first.outcome.facts["inherited"] == {"from": None, "why": "it has no parent"}
    second = judged(fit, task(child(1, parents=(0,)), seed=2))
    assert second.outcome.facts["inherited"] == {"from": 0, "share": 1.0}
    assert dict(second.outcome.weights) == pytest.approx(dict(first.outcome.weights), abs=1e-6)
    assert max(abs(w - 0.5) for w in first.outcome.weights.values()) > 1e-4
    anew = judged(fitness(tmp_path / "anew", connection_lr=0.0, method=method), task(seed=2))
    assert dict(anew.outcome.weights) != pytest.approx(dict(first.outcome.weights), abs=1e-4)
    assert "inherited" not in anew.outcome.facts


def test_a_mutant_inherits_what_it_can_and_goes_on_like_any_other(tmp_path: Path) -> None:
    start = tiny_structure()
    limits, steps = Limits.of(start, narrowest=1), (Step("add_stem", 3),)
    made = replay(start, steps, limits)
    born = child(1, made.structure, parents=(0,), steps=steps)

    def origins(asked: Child) -> Sequence[Sequence[int]]:
        return replay(start, asked.steps, limits).origins

    for name, stops in (("whole", ()), ("stopped", (3, 5))):
        fit = fitness(tmp_path / name, origins=origins, checkpoint_steps=2)
        judged(fit, task())
        for stop in stops:
            stopped(fit, task(born), stop)
    ends = [
        judged(fitness(tmp_path / n, origins=origins, checkpoint_steps=2), task(born))
        for n in ("whole", "stopped")
    ]
    assert ends[0].lasting == ends[1].lasting
    found = ends[0].outcome.facts["inherited"]
    assert found["from"] == 0
    assert 0.2 < found["share"] < 1


def test_why_nothing_is_inherited_is_said(tmp_path: Path) -> None:
    born = child(1, parents=(0,))
    unknown = judged(fitness(tmp_path, origins=lambda _: None, epochs=1), task(born))
    assert "unknown" in unknown.outcome.facts["inherited"]["why"]
    away = judged(fitness(tmp_path / "b", origins=identity, epochs=1), task(born))
    assert "no 0000-0/learned.safetensors" in away.outcome.facts["inherited"]["why"]


def test_where_a_child_started_stays_decided(tmp_path: Path) -> None:
    fit, born = fitness(tmp_path, origins=identity, checkpoint_steps=2), child(1, parents=(0,))
    stopped(fit, task(born), 3)
    judged(fit, task())  # the parent's weights come too late
    assert judged(fit, task(born)).outcome.facts["inherited"]["from"] is None
    other, same = child(2, parents=(0,)), child(3, parents=(0,))
    whole = judged(fit, task(same)).lasting
    stopped(fit, task(other), 1)
    stopped(fit, task(other), 3)
    fit.discard_weights(())
    rest = judged(fit, task(other)).lasting
    assert rest.facts["inherited"] == {"from": 0, "share": 1.0}
    assert rest.weights == whole.weights
    assert rest.values == whole.values
    assert not (tmp_path / "0002-0" / "first.safetensors").exists()
    assert judged(fit, task(other)).lasting == rest


def test_weights_that_went_before_a_child_began_are_missed(tmp_path: Path) -> None:
    fit, born = fitness(tmp_path, origins=identity, epochs=1), child(1, parents=(0,))
    judged(fit, task())
    stopped(fit, task(born), 1)
    (tmp_path / "0001-0" / "first.safetensors").unlink()
    fit.discard_weights(())
    with pytest.raises(RunError, match=r"inherited\.from: the run has 0"):
        judged(fit, task(born))
    assert is_free(tmp_path / "0001-0")
