"""An evolution that is killed again and again becomes what it would have become anyway."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.evolution.engine import Noise, read, start_worker

KILLS = 6

WAYS: dict[str, tuple[dict[str, Any], Noise, int]] = {
    "plain": ({}, Noise(seconds=0.02), 60),
    "elites": ({"elites": 2, "evaluations": 3}, Noise(seconds=0.02), 50),
    "ladder": (
        {"rungs": (0.3, 0.6), "survivors": 0.5, "elites": 1},
        Noise(seconds=0.03, rungs=2),
        70,
    ),
    "objectives": (
        {"objectives": ("accuracy", "macs"), "rungs": (0.5,), "removal": "oldest"},
        Noise(seconds=0.03, rungs=1, objectives=2),
        60,
    ),
}


def sequence(place: Path, chosen: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Everything about the children, in the order of birth, and about the population."""
    history = read(place, **chosen)
    assert not history.open
    children = [
        (
            history.child(n).hash,
            history.child(n).parents,
            history.child(n).steps,
            history.child(n).refused,
            history.judged[n].values,
            history.judged[n].pruned is not None,
        )
        for n in sorted(history.births)
    ]
    rows = [history.trials[number].facts for number in history.order]
    told = [(facts["child"], facts["evaluation"]) for facts in rows]
    return [*children, tuple(told), tuple(m.number for m in history.population.members)]


def begun(journal: Path) -> int:
    """How many children were born, as far as one can see from outside."""
    return journal.read_bytes().count(b'"birth":') if journal.exists() else 0


@pytest.mark.parametrize(
    "way",
    [
        "plain",
        *(pytest.param(way, marks=pytest.mark.slow) for way in ("elites", "ladder", "objectives")),
    ],
)
def test_killed_or_not_the_children_are_the_same(way: str, tmp_path: Path) -> None:
    chosen, fitness, rounds = WAYS[way]
    chosen = {"population": 6, "attempts": 99, **chosen}
    whole, killed = tmp_path / "whole.journal", tmp_path / "killed.journal"
    process = start_worker(whole, rounds=rounds, fitness=fitness, **chosen)
    rng = Random(way)
    for kill in range(1, KILLS + 1):
        victim = start_worker(killed, rounds=rounds, fitness=fitness, **chosen)
        while begun(killed) < kill * rounds // (KILLS + 2):
            time.sleep(0.005)
        time.sleep(rng.uniform(0.0, 0.05))
        os.kill(victim.pid, signal.SIGKILL)
        victim.join()
        assert victim.exitcode == -signal.SIGKILL
    last = start_worker(killed, rounds=rounds, fitness=fitness, **chosen)
    last.join(60)
    assert last.exitcode == 0
    process.join(60)
    assert process.exitcode == 0
    assert sequence(whole, chosen) == sequence(killed, chosen)
    causes = [t.facts.get("cause") for t in read(killed, **chosen).trials.values()]
    assert causes.count("its worker died") >= KILLS // 2
