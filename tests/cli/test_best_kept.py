"""Whoever works with a run of which the best was kept says so; what has no effect is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.commands import TINY, Command, Tour

pytestmark = pytest.mark.usefixtures("unpictured")

ASKED = ("search", *TINY, "--epochs", "2", "--eval-every", "1", "--run", "run")


SAID = "the best of 2 looks at val, balanced_accuracy "


def test_a_pruning_and_an_evaluation_say_which_weights_these_are(run: Command, tour: Tour) -> None:
    shutil.copytree(tour.directory / "runs/first", "run", ignore=lambda *_: ["pruned"])
    result = json.loads(Path("run/result.json").read_text())
    numbers = {"step": 1, "of": 2, "value": 0.75, "last": 0.5, "looks": 2}
    result["choice"] = {"watch": "balanced_accuracy", **numbers}
    Path("run/result.json").write_text(json.dumps(result))
    for line in (("prune", "run"), ("evaluate", "run", "--split", "val")):
        done = run(*line)
        assert done.code == 0, done.err
        assert f"weights of run: {SAID}0.750 after step 1 of 2; the last: 0.500" in done.out, line
    left = json.loads(Path("run/pruned/prune.json").read_text())["connections"]["after"]
    done = run("animate", "run", "--frames", "2", "--output", "run/film.html", "--json")
    assert (done.json["steps"][-1], done.json["kept"]) == (1, left), done.err
    assert f"at step 1 (the best look, which is kept), pruned by relative: {left} of" in done.err


@pytest.mark.slow
def test_everybody_says_so_and_the_report_too(run: Command) -> None:
    asked = (*ASKED, "--keep", "best", "--watch", "balanced_accuracy")
    done = run(*asked, "--json")
    assert done.code == 0, done.err
    assert done.json["choice"]["looks"] == 2
    for line in (asked, ("export", "run"), ("train", "run", "--steps", "1")):
        done = run(*line)
        assert done.code == 0, done.err
        assert f"weights of run: {SAID}" in done.out, line
    assert run("report", "run").code == 0
    page = Path("run/report.html").read_text()
    assert "the best of 2 looks, so optimistic" in page
    assert "was not chosen among several looks" in page


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--watch", "accuracy"], "watch accuracy with keep last: has no effect"),
        (["--watch", "mAP", "--keep", "best"], "watch mAP: belongs to multi-label data"),
        (["--class-weights", "no.csv"], "no.csv: cannot be read"),
        (["--keep", "bst"], "did you mean 'best'"),
    ],
)
def test_what_cannot_be_is_refused_before_there_is_a_run(
    run: Command, options: list[str], said: str
) -> None:
    done = run(*ASKED, *options)
    assert done.code == 2
    assert said in done.err
    assert not Path("run").exists()
