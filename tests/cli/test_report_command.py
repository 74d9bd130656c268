"""``connsearch report`` on real runs, and ``--tensorboard`` of the commands that train."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path

import pytest

from tests.cli.commands import TINY, Command, Tour
from tests.view.report_files import Text


def test_a_run_a_pruned_network_and_a_training_are_reported(
    tour: Tour, run: Command, tmp_path: Path
) -> None:
    for place, verb in ((tour.run, "Searched"), (tour.pruned, "Pruned"), (tour.trained, "Trained")):
        page = tmp_path / f"{verb}.html"
        done = run("report", place, "--output", page, "--json")
        assert done.code == 0, done.err
        assert done.json["notes"] == {}
        assert done.json["bytes"] == page.stat().st_size
        text = str(Text(page.read_text()))
        assert text.count(f"{verb}: ") == 1
        assert "bit-equal" in text.lower() or verb == "Trained"
    searched = str(Text((tmp_path / "Searched.html").read_text()))
    accuracy = tour.search.json["metrics"]["val"]["accuracy"]
    assert f"accuracy on val {accuracy:.3f}" in searched
    assert "no baseline" in searched
    counted = tour.prune.json["connections"]
    assert f"connections {counted['before']} → {counted['after']} stay" in searched
    assert "pruned/trained" in searched
    assert "not recorded" not in searched[searched.index("SHA-256 of the list") :][:400]


def test_the_report_lies_in_the_run_and_takes_in_what_was_added(
    tour: Tour, run: Command, tmp_path: Path
) -> None:
    copy = shutil.copytree(tour.run, tmp_path / "run")
    first = run("report", copy, "--json")
    assert first.json["report"] == str(copy / "report.html")
    (copy / "gap").mkdir()
    (copy / "gap" / "summary.json").write_text("{")
    second = run("report", copy)
    assert second.code == 0
    assert "gap/summary.json" in second.out
    assert not list(copy.glob("*.tmp"))


def test_a_run_that_was_killed_is_reported(tour: Tour, run: Command, tmp_path: Path) -> None:
    copy = shutil.copytree(tour.run, tmp_path / "run")
    for name in ("result.json", "learned.json", "learned.safetensors"):
        (copy / name).unlink()
    done = run("report", copy, "--json")
    assert done.code == 0, done.err
    text = str(Text((copy / "report.html").read_text()))
    assert "This run is not finished: its logs end at step 2" in text
    assert "undecided" in text, "the alarms of the weights so far"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("report .", ".: not a run directory"),
        ("report no-such-run", "no-such-run: no such run"),
        ("report something.txt", "something.txt: no such run"),
    ],
)
def test_a_mistake_is_named_without_a_traceback(
    run: Command, tmp_path: Path, line: str, said: str
) -> None:
    (tmp_path / "something.txt").write_text("not a run")
    done = run(*line.split())
    assert said in done.err
    assert done.code == 2
    assert "Traceback" not in done.err


def test_tensorboard_is_refused_before_any_work_where_it_is_missing(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    absent = {"tensorboard"}
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *at: None if name in absent else find(name, *at)
    )
    done = run("search", "--steps", "1", *TINY, "--run", tmp_path / "run", "--tensorboard")
    assert done.code == 2
    assert "--tensorboard" in done.err
    assert "pip install 'connsearch[tensorboard]'" in done.err
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tensorboard_may_be_asked_for_later_and_changes_nothing(
    run: Command, tmp_path: Path
) -> None:
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    line = ("search", "--steps", "2", *TINY, "--json", "--run")
    plain = run(*line, tmp_path / "plain")
    heard = run(*line, tmp_path / "heard", "--tensorboard")
    assert heard.code == 0, heard.err
    assert heard.json["digest"] == plain.json["digest"]
    settings = [
        json.loads((tmp_path / name / "config.json").read_text())["settings"]
        for name in ("plain", "heard")
    ]
    assert settings[0] == settings[1]
    found = reading.EventAccumulator(str(tmp_path / "heard" / "tensorboard" / "train"))
    found.Reload()
    assert [point.step for point in found.Scalars("loss")] == [1, 2]
    again = run(*line, tmp_path / "plain", "--tensorboard")
    assert again.code == 0, "the run is the same one with it"
