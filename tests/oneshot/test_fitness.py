"""A child is judged by a short search: the same outcome whenever, and however often, it stops."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import torch

from connsearch.data.options import DataOptions
from connsearch.errors import DataError, RunError, TrainingError
from connsearch.evolution.child import Rung
from connsearch.graph.cost import cost
from connsearch.graph.parse import parse_structure
from connsearch.graph.spec import Attention
from connsearch.runs.events import EvaluationEvent, ResultEvent, StepEvent
from tests.oneshot.judging import (
    TREE,
    Heard,
    child,
    fitness,
    identity,
    is_free,
    judged,
    stopped,
    task,
    tree,
)
from tests.training.tiny import TinyClips, TinyData, tiny_structure


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Heard:
    return judged(fitness(tmp_path_factory.mktemp("whole"), rungs=(0.25, 0.5)), task())


def test_a_child_is_judged_by_its_score_and_keeps_its_own_connections(
    tmp_path: Path, whole: Heard
) -> None:
    result = whole.events[-1]
    assert isinstance(result, ResultEvent)
    assert whole.outcome.values == (result.metrics["val"].score,)
    assert set(result.metrics) == {"val"}
    assert set(whole.outcome.weights) == set(tiny_structure().edges())
    assert dict(whole.outcome.weights) == result.structure.weights()
    assert whole.outcome.facts["steps"] == 8
    assert whole.outcome.facts["run"] == "0000-0"
    assert whole.outcome.facts["device"] == "cpu"
    assert (
        whole.outcome.facts["macs"] == cost(tiny_structure(), num_classes=2, clip=(4, 16, 16)).macs
    )
    assert 0 < whole.outcome.facts["standard_error"] < 0.5
    json.dumps(whole.outcome.facts)
    easy = judged(fitness(tmp_path, epochs=6, lr=0.01), task())
    assert easy.outcome.values[0] >= 5 / 6


def test_the_test_split_stays_closed(tmp_path: Path) -> None:
    class Closed(TinyClips):
        def clip(self, key: Any) -> Any:
            raise AssertionError("the test split was opened")

    data = TinyData()
    data.test = Closed(6, seed=3, options=data.options)
    judged(fitness(tmp_path, data, epochs=1), task())
    judged(fitness(tmp_path, data, epochs=1), task(child(1, tree())))


def test_the_same_task_has_the_same_outcome_anywhere(tmp_path: Path, whole: Heard) -> None:
    again = judged(fitness(tmp_path, rungs=(0.25, 0.5)), task())
    assert again.lasting == whole.lasting
    other = judged(fitness(tmp_path / "other", rungs=(0.25, 0.5)), task(seed=6))
    assert other.lasting.weights != whole.lasting.weights


@pytest.mark.parametrize("steps", [(1,), (2, 3), (4,), (7,), (8,)])
def test_a_closed_evaluation_goes_on_where_it_was(
    tmp_path: Path, whole: Heard, steps: Sequence[int]
) -> None:
    fit = fitness(tmp_path, rungs=(0.25, 0.5), checkpoint_steps=2)
    for step in steps:
        stopped(fit, task(), step)
        assert is_free(tmp_path / "0000-0")
    rest = judged(fit, task())
    assert rest.lasting == whole.lasting
    assert rest.rungs == whole.rungs
    done = [event.step for event in rest.events if isinstance(event, StepEvent)]
    assert done == list(range(2 * ((steps[-1] - 1) // 2) + 1, 9))
    for rung, at in zip(rest.rungs, (2, 4), strict=True):  # none is kept back
        before = rest.events[: rest.events.index(rung)]
        assert sum(isinstance(event, StepEvent) for event in before) == max(1, at - done[0] + 1)
    again = judged(fit, task())
    assert again.outcome == rest.outcome
    assert again.rungs == whole.rungs
    assert not any(isinstance(event, StepEvent) for event in again.events)


def test_a_child_that_was_given_up_at_a_rung_can_still_go_on(tmp_path: Path, whole: Heard) -> None:
    fit = fitness(tmp_path, rungs=(0.25, 0.5), checkpoint_steps=1)
    for number in (0, 1):
        work = fit(task())
        assert next(e for e in work if isinstance(e, Rung) and e.number == number)
        work.close()
        assert is_free(tmp_path / "0000-0")
    rest = judged(fit, task())
    assert rest.lasting == whole.lasting
    assert rest.rungs == whole.rungs


def test_while_it_runs_nobody_else_may_and_threads_are_given_back(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    work = fitness(tmp_path, threads=before + 1)(task())
    next(work)
    next(event for event in work if isinstance(event, StepEvent))
    assert not is_free(tmp_path / "0000-0")
    assert torch.get_num_threads() == before + 1
    work.close()
    assert is_free(tmp_path / "0000-0")
    assert torch.get_num_threads() == before


@pytest.mark.slow
def test_processes_that_read_end_with_the_run(tmp_path: Path) -> None:
    others = set(multiprocessing.active_children())
    data = TinyData(options=DataOptions.of(frames=4, size=16, batch_size=4, workers=1))
    work = fitness(tmp_path, data, recalibrate_clips=0)(task())
    next(event for event in work if isinstance(event, StepEvent))
    assert len(set(multiprocessing.active_children()) - others) == 1
    work.close()
    assert not set(multiprocessing.active_children()) - others


def test_rungs_come_in_order_at_their_share(whole: Heard) -> None:
    steps = {e.step: e.metrics.score for e in whole.events if isinstance(e, EvaluationEvent)}
    assert set(steps) == {2, 4, 8}
    assert whole.rungs == [Rung(0, (steps[2],)), Rung(1, (steps[4],))]
    places = [i for i, event in enumerate(whole.events) if isinstance(event, Rung)]
    assert [whole.events[i - 1].step for i in places] == [2, 4]


def test_a_rung_changes_nothing(tmp_path: Path, whole: Heard) -> None:
    plain = judged(fitness(tmp_path), task())
    assert plain.lasting == whole.lasting
    assert not plain.rungs
    assert sum(isinstance(event, EvaluationEvent) for event in plain.events) == 1


def test_rungs_at_the_same_step_are_all_said(tmp_path: Path) -> None:
    close = judged(fitness(tmp_path, rungs=(0.01, 0.02, 0.99), epochs=1), task())
    assert [rung.number for rung in close.rungs] == [0, 1, 2]
    assert close.rungs[0].values == close.rungs[1].values
    single = judged(fitness(tmp_path / "single", rungs=(0.5,), steps=1), task())
    assert not single.rungs


def test_objectives_in_any_order(tmp_path: Path) -> None:
    names: tuple[str, ...] = ("accuracy", "macs", "latency")
    first = judged(fitness(tmp_path, objectives=names, rungs=(0.5,)), task())
    values = dict(zip(names, first.outcome.values, strict=True))
    assert values["latency"] == first.outcome.facts["latency"]["seconds"] * 1e3 > 0
    assert values["macs"] == first.outcome.facts["macs"]
    assert first.rungs[0].values[1:] == first.outcome.values[1:]
    for order in permutations(names):  # the finished run says the same
        again = judged(fitness(tmp_path, objectives=order, rungs=(0.5,)), task())
        assert again.outcome.values == tuple(values[name] for name in order)
        assert again.rungs[0].values[order.index("macs")] == values["macs"]


def test_little_is_kept_of_a_finished_run(tmp_path: Path) -> None:
    fit = fitness(tmp_path)
    for asked in (task(), task(evaluation=1), task(child(1))):
        judged(fit, asked)
    stopped(fitness(tmp_path, checkpoint_steps=1), task(child(2)), 3)
    small = {"config.json", "structure.json", "metrics.csv", "connections.csv", "quarantine.csv"}
    small |= {"learned.json", "result.json"}

    def more(name: str) -> set[str]:
        found = {path.name for path in (tmp_path / name).iterdir()}
        assert small <= found
        return found - small

    assert more("0000-0") == more("0001-0") == {"learned.safetensors"}
    assert more("0000-1") == set()
    fit.discard_weights({1})
    assert more("0000-0") == set()
    assert more("0001-0") == {"learned.safetensors"}
    assert (tmp_path / "0002-0" / "checkpoint").is_dir()
    assert judged(fit, task()).outcome.values


@pytest.mark.parametrize("attention", [Attention.PEER, Attention.NONE])
def test_a_tree_is_trained_as_it_is(tmp_path: Path, attention: Attention) -> None:
    fit = fitness(tmp_path, rungs=(0.5,), origins=identity, checkpoint_steps=2)
    whole = judged(fit, task(child(0, tree(attention))))
    assert whole.outcome.weights == {}
    assert 0 <= whole.outcome.values[0] <= 1
    assert [rung.number for rung in whole.rungs] == [0]
    born = child(1, tree(attention), parents=(0,))
    stopped(fit, task(born), 5)
    rest = judged(fit, task(born))
    assert [rung.number for rung in rest.rungs] == [0]
    assert rest.outcome.facts["inherited"] == {"from": 0, "share": 1.0}
    assert rest.outcome.facts["steps"] == 8


def test_some_single_inputs_are_nothing_special(tmp_path: Path) -> None:
    mixed = parse_structure(
        [*TREE[:4], [1, [2, 3], 2, 1, 2]],
        name="mixed",
        family="assemblenet_plus",
        network=tiny_structure().network,
    )
    found = judged(fitness(tmp_path, epochs=1), task(child(0, mixed)))
    assert set(found.outcome.weights) == {(2, 4), (3, 4)}


def test_a_loss_that_is_not_finite_is_told(tmp_path: Path) -> None:
    data = TinyData()
    data.train._rgb[5] = torch.nan
    with pytest.raises(TrainingError, match="the loss is nan"):
        judged(fitness(tmp_path, data), task())
    assert is_free(tmp_path / "0000-0")


def test_what_cannot_be_judged_is_refused(tmp_path: Path) -> None:
    data = TinyData()
    data.val = TinyClips(0, seed=2, options=data.options)
    with pytest.raises(DataError, match="validation split is empty"):
        fitness(tmp_path, data)


def test_a_directory_of_something_else_is_refused(tmp_path: Path) -> None:
    stopped(fitness(tmp_path), task(), 1)
    with pytest.raises(RunError, match=r"settings\.training\.lr"):
        judged(fitness(tmp_path, lr=0.5), task())
    with pytest.raises(RunError, match=r"child\.nodes"):
        judged(
            fitness(tmp_path),
            task(child(0, tree())),
        )
    with pytest.raises(RunError, match=r"settings\.seed"):
        judged(fitness(tmp_path), task(seed=6))


def test_what_a_search_normalises_is_normalised_in_a_child(tmp_path: Path) -> None:
    found = judged(fitness(tmp_path, epochs=1, normalise_inputs=True), task())
    assert found.events[-1].structure.network.normalise_inputs
    found = judged(
        fitness(tmp_path / "tree", epochs=1, normalise_inputs=True), task(child(0, tree()))
    )
    assert found.events[-1].structure.network.normalise_inputs
