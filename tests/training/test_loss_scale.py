"""fp16: the loss is scaled, a step whose gradient overflows is skipped, and a resumed run is exact.

No GPU is needed: torch computes in fp16 on a processor, too, only slowly.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from connsearch.errors import TrainingError
from connsearch.models.model import Wrapped
from connsearch.runs.checkpoint import read_checkpoint
from connsearch.runs.events import NoteEvent, ResultEvent, StepEvent, WarningEvent
from connsearch.training import loss_scale
from connsearch.training.loss_scale import LossScale
from connsearch.training.optimisers import Optimisers
from connsearch.training.options import TrainOptions
from tests.training.plain import plain_fit, plain_network
from tests.training.test_resume import ROOT, Poisoned, steps_until

HUGE = 2.0**21
"""A first factor with which the gradients of the tiny network overflow in the first steps."""


def fp16(directory: Path, data: Any = None, **changes: Any) -> list[Any]:
    return list(plain_fit(directory, data, precision="fp16", **changes))


def newest(directory: Path) -> Any:
    return read_checkpoint(max((directory / "checkpoint").glob("*.safetensors")))


def optimisers_of(network: Wrapped, scale: LossScale) -> Optimisers:
    options = TrainOptions()
    return Optimisers(network, options.optimiser, options.schedule, loss_scale=scale)


def test_gradients_are_those_of_the_loss_itself() -> None:
    network = plain_network()
    rgb, labels = torch.randn(4, 3, 4, 8, 8), torch.tensor([0, 1, 0, 1])

    def loss() -> torch.Tensor:
        return nn.functional.cross_entropy(network({"rgb": rgb}), labels)

    wanted = torch.autograd.grad(loss(), list(network.parameters()))
    optimisers = optimisers_of(network, LossScale("cpu"))
    optimisers.backward(loss())
    assert optimisers.usable(0)
    for parameter, gradient in zip(network.parameters(), wanted, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


def test_an_overflow_skips_the_step_and_halves_the_scale() -> None:
    network = plain_network()
    scale = LossScale("cpu")
    optimisers = optimisers_of(network, scale)
    before = {n: t.clone() for n, t in network.state_dict().items()}
    weight = next(network.parameters())
    optimisers.backward(weight.sum() * 1e38)
    assert not optimisers.usable(4)
    assert all(p.grad is None for p in network.parameters())
    assert all(torch.equal(t, before[n]) for n, t in network.state_dict().items())
    assert scale.state() == {
        "scale": 32768.0,
        "good_steps": 0,
        "skipped": 1,
        "in_a_row": 1,
        "unlogged": [[5, 32768.0]],
    }


def test_a_gradient_of_one_optimiser_that_overflows_stops_both() -> None:
    network = plain_network()
    scale = LossScale("cpu")
    both = [torch.optim.SGD([p], lr=1.0) for p in list(network.parameters())[:2]]
    first, second = (o.param_groups[0]["params"][0] for o in both)
    scale.scaled(first.sum() + second.sum() * 1e38).backward()
    assert not scale.usable(both, 0)


def test_many_good_steps_double_the_scale() -> None:
    weight = nn.Parameter(torch.ones(2))
    scale = LossScale("cpu")
    optimiser = torch.optim.SGD([weight], lr=0.0)
    scale.restore({}, {**scale.state(), "good_steps": 1999})
    scale.scaled(weight.sum()).backward()
    assert scale.usable([optimiser], 0)
    assert scale.state()["scale"] == 2 * 65536


def test_skipped_steps_are_counted_shown_and_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loss_scale, "FIRST", HUGE)
    events = fp16(tmp_path / "run", epochs=3)
    result = events[-1]
    assert isinstance(result, ResultEvent)
    with open(tmp_path / "run" / "skipped.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert result.report.skipped_steps == len(rows) > 1
    assert [int(row["step"]) for row in rows] == list(range(1, len(rows) + 1))
    assert [float(row["loss_scale"]) for row in rows] == [
        HUGE / 2**n for n in range(1, len(rows) + 1)
    ]
    assert any("overflowed" in e.message for e in events if isinstance(e, NoteEvent))
    assert any("processor" in e.message for e in events if isinstance(e, WarningEvent))
    assert result.report.steps == 12, "a skipped step is a step"
    steps = newest(tmp_path / "run").tensors["optimiser/filters/module.0.weight/step"]
    assert steps == 12 - len(rows), "but nothing was learned in it"


def test_another_format_has_no_trace_of_it(tmp_path: Path) -> None:
    list(plain_fit(tmp_path / "run"))
    assert not (tmp_path / "run" / "skipped.csv").exists()
    assert "skipped_steps" not in json.loads((tmp_path / "run" / "result.json").read_text())
    assert newest(tmp_path / "run").state["hooks"] == {}


@pytest.mark.parametrize("stops", [(1,), (2, 3, 9)])
def test_an_interrupted_run_ends_like_the_whole_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stops: tuple[int, ...]
) -> None:
    monkeypatch.setattr(loss_scale, "FIRST", HUGE)
    settings = {"precision": "fp16", "epochs": 3, "checkpoint_steps": 1, "log_every": 4}
    list(plain_fit(tmp_path / "whole", **settings))
    for stop in stops:
        steps_until(plain_fit(tmp_path / "again", **settings), stop)
    list(plain_fit(tmp_path / "again", **settings))
    compare(tmp_path / "again", tmp_path / "whole")


def compare(found: Path, wanted: Path) -> None:
    a, b = newest(found), newest(wanted)
    assert a.state == b.state
    assert a.state["hooks"]["loss_scale"]["skipped"] > 0
    assert set(a.tensors) == set(b.tensors)
    assert all(torch.equal(t, b.tensors[n]) for n, t in a.tensors.items())
    assert (found / "skipped.csv").read_text() == (wanted / "skipped.csv").read_text()


@pytest.mark.slow
def test_a_killed_run_ends_like_the_whole_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loss_scale, "FIRST", HUGE)
    settings = {"precision": "fp16", "epochs": 3, "checkpoint_steps": 2}
    settings |= {"accumulate": 3, "batch": 2, "dropout": 0.4}
    line = [sys.executable, "-m", "tests.training.plain", str(tmp_path / "again"), "3", str(HUGE)]
    done = subprocess.run([*line, json.dumps(settings)], cwd=ROOT, check=False)
    assert done.returncode == -9
    for name in ("again", "whole"):
        list(plain_fit(tmp_path / name, **settings))
    compare(tmp_path / "again", tmp_path / "whole")


def test_a_loss_that_is_not_finite_is_skipped_and_many_in_a_row_stop_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loss_scale, "PATIENCE", 3)
    seen: list[Any] = []
    events = plain_fit(tmp_path / "run", Poisoned(), precision="fp16", epochs=4, checkpoint_steps=2)
    with pytest.raises(TrainingError, match=r"step 7 of 16: .*overflowed in 3 steps in a row") as e:
        seen.extend(event for event in events if isinstance(event, StepEvent))
    assert "precision fp16" in str(e.value)
    assert "cure" in str(e.value)
    assert len(seen) == 6
    with open(tmp_path / "run" / "metrics.csv", newline="") as file:
        kept_losses = [row["loss"] for row in csv.DictReader(file) if row["split"] == "train"]
    assert kept_losses[3] != ""
    assert kept_losses[4:] == ["", ""], "no number"
    kept = newest(tmp_path / "run")
    assert all(t.isfinite().all() for t in kept.tensors.values())


def test_a_gradient_that_is_not_finite_by_its_sum_alone_is_refused() -> None:
    """No element of it has overflowed: a smaller scale would not help."""
    network = plain_network()
    optimisers = optimisers_of(network, LossScale("cpu"))
    for parameter in network.parameters():
        parameter.grad = torch.full_like(parameter, 3e38)
    assert optimisers.usable(0)
    for parameter in network.parameters():
        parameter.grad = torch.full_like(parameter, 3e38)
    with pytest.raises(FloatingPointError, match="gradient of the filters is inf"):
        optimisers.step(0, total_steps=2)
