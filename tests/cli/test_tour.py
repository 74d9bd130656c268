"""The whole loop from the command line: search, prune, train, evaluate, draw, inspect."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from connsearch.cli.commands.search import Search
from connsearch.cli.parse import parse
from connsearch.graph.files import read_structure
from tests.cli.commands import TINY, Command, Tour

pytestmark = pytest.mark.usefixtures("unpictured")


def test_search_leaves_a_run_with_pictures(tour: Tour) -> None:
    assert tour.search.code == 0, tour.search.err
    assert tour.search.out.count("\n") == 1, "with --json people read the error stream"
    assert "Traceback" not in tour.search.err
    found = tour.search.json
    assert found["finished"] is True
    assert found["steps"] == 2
    names = {path.name for path in tour.run.iterdir()}
    assert names >= {
        *("config.json", "structure.json", "metrics.csv", "connections.csv", "checkpoint"),
        *("learned.json", "learned.safetensors", "result.json", "structure.svg", "structure.png"),
    }


def test_prune_prints_that_nothing_changed(tour: Tour) -> None:
    assert tour.prune.code == 0, tour.prune.err
    assert "largest difference of a logit: 0.0 (bit-equal" in tour.prune.err
    found = tour.prune.json
    assert found["exactness"]["equal"] is True
    assert found["exactness"]["max_abs_difference"] == 0.0
    assert found["connections"]["after"] <= found["connections"]["before"]
    names = {path.name for path in tour.pruned.iterdir()}
    assert names >= {"structure.json", "weights.safetensors", "prune.json", "before.svg"}
    assert names >= {"after.svg", "after.png", "before.png"}


def test_train_goes_on_with_the_weights_and_data_of_the_run(tour: Tour) -> None:
    assert tour.train.code == 0, tour.train.err
    ours = json.loads((tour.trained / "config.json").read_text())["settings"]["data"]
    theirs = json.loads((tour.run / "config.json").read_text())["settings"]["data"]
    assert ours == theirs
    pruned = read_structure(tour.pruned / "structure.json")
    assert read_structure(tour.trained / "structure.json") == pruned
    assert set(tour.train.json["metrics"]) == {"val"}, "training does not open the test split"


def test_evaluate_opens_the_test_split_once(tour: Tour, run: Command, tmp_path: Path) -> None:
    copy = shutil.copytree(tour.trained, tmp_path / "trained")
    first = run("evaluate", copy, "--json")
    assert first.code == 0, first.err
    assert first.json["clips"] == 8
    assert first.json["times_opened"] == 1
    assert 0 <= first.json["low"] <= first.json["accuracy"] <= first.json["high"] <= 1
    assert set(first.json["recalls"]) == set(first.json["clips_by_class"])
    assert {path.name for path in copy.glob("confusion-*")} == {
        "confusion-test.png",
        "confusion-test.svg",
    }
    (copy / "confusion-test.svg").unlink()
    second = run("evaluate", copy, "--json")
    assert second.json == first.json
    assert (copy / "confusion-test.svg").exists(), "a picture that is missing is drawn again"
    assert "was opened on" in second.err
    third = run("evaluate", copy, "--again", "--json")
    assert third.json["times_opened"] == 2
    assert third.json["accuracy"] == first.json["accuracy"]


def test_evaluate_pools_the_views_asked_for(tour: Tour, run: Command, tmp_path: Path) -> None:
    copy = shutil.copytree(tour.trained, tmp_path / "trained")
    views = ["--clips-per-video", "2", "--crops-per-clip", "2", "--pool-views", "max"]
    done = run("evaluate", copy, *views, "--json")
    assert done.code == 0, done.err
    assert (done.json["views"], done.json["clips"], done.json["left_out"]) == (4, 8, 0)
    assert json.loads((copy / "evaluation.json").read_text())["test"]["pool_views"] == "max"


def test_evaluate_refuses_other_data(tour: Tour, run: Command, tmp_path: Path) -> None:
    copy = shutil.copytree(tour.trained, tmp_path / "trained")
    done = run("evaluate", copy, "--data", "synthetic:motion")
    assert done.code == 2
    assert "not the data the network was trained on" in done.err
    assert not (copy / "evaluation.json").exists()


def test_evaluate_warns_of_a_network_that_was_only_pruned(
    tour: Tour, run: Command, tmp_path: Path
) -> None:
    copy = shutil.copytree(tour.pruned, tmp_path / "pruned")
    done = run("evaluate", copy)
    assert done.code == 0, done.err
    assert "batch-norm statistics" in done.out
    assert "by class" in done.out


def test_the_same_line_again_shows_the_result(tour: Tour, run: Command) -> None:
    done = run("search", "--run", tour.run, "--steps", "2", *TINY, "--json")
    assert done.code == 0, done.err
    assert "finished" in done.err
    assert done.json["digest"] == tour.search.json["digest"]


def test_other_settings_in_the_same_directory_are_refused(tour: Tour, run: Command) -> None:
    done = run("search", "--run", tour.run, "--steps", "3", *TINY)
    assert done.code == 2
    assert "settings.training.steps: the run has 2, asked for 3" in done.err
    assert "Traceback" not in done.err


def test_a_runs_config_feeds_back_in(tour: Tour, run: Command, tmp_path: Path) -> None:
    done = run("search", "--config", tour.run / "config.json", "--run", tmp_path / "b", "--json")
    assert done.code == 0, done.err
    assert done.json["digest"] == tour.search.json["digest"]


def test_flags_win_over_the_config(tour: Tour, run: Command, tmp_path: Path) -> None:
    done = run(
        *("search", "--config", tour.run / "config.json", "--run", tmp_path / "b"),
        *("--steps", "1", "--seed", "3", "--json"),
    )
    assert done.code == 0, done.err
    assert done.json["steps"] == 1
    settings = json.loads((tmp_path / "b" / "config.json").read_text())["settings"]
    assert settings["data"]["split"]["seed"] == settings["training"]["seed"] == 3
    assert settings["data"]["clips"]["size"] == 16


def test_the_default_run_is_named_after_structure_and_settings() -> None:
    def place(*words: str) -> str:
        return str(parse(Search, words, program="search").directory(Path("runs/search-starter")))

    assert place() == place("starter", "--workers", "2", "--json") == "runs/search-starter"
    assert place("--steps", "1") == place("starter", "--steps", "1") != place("--steps", "2")
    assert place("--steps", "1").startswith("runs/search-starter-")
    assert place("--seed", "1") != place("--data-seed", "1")
    assert place("--run", "mine") == "mine"


@pytest.mark.parametrize("criterion", ["threshold:0.5", "top_k:2", "random:share=0.5,seed=3"])
def test_prune_by_every_criterion(tour: Tour, run: Command, tmp_path: Path, criterion: str) -> None:
    done = run("prune", tour.run, "--criterion", criterion, "-o", tmp_path / "out", "--json")
    assert done.code == 0, done.err
    assert done.json["exactness"]["equal"] is True
    assert (tmp_path / "out" / "weights.safetensors").exists()


def test_published_shapes_are_reported(tour: Tour, run: Command, tmp_path: Path) -> None:
    done = run("prune", tour.run, "--criterion", "top_k:1", "--mode", "published", "-o", "out")
    assert done.code == 0, done.err
    record = json.loads((tmp_path / "out" / "prune.json").read_text())
    assert record["changes"]


def test_recalibrate_judges_the_pruned_network(tour: Tour, run: Command) -> None:
    done = run("prune", tour.run, "--recalibrate", "6", "-o", "out", "--json")
    assert done.code == 0, done.err
    assert done.json["metrics"]["val"]["clips"] == 8


def test_a_published_structure_is_pruned_by_its_stored_weights(run: Command) -> None:
    done = run("prune", "assemblenet-50", "--criterion", "threshold:0.5", "-o", "out", "--json")
    assert done.code == 0, done.err
    assert done.json["exactness"]["equal"] is True
    assert done.json["connections"]["after"] < done.json["connections"]["before"] == 30
    train = run("train", "out", "--steps", "1", *TINY)
    assert train.code == 2
    assert "--from-scratch" in train.err


def test_train_a_structure_from_scratch(run: Command) -> None:
    done = run("train", "starter", "--streams", "rgb", "--steps", "1", *TINY, "--json")
    assert done.code == 0, done.err
    assert read_structure(Path(done.json["structure"])).modalities() == ("rgb",)


def test_weights_and_other_streams_contradict_each_other(tour: Tour, run: Command) -> None:
    done = run("train", tour.pruned, "--streams", "rgb", "--run", "x")
    assert done.code == 2
    assert "--from-scratch" in done.err


def test_draw_what_a_run_has_learned(tour: Tour, run: Command, tmp_path: Path) -> None:
    checkpoint = max((tour.run / "checkpoint").glob("*.safetensors"))
    for target in (tour.run, tour.pruned, tour.run / "learned.safetensors", checkpoint):
        done = run("draw", target, "-o", tmp_path / "deep" / "picture.svg")
        assert done.code == 0, done.err
        assert "<svg" in (tmp_path / "deep" / "picture.svg").read_text()


@pytest.mark.parametrize("suffix", ["svg", "png", "pdf"])
def test_draw_a_structure_in_every_format(run: Command, tmp_path: Path, suffix: str) -> None:
    done = run("draw", "starter", "--output", f"starter.{suffix}", "--json")
    assert done.code == 0, done.err
    start = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}[suffix]
    assert (tmp_path / done.json["picture"]).read_bytes().startswith(start)


def test_inspect_counts_what_was_published(run: Command) -> None:
    done = run(*"inspect assemblenet-50 --num-classes 157 --attention peer --json".split())
    assert done.code == 0, done.err
    found = done.json
    assert (found["nodes"], found["connections"]) == (15, 30)
    assert found["connection_parameters"] == 28
    assert found["clip"] == [16, 112, 112]
    assert found["warnings"] == []
    assert found["parameters"] == 44_562_161, "published weights are frozen, peers learn"
    assert found["macs"] > 0


def test_inspect_flags_what_a_published_search_never_decided(run: Command) -> None:
    found = run("inspect", "assemblenet_plus-50", "--json").json
    assert found["warnings"] == [
        "node 9 reaches no final node over connections; only peers read it"
    ]
    undecided, still = found["alarms"]
    assert undecided.startswith("20 of 45 connection weights undecided")
    assert still.startswith("10 of 45 connection weights never moved")
    assert "0->9, 1->9, 2->9, 4->9, 5->9, 6->9, 7->9, 8->9" in still


def test_inspect_what_a_run_has_learned(tour: Tour, run: Command) -> None:
    done = run("inspect", tour.pruned, "--json")
    assert done.json["connections"] == tour.prune.json["connections"]["after"]
