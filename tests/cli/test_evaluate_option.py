"""``train`` and ``search --evaluate``: training and the numbers of a split in one command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import connsearch
from connsearch.data.media.decode import write_video
from connsearch.errors import Failure
from connsearch.training import evaluate as judging
from connsearch.workflows import evaluate as workflow
from tests.cli.commands import TINY, Command
from tests.training.plain import plain_fit

LINE = ("train", "starter_rgb_flow", "--run", "mine", "--steps", "1", *TINY)


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the run take most of the time."""
    for name in ("train", "search"):
        monkeypatch.setattr(f"connsearch.workflows.{name}.draw_run", lambda *_: None)


def kept(directory: Path) -> dict[str, Any]:
    return json.loads((directory / "evaluation.json").read_text())


def test_one_line_trains_evaluates_and_shows(run: Command, tmp_path: Path) -> None:
    done = run(*LINE, "--evaluate", "val", "test")
    assert done.code == 0, done.err
    assert done.out.count("by class") == 2
    assert "next: connsearch evaluate" not in done.out
    found = kept(tmp_path / "mine")
    assert {name: entry["times_opened"] for name, entry in found.items()} == {"val": 1, "test": 1}
    assert (tmp_path / "mine" / "confusion-test.png").exists()

    again = run(*LINE, "--evaluate", "test", "--json")
    assert again.json["evaluations"]["test"]["accuracy"] == found["test"]["metrics"]["accuracy"]
    later = run("evaluate", "mine", "--json")
    assert later.json["times_opened"] == 1, "the line has opened it"
    assert later.json["loss"] == found["test"]["metrics"]["loss"]
    assert set(again.json["evaluations"]) == {"test"}


def test_a_finished_run_is_evaluated_by_its_own_line(run: Command, tmp_path: Path) -> None:
    line = ("search", "--steps", "1", *TINY, "--attention", "none")
    plain = run(*line, "--json")
    assert "evaluations" not in plain.json
    done = run(*line, "--evaluate", "test", "--json")
    assert done.code == 0, done.err
    assert done.json["run"] == plain.json["run"], "the directory is called after other settings"
    assert done.json["digest"] == plain.json["digest"]
    assert done.json["evaluations"]["test"]["clips"] == 8
    config = json.loads((Path(plain.json["run"]) / "config.json").read_text())
    assert "evaluate" not in config["settings"]


def test_what_stops_between_training_and_evaluation_goes_on(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise Failure("the power is gone")

    with monkeypatch.context() as patched:
        patched.setattr(workflow, "judged", stopped)
        done = run(*LINE, "--evaluate", "test")
    assert done.code == 1
    assert not (tmp_path / "mine" / "evaluation.json").exists()
    assert run(*LINE, "--evaluate", "test").code == 0
    assert kept(tmp_path / "mine")["test"]["times_opened"] == 1


def test_an_empty_split_is_refused_before_the_training(run: Command, tmp_path: Path) -> None:
    list_ = tmp_path / "clips.csv"
    folder = tmp_path / "clips"
    folder.mkdir()
    rows = ["path,label"]
    for number in range(4):
        path = folder / f"{number}.mp4"
        write_video(path, np.full((6, 24, 24, 3), 40 * number, np.uint8))
        rows.append(f"{path},{'ab'[number % 2]}")
    list_.write_text("\n".join(rows) + "\n")
    line = ("train", "starter_rgb_flow", "--data", list_, "--frames", "4", "--size", "16")
    line = (*line, "--test-share", "0", "--val-share", "0.4")
    done = run(*line, "--run", "mine", "--steps", "1", "--evaluate", "test")
    assert done.code == 2
    assert "--evaluate test" in done.err
    assert "cure" in done.err
    assert not (tmp_path / "mine").exists()


def test_folds_are_tested_anyway(run: Command) -> None:
    done = run(*LINE, "--folds", "2", "--evaluate", "test")
    assert done.code == 2
    assert "leave evaluate out" in done.err


@pytest.mark.parametrize("asked", [False, True])
def test_all_views_during_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: bool
) -> None:
    seen: list[bool] = []

    def watched(*given: Any, all_views: bool, **named: Any) -> Any:
        seen.append(all_views)
        return judging.evaluate(*given, all_views=all_views, **named)

    monkeypatch.setattr("connsearch.training.evaluations.evaluate", watched)
    list(plain_fit(tmp_path / "run", eval_every=1, eval_all_views=asked))
    assert seen == [asked, True, True]


def test_a_module_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    few = {"frames": 4, "size": 16, "train_clips": 3, "val_clips": 2, "test_clips": 2}
    data = connsearch.load_data(**few)
    torch.manual_seed(0)
    net = nn.Sequential(nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(3, len(data.classes)))
    found = connsearch.train(
        net, data, steps=1, evaluate=["test"], run=tmp_path / "own", progress=False
    )
    assert found.evaluations["test"].metrics.clips == 8
