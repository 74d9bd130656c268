"""``connsearch weights convert``, and ``--initial-weights``, as people type them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.cli.commands import Command, Tour
from tests.workflows.test_weights_convert import SMALL, saved, small_state

pytestmark = pytest.mark.usefixtures("unpictured")

OPTIONS = [f"{name}={json.dumps(value)}" for name, value in SMALL.items()]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return saved(tmp_path / "small_ep-0012.pth.tar", small_state())


def test_a_file_is_converted_shown_and_told(run: Command, file: Path) -> None:
    line = ["weights", "convert", file, "--model", "r3d_18", "--model-options", *OPTIONS]
    done = run(*line, "--json")
    assert done.code == 0, done.err
    told: dict[str, Any] = json.loads(done.out)
    assert told["output"] == "runs/weights-small_ep-0012"
    assert (told["publication"], told["classes"]) == ("srtg", 4)
    assert told["taken"]["loaded"] == len(small_state())
    assert told["source"]["prefix"] == "module."
    assert "all names begin with module., which was removed" in done.err
    again = run(*line)
    assert "it is there already: runs/weights-small_ep-0012" in again.out
    assert "loaded" in again.out
    assert "next: connsearch evaluate runs/weights-small_ep-0012 --data ..." in again.out
    shown = run("inspect", "runs/weights-small_ep-0012", "--json")
    found: dict[str, Any] = json.loads(shown.out)
    assert (found["kind"], found["num_classes"], found["clip"]) == ("resnet3d", 4, [16, 112, 112])
    assert found["conversion"]["source"]["sha256"] == told["source"]["sha256"]
    assert "small_ep-0012.pth.tar (srtg)" in shown.err


def test_another_number_of_classes_has_to_be_trained(run: Command, file: Path) -> None:
    line = ["weights", "convert", file, "--model", "r3d_18", "--model-options", *OPTIONS]
    done = run(*line, "--num-classes", "7", "--output", "out")
    assert "next: connsearch train out --data ..." in done.out
    assert "head.weight; head.bias" in done.out


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("weights convert absent.pth --model r3d_18", "absent.pth: cannot be read: no such file"),
        ("weights convert . --model r3d_18", "is a directory, not a file"),
        ("weights convert w.pth --model r3d_81", "did you mean 'r3d_18'"),
        ("weights convert w.pth --model r3d_18 --model-options x", "allowed: NAME=VALUE"),
        ("weights covert", "did you mean 'weights convert'"),
        ("inspect out --peers", "which has no peers"),
        ("evaluate out", "cure: --data"),
        ("train out", "cure: --data"),
        ("train out --initial-weights w.pth --data synthetic:motion", "--from-scratch"),
        ("prune out", "has no connections to show, search or prune"),
    ],
)
def test_a_mistake_is_named(run: Command, file: Path, line: str, said: str) -> None:
    if " out" in line:
        run(
            *("weights", "convert", file, "--model", "r3d_18", "--output", "out"),
            *("--model-options", *OPTIONS),
        )
    done = run(*line.split())
    assert done.code == 2
    assert said in done.err


def test_the_group_says_what_there_is(run: Command) -> None:
    done = run("weights", "--help")
    assert "weights convert" in done.out
    assert "search" not in done.out.split("commands:")[1].split("a first tour")[0]


def test_what_a_run_began_with_is_told(tour: Tour, run: Command) -> None:
    first = tour.directory / "runs" / "first"
    done = run(
        *("train", first / "pruned", "--from-scratch", "--initial-weights", first / "pruned"),
        *("--run", "again", "--steps", "1", "--precision", "fp32", "--threads", "1", "--json"),
    )
    assert done.code == 0, done.err
    told: dict[str, Any] = json.loads(done.out)["initial_weights"]
    assert told["publication"] is None
    assert told["taken"]["missing"] == []
    assert f"initial weights: {first / 'pruned'}" in done.err
    assert "entries" in done.err


def test_a_file_that_would_run_code_is_refused_by_name(run: Command, tmp_path: Path) -> None:
    class Runs:
        def __reduce__(self) -> Any:
            return (Path.mkdir, (tmp_path / "ran",))

    torch.save({"state_dict": small_state(), "x": Runs()}, tmp_path / "w.pth")
    for line in (
        ["weights", "convert", "w.pth", "--model", "r3d_18"],
        ["train", "r3d_18", "--initial-weights", "w.pth"],
    ):
        done = run(*line)
        assert done.code == 2
        assert "was not read: it would run code on loading: it names " in done.err
    assert not (tmp_path / "ran").exists()
