"""``connsearch prune --scores`` as a person runs it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.commands import Command, Tour

pytestmark = pytest.mark.usefixtures("unpictured")


@pytest.fixture
def search(tour: Tour, tmp_path: Path) -> Path:
    """A copy of a finished search, to write into."""
    return shutil.copytree(tour.run, tmp_path / "search")


def test_ablation_has_a_directory_a_table_and_disagreements(search: Path, run: Command) -> None:
    done = run("prune", search, "--scores", "ablation", "--json")
    assert done.code == 0, done.err
    report = done.json
    assert report["output"] == str(search / "pruned-ablation")
    assert report["exactness"]["max_abs_difference"] == 0.0
    scores = report["scores"]
    assert scores["kind"] == "ablation"
    assert len(scores["rows"]) == report["connections"]["before"]
    apart = scores["disagreements"]
    assert all(row["kept_by_weight"] != row["kept_by_ablation"] for row in apart)
    assert f"disagree on {len(apart)} of" in done.err
    assert (search / "importance" / "ablation.csv").exists()
    record = json.loads((search / "pruned-ablation" / "prune.json").read_text())
    assert record["scores"] == scores
    ledger = (search / "importance" / "ablation" / "ledger.jsonl").read_bytes()
    other = run("prune", search, "--scores", "ablation", "--criterion", "rank:0.3", "--json")
    assert other.code == 0, other.err
    assert other.json["output"] == str(search / "pruned-ablation-rank-0.3")
    assert (search / "importance" / "ablation" / "ledger.jsonl").read_bytes() == ledger


def test_perturbation_prunes_too(search: Path, run: Command) -> None:
    done = run("prune", search, "--scores", "perturbation", "--score-steps", "1", "--json")
    assert done.code == 0, done.err
    assert done.json["output"] == str(search / "pruned-perturbation-steps-1")
    assert done.json["exactness"]["max_abs_difference"] == 0.0
    assert (search / "importance" / "perturbation-steps-1.csv").exists()


def test_scores_need_a_search(tour: Tour, run: Command, tmp_path: Path) -> None:
    structure = run("prune", "assemblenet-50", "--scores", "ablation")
    assert structure.code == 2
    assert "a structure without a network to measure" in structure.err
    pruned = run("prune", tour.pruned, "--scores", "ablation", "-o", tmp_path / "out")
    assert pruned.code == 2
    assert "not the directory of a search" in pruned.err
    assert not (tmp_path / "out").exists()


def test_settings_that_say_nothing_are_refused(tour: Tour, run: Command) -> None:
    done = run("prune", tour.run, "--score-steps", "3")
    assert done.code == 2
    assert "--score-steps 3 has no effect with --scores weight" in done.err
    wrong = run("prune", tour.run, "--scores", "ablaton")
    assert wrong.code == 2
    assert "did you mean 'ablation'?" in wrong.err
    curve = run("prune", tour.run, "--curve", "--scores", "ablation")
    assert curve.code == 2
    assert "--scores ablation cannot be used with --curve" in curve.err
    other = run("compare", tour.run, "--pruned", tour.pruned, "--scores", "gate")
    assert other.code == 2
    assert "--pruned is pruned already; leave out --scores" in other.err


@pytest.mark.parametrize("command", [("prune",), ("prune", "--curve"), ("gap",), ("compare",)])
def test_scores_of_gates_need_gates(
    tour: Tour, run: Command, command: tuple[str, ...], tmp_path: Path
) -> None:
    name, *further = command
    done = run(name, tour.run, *further, "--scores", "gate", "-o", tmp_path / "out")
    assert done.code == 2
    assert "none of the 53 connections" in done.err
    assert "--gated-connections streams" in done.err
    assert not (tmp_path / "out" / "summary.json").exists()
