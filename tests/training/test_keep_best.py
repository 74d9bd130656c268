"""The best of the looks is kept, whatever happens between them."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from connsearch.errors import SettingsError
from connsearch.runs.checkpoint import read_checkpoint
from connsearch.runs.events import EvaluationEvent, NoteEvent, ResultEvent
from connsearch.runs.files import load_weights
from connsearch.runs.formats.metrics import Metrics
from connsearch.runs.metrics import summarise, summarise_sets
from connsearch.runs.record import open_run
from connsearch.training.best import KeepBest
from tests.training.test_resume import ROOT, everything, steps_until
from tests.training.tiny import TinyClips, TinyData, result_of, tiny_search

BEST: dict[str, Any] = {"keep": "best", "watch": "loss", "lr": 0.2, "warmup": 0.0}
"""With so high a rate the loss on val goes up and down."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Any]]:
    directory = tmp_path_factory.mktemp("best") / "run"
    return directory, list(tiny_search(directory, **BEST))


def looks(events: list[Any]) -> list[EvaluationEvent]:
    """All but the last evaluation, which is of what was chosen."""
    return [e for e in events if isinstance(e, EvaluationEvent)][:-1]


def test_the_result_is_the_best_look(whole: tuple[Path, list[Any]]) -> None:
    directory, events = whole
    result = events[-1]
    assert isinstance(result, ResultEvent)
    found = looks(events)
    assert [look.step for look in found] == [4, 8, 12, 16]
    best = min(found, key=lambda look: look.metrics.loss)
    assert best.step < 16, "the test wants a run that ends worse than it was"
    choice = result.report.choice
    assert choice is not None
    assert (choice.step, choice.of, choice.looks, choice.watch) == (best.step, 16, 4, "loss")
    assert choice.value == best.metrics.loss
    assert choice.last == found[-1].metrics.loss
    # The temperature of that step is in its logits by now, which rounds.
    assert result.metrics["val"].loss == pytest.approx(best.metrics.loss, rel=1e-4)
    last = read_checkpoint(max((directory / "checkpoint").glob("*.safetensors")))
    assert last.step == 16
    learned = load_weights(directory / "learned.safetensors")
    kernels = [name for name, tensor in learned.items() if tensor.ndim > 2]
    assert kernels
    assert all(torch.equal(learned[name], last.tensors[f"best/{name}"]) for name in kernels)
    assert not all(torch.equal(learned[name], last.tensors[f"model/{name}"]) for name in kernels)


def test_weights_and_connections_of_the_result_belong_together(
    whole: tuple[Path, list[Any]],
) -> None:
    record = open_run(whole[0])
    stored = {e: w for e, w in record.structure.weights().items() if isinstance(w, float)}
    logits = record.network().learned_structure().weights()
    assert stored == pytest.approx({e: logits[e] for e in stored})


def test_people_are_told_that_it_is_the_best_of_several(whole: tuple[Path, list[Any]]) -> None:
    directory, events = whole
    said = [e.message for e in events if isinstance(e, NoteEvent)]
    assert any("the best of 4 looks at val" in text and "optimistic" in text for text in said)
    kept = open_run(directory).kept
    assert kept is not None
    assert "the best of 4 looks at val, loss" in kept
    assert "choice" in json.loads((directory / "result.json").read_text())


@pytest.mark.parametrize("stops", [(5,), (3, 9, 16)])
def test_an_interrupted_run_keeps_the_same_best(
    tmp_path: Path, whole: tuple[Path, list[Any]], stops: tuple[int, ...]
) -> None:
    directory = tmp_path / "run"
    for stop in stops:
        steps_until(tiny_search(directory, **BEST), stop)
    result = result_of(tiny_search(directory, **BEST))
    assert everything(directory) == everything(whole[0])
    assert result.report.choice == whole[1][-1].report.choice


@pytest.mark.slow
def test_a_killed_run_keeps_the_same_best(tmp_path: Path, whole: tuple[Path, list[Any]]) -> None:
    directory = tmp_path / "run"
    command = [sys.executable, "-m", "tests.training.tiny", str(directory), json.dumps(BEST)]
    for step in (5, 10, 15):
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            next(line for line in process.stdout if int(line) >= step)
            process.send_signal(signal.SIGKILL)
    result_of(tiny_search(directory, **BEST))
    assert everything(directory) == everything(whole[0])


def test_the_last_stays_the_default_and_is_trained_alike(
    tmp_path: Path, whole: tuple[Path, list[Any]]
) -> None:
    asked = {**BEST, "keep": "last"}
    result = result_of(tiny_search(tmp_path / "run", **asked))
    assert result.report.choice is None
    assert open_run(tmp_path / "run").kept is None
    states = [
        read_checkpoint(max((d / "checkpoint").glob("*.safetensors")))
        for d in (tmp_path / "run", whole[0])
    ]
    last, best = ({n: t for n, t in s.tensors.items() if n.startswith("model/")} for s in states)
    assert all(torch.equal(last[name], best[name]) for name in last)
    assert "best" not in states[0].state["hooks"]


def metrics(accuracy: float, loss: float = 1.0) -> Metrics:
    right = round(10 * accuracy)
    return summarise([0] * 10, [0] * right + [1] * (10 - right), classes=["a", "b"], loss=loss)


def kept(watch: Any, *found: Metrics) -> KeepBest:
    network = torch.nn.Linear(1, 1)
    keeper = KeepBest(network, watch)  # type: ignore[arg-type]
    for step, one in enumerate(found, start=1):
        network.weight.data.fill_(step)
        keeper.looked(step, one)
    return keeper


def test_of_equal_looks_the_latest_is_kept() -> None:
    keeper = kept(None, metrics(0.5), metrics(0.7), metrics(0.7), metrics(0.6))
    assert keeper.step == 3
    assert keeper.weights["weight"].item() == 3
    assert keeper.record(4).last == pytest.approx(0.6)


def test_of_the_loss_the_smallest_is_kept() -> None:
    assert kept("loss", metrics(0.5, 2.0), metrics(0.9, 3.0), metrics(0.1, 1.0)).step == 3


def test_balanced_accuracy_is_watched_where_accuracy_would_be_wrong() -> None:
    labels = [0] * 8 + [1] * 2
    always = summarise(labels, [0] * 10, classes=["a", "b"])
    both = summarise(labels, [0] * 5 + [1] * 5, classes=["a", "b"])
    assert (always.accuracy, always.balanced_accuracy) == (0.8, 0.5)
    assert (both.accuracy, both.balanced_accuracy) == (0.7, (5 / 8 + 1) / 2)
    assert kept("accuracy", always, both).step == 1
    assert kept("balanced_accuracy", always, both).step == 2


def test_looks_that_cannot_be_judged_are_passed_over() -> None:
    nothing = summarise_sets(torch.zeros(2, 2), torch.rand(2, 2), classes=["a", "b"])
    assert math.isnan(nothing.watched("mAP"))
    keeper = kept(None, nothing, nothing)
    assert keeper.step is None
    assert "at none of 2 looks could mAP be judged" in str(keeper.record(9))


def test_without_val_there_is_nothing_to_choose_by(tmp_path: Path) -> None:
    data = TinyData()
    data.val = TinyClips(0, seed=2, options=data.options)
    with pytest.raises(SettingsError, match=r"no validation split(.|\n)*--val-share"):
        list(tiny_search(tmp_path / "run", data, keep="best"))


@pytest.mark.parametrize(
    ("watch", "cure"), [("mAP", "balanced_accuracy"), ("top5", "--watch accuracy")]
)
def test_a_number_that_there_is_not_is_refused(tmp_path: Path, watch: str, cure: str) -> None:
    with pytest.raises(SettingsError, match=cure):
        list(tiny_search(tmp_path / "run", watch=watch))


def test_multi_label_data_has_no_balanced_accuracy(tmp_path: Path) -> None:
    data = TinyData()
    data.train.num_classes = 2
    with pytest.raises(SettingsError, match="--watch mAP"):
        list(tiny_search(tmp_path / "run", data, watch="balanced_accuracy"))
    assert not (tmp_path / "run").exists()
