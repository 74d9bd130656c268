"""The next child is new, valid, within the budget, and found without a network."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from connsearch.errors import SettingsError
from connsearch.evolution import proposal
from connsearch.evolution.child import Child, Outcome, Trial
from connsearch.evolution.history import History, birth_facts
from connsearch.evolution.population import Population
from connsearch.evolution.proposal import ExhaustedError, Space, propose
from connsearch.evolution.study.evolution import Evolution
from connsearch.graph.files import load_structure
from connsearch.graph.hashing import same_structure, structure_hash
from connsearch.graph.rules import validate
from connsearch.graph.spec import Block, Post
from connsearch.pruning.budget import parse_budgets
from tests.evolution.engine import CLIP, evolution_of, options_of, space_of, start
from tests.evolution.parents import gated


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


def test_a_recurrent_cell_counts_in_the_budget() -> None:
    """Each one costs parameters, so none may follow a block where there are to be no more."""
    chosen = {"operators": ("post",), "strategy": "nodes", "budget": ("params<=100%",)}
    evolution = grown(6, **chosen, population=2)
    history = evolution.history
    founders = {n for n in history.births if not history.child(n).parents}
    assert all(history.child(n).parameters <= history.child(0).parameters for n in history.births)
    assert sum(history.child(n).refused.get("over budget", 0) for n in founders) > 0


def test_kinds_that_cannot_change_are_refused_before_anything_begins() -> None:
    with pytest.raises(SettingsError, match=r"(?s)starter_rgb_flow.*of kind bottleneck.*--kinds"):
        space_of(options_of(operators=("kind",)))
    space = space_of(options_of(operators=("kind", "post"), kinds=("r3d_basic",)))
    assert space.limits.kinds == ("bottleneck", "r3d_basic")
    assert space.limits.posts == tuple(Post)
    plain = space_of(options_of())
    assert (plain.limits.kinds, plain.limits.posts) == ((), ())


def test_a_child_is_kept_with_its_kinds_posts_strides_and_gates() -> None:
    """Another worker reads it from the study; earlier versions lost its kinds there."""
    base = load_structure("starter")
    chosen = gated(base, 4)
    for place in reversed(range(len(chosen))):  # one with a stride in time, in a kind that has it
        block = chosen.nodes[place]
        if isinstance(block, Block) and block.level == 1:
            new = replace(block, kind="r3d_basic", filters=8, temporal_stride=2)
            chosen = replace(chosen, nodes=(*chosen.nodes[:place], new, *chosen.nodes[place + 1 :]))
            break
    validate(chosen)
    child = Child(0, replace(chosen, gates_decide=False), (), (), structure_hash(chosen), 1, 1)
    facts = json.loads(json.dumps(birth_facts(child)))
    assert {"kinds", "posts", "temporal_strides", "gates"} <= facts.keys()
    history = History(base, (1,), Population(3))
    trial = {"child": 0, "evaluation": 0, "attempt": 0, "birth": facts}
    history.update([Trial(0, "running", None, trial, {}, None, None)])
    read = history.child(0).structure
    assert same_structure(read, chosen)
    assert read.nodes == child.structure.nodes
    plain = birth_facts(replace(child, structure=base))
    assert "kinds" not in plain, "studies of structures without them stay as they were"


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
