"""The next child is new, valid, within the budget, and found without a network."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace

import pytest

from connsearch.errors import SettingsError
from connsearch.evolution import proposal
from connsearch.evolution.child import Outcome
from connsearch.evolution.proposal import ExhaustedError, Space, propose
from connsearch.evolution.study.evolution import Evolution
from connsearch.graph.hashing import same_structure
from connsearch.graph.rules import validate
from connsearch.pruning.budget import parse_budgets
from tests.evolution.engine import CLIP, evolution_of, options_of, space_of, start


def grown(children: int, **chosen: object) -> Evolution:
    """An evolution in which so many children were judged, by chance."""
    evolution = evolution_of(**chosen)  # type: ignore[arg-type]
    for _ in range(children):
        task = evolution.ask(rounds=children)
        assert task is not None
        weights = {e: (task.seed >> 7) % 89 / 89 for e in task.child.structure.edges()}
        evolution.tell(task, Outcome((task.seed % 97 / 97,), weights))
    return evolution


@pytest.mark.parametrize("strategy", ["guided", "uniform", "nodes", "random"])
def test_children_are_new_and_valid(strategy: str) -> None:
    history = grown(40, strategy=strategy).history
    children = [history.child(n) for n in range(40)]
    for child in children:
        validate(child.structure)
        assert child.structure.name == f"{start().name}-{child.number}"
        assert bool(child.parents) == (strategy != "random" and child.number >= 5)
        assert all(parent < child.number for parent in child.parents)
    for n, child in enumerate(children):
        assert not any(same_structure(child.structure, other.structure) for other in children[:n])


def test_the_same_seed_gives_the_same_children() -> None:
    one, same, other = (grown(20, seed=seed).history for seed in (3, 3, 4))
    hashes = [[h.child(n).hash for n in range(20)] for h in (one, same, other)]
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_duplicate_is_refused_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    evolution = grown(8)
    known = evolution.history.child(3).structure
    real, asked = proposal._draw, []

    def twice_the_same(*given: object) -> object:
        asked.append(given)
        made = real(*given)  # type: ignore[arg-type]
        if len(asked) > 2:
            return made
        return (replace(known, name="another"), *made[1:])

    monkeypatch.setattr(proposal, "_draw", twice_the_same)
    child = propose(evolution.history, evolution.options, evolution.space, number=8, seed=0)
    assert child.refused.get("duplicate", 0) >= 2
    assert len(asked) == sum(child.refused.values()) + 1


def test_a_child_above_the_budget_is_refused_before_it_is_asked_for() -> None:
    evolution = grown(30, budget=("macs<=100%",), include_start=True)
    most = evolution.space.cost(start()).macs
    children = [evolution.history.child(n) for n in range(30)]
    assert all(child.macs <= most for child in children)
    assert sum(child.refused.get("over budget", 0) for child in children) > 0
    assert children[5].macs == evolution.space.cost(children[5].structure).macs


def test_nothing_new_is_a_failure_that_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proposal, "DRAWS", 20)
    tight = options_of(budget=("connections<=1",), include_start=False)
    evolution = evolution_of(budget=("connections<=1",), include_start=False)
    with pytest.raises(ExhaustedError, match=r"child 0: of 20 structures.*20 over budget"):
        propose(evolution.history, tight, evolution.space, number=0, seed=0)
    assert evolution.history.trials == {}, "nothing was begun"


def test_a_start_above_the_budget_is_refused_only_as_a_child() -> None:
    chosen = {"budget": ("connections<=1",)}
    with pytest.raises(
        SettingsError, match=r"(?s)above the budget connections<=1.*cure:.*--no-include-start"
    ):
        space_of(options_of(**chosen))
    space = space_of(options_of(**chosen, include_start=False))
    over = space.over_budget(start(), space.cost(start()))
    assert over == parse_budgets(["connections<=1"])[0]


def test_the_first_child_is_the_start() -> None:
    for include in (True, False):
        child = grown(1, include_start=include).history.child(0)
        assert same_structure(child.structure, start()) == include
        assert child.steps[0].operator == ("start" if include else "initial")


def test_a_child_is_made_within_a_tenth_of_a_second() -> None:
    evolution = grown(60, population=20, tournament=5)
    best = float("inf")
    for number in (60, 61, 62, 63):
        began = time.process_time()
        propose(evolution.history, evolution.options, evolution.space, number=number, seed=number)
        best = min(best, time.process_time() - began)
    assert best < 0.1


def test_no_network_is_needed() -> None:
    line = (
        "import sys\n"
        "from tests.evolution.test_proposal import grown\n"
        "grown(12)\n"
        "import connsearch.evolution.study.worker, connsearch.evolution.study.study_directory\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", line], check=True)


def test_a_space_is_compared_by_value() -> None:
    options = options_of()
    assert space_of(options) == Space.of(start(), options, classes=5, clip=CLIP)
