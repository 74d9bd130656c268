"""``train --folds`` and ``search --folds``: a run for each fold, and what they say together."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

import connsearch
from connsearch.analysis.folds import FoldsSummary
from connsearch.cli.app import main
from connsearch.errors import DataError, Failure, RunError, SettingsError, UserError
from connsearch.runs.events import NoteEvent, StepEvent, WarningEvent
from connsearch.runs.formats.folds import FoldsRecord
from connsearch.runs.predictions import read_predictions
from connsearch.training.lesson import Lesson
from connsearch.view.charts import files
from connsearch.view.notebook.folds import folds_html
from connsearch.workflows import pictures
from tests.cli.commands import ROOT
from tests.workflows.colours import write_colours

SMALL: dict[str, Any] = {
    "frames": 4,
    "size": 16,
    "batch_size": 6,
    "epochs": 2,
    "lr": 0.1,
    "precision": "fp32",
    "threads": 1,
    "recalibrate_clips": 6,
    "checkpoint_steps": 2,
    "progress": False,
}
LINE = (
    "--frames 4 --size 16 --batch-size 6 --precision fp32 --threads 1 --recalibrate-clips 6 "
    "--steps 2"
).split()


class Tiny(nn.Module):
    """The mean colour, and a classifier."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.dense = nn.Linear(3, 4)

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        return self.dense(clips.mean((2, 3, 4)))


@pytest.fixture(scope="module", autouse=True)
def quick_pictures() -> Generator[None]:
    """Pictures are empty files: drawing them would take most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        blank = SimpleNamespace(savefig=lambda *_, **__: None)
        patch.setattr(files, "chart_figure", lambda _: blank)
        patch.setattr(pictures, "render", lambda _, path, **__: path.write_bytes(b"") or path)
        yield


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("folds")


@pytest.fixture(scope="module")
def listed(place: Path) -> Path:
    """24 planted clips of four classes, of six people, as a list."""
    data = connsearch.load_data(
        "synthetic:mix",
        frames=4,
        size=16,
        train_clips=6,
        val_clips=1,
        test_clips=1,
        cache=place / "cache",
        progress=False,
    )
    rows = [["path", "label", "group"]]
    for number, record in enumerate(data.train.records):
        rows.append([str(record.path), data.classes[record.label], f"p{number // 4}"])
    path = place / "clips.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


@pytest.fixture(scope="module")
def named(place: Path, listed: Path) -> Path:
    """The same list with a column cv."""
    head, *rows = listed.read_text().splitlines()
    path = place / "named.csv"
    cells = [f"{row},part {number // 8}" for number, row in enumerate(rows)]
    path.write_text("\n".join([f"{head},cv", *cells]) + "\n")
    return path


def train(listed: Path | None, run: Path, **changes: Any) -> FoldsSummary:
    asked: dict[str, Any] = {**SMALL, "folds": 3, "run": run, **changes}
    return connsearch.train(Tiny(), listed, **asked)


@pytest.fixture(scope="module")
def whole(place: Path, listed: Path) -> FoldsSummary:
    return train(listed, place / "whole")


def everything(summary: FoldsSummary) -> dict[str, Any]:
    """Returns all that may not depend on when the work was interrupted."""
    record = json.loads(json.dumps(summary.record.to_json()).replace(str(summary.directory), "RUN"))
    for found in (record["pooled"], *(row["test"] for row in record["rows"])):
        found.pop("seconds_per_clip")
    return {
        "record": record,
        "predictions": (summary.directory / "predictions.csv").read_bytes(),
        "digests": [run.digest for run in summary.runs],
        "opened": [run.evaluations["test"].times_opened for run in summary.runs],
    }


def test_every_clip_is_answered_once_by_a_network_that_never_saw_its_group(
    whole: FoldsSummary, listed: Path
) -> None:
    with listed.open(newline="") as file:
        given = {row["path"]: row for row in csv.DictReader(file)}
    assert sorted(row.path for row in whole.table) == sorted(given)
    for row in whole.table:
        assert row.label == given[row.path]["label"]
        assert row.group == given[row.path]["group"]
        assert (
            row.probability == row.probabilities[row.predicted] == max(row.probabilities.values())
        )
        assert sum(row.probabilities.values()) == pytest.approx(1)
    fold_of = {row.group: row.fold for row in whole.table}
    assert all(fold_of[row.group] == row.fold for row in whole.table)
    for number, run in enumerate(whole.runs, start=1):
        data = connsearch.load_data(listed, fold=f"{number}/3", frames=4, size=16, progress=False)
        assert run.form.facts.data == data.fingerprint
        tested = {row.clip for row in whole.table if row.fold == number}
        assert {record.name for record in data.test.records} == tested
        assert {r.group for r in data.train.records}.isdisjoint(r.group for r in data.test.records)
        assert len(data.val) > 0


def test_the_numbers_are_those_of_the_table(whole: FoldsSummary) -> None:
    right = [row.label == row.predicted for row in whole.table]
    record = whole.record
    assert whole.metrics.accuracy == record.accuracy.value == sum(right) / len(right)
    assert record.groups == 6
    assert record.by == "groups"
    assert [row.test.clips for row in record.rows] == [8, 8, 8]
    assert record.mean == pytest.approx(sum(row.test.accuracy for row in record.rows) / 3)
    assert {row.name: row.clips for row in record.classes} == whole.metrics.support
    assert f"{whole.metrics.accuracy:.3f}" in whole.verdict
    assert "24 clips in 6 groups, 3 folds" in whole.verdict
    assert {Path(path).name for path in record.pictures} == {"confusion.png", "confusion.svg"}
    assert all(Path(path).exists() for path in record.pictures)


def test_each_fold_is_a_run_that_was_tested_once(whole: FoldsSummary, listed: Path) -> None:
    for number, run in enumerate(whole.runs, start=1):
        again = connsearch.evaluate(run, network=Tiny(), progress=False)
        assert again.times_opened == 1
        assert again.metrics == whole.record.rows[number - 1].test
        assert run.config["settings"]["seed"] == number - 1
        rows = list(read_predictions(run.directory / "predictions.csv"))
        assert rows == [row for row in whole.table if row.fold == number]
    alone = connsearch.train(
        Tiny(), listed, **SMALL, fold="2/3", seed=1, data_seed=0, run=whole.runs[1].directory
    )
    assert alone.digest == whole.runs[1].digest, "the line of one fold finds its run"


def test_the_module_stays_as_it_was(place: Path, listed: Path) -> None:
    own = Tiny()
    before = own.dense.weight.clone()
    connsearch.train(own, listed, **SMALL, folds=2, run=place / "own")
    assert torch.equal(own.dense.weight, before)


class Killed(BaseException):
    """What no code expects."""


def kill_after(steps: int) -> Callable[[object], None]:
    seen = 0

    def hear(event: object) -> None:
        nonlocal seen
        seen += isinstance(event, StepEvent)
        if seen > steps:
            raise Killed

    return hear


def test_a_cross_validation_that_is_stopped_ends_like_one_left_alone(
    tmp_path: Path, whole: FoldsSummary, listed: Path
) -> None:
    for count in (1, 5, 1):
        with pytest.raises(Killed):
            train(listed, tmp_path / "run", progress=kill_after(count))
    heard: list[object] = []
    again = train(listed, tmp_path / "run", progress=heard.append)
    assert everything(again) == everything(whole)
    assert sum(isinstance(event, StepEvent) for event in heard) < 3 * 6


@pytest.mark.parametrize("lost", ["evaluation.json", "predictions.csv", "confusion-test.png"])
def test_a_fold_that_was_killed_while_it_was_tested_is_tested_again(
    tmp_path: Path, whole: FoldsSummary, listed: Path, lost: str
) -> None:
    place = shutil.copytree(whole.directory, tmp_path / "run")
    ledger = place / "ledger.jsonl"
    ledger.write_text("".join(ledger.read_text().splitlines(keepends=True)[:3]))
    (place / "summary.json").unlink()
    (place / "fold-3" / lost).unlink()
    assert everything(train(listed, place)) == everything(whole)
    assert (place / "fold-3" / lost).exists()


def test_a_finished_one_is_returned_without_its_data(
    tmp_path: Path, whole: FoldsSummary, listed: Path
) -> None:
    heard: list[object] = []
    kept = listed.read_bytes()
    listed.unlink()
    try:
        again = train(listed, whole.directory, progress=heard.append)
    finally:
        listed.write_bytes(kept)
    assert again.record == whole.record
    assert [type(event) for event in heard] == [NoteEvent, NoteEvent]


@pytest.mark.slow
def test_a_process_that_is_killed_resumes(
    tmp_path: Path, whole: FoldsSummary, listed: Path
) -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom tests.workflows import test_folds as t\n"
        "def hear(event):\n    if isinstance(event, t.StepEvent): print('step', flush=True)\n"
        "t.train(Path(sys.argv[1]), Path(sys.argv[2]), progress=hear)\n"
    )
    line = [sys.executable, "-c", program, str(listed), str(tmp_path / "run")]
    for steps in (2, 4, 7):
        process = subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for _ in range(steps):
            process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    assert everything(train(listed, tmp_path / "run")) == everything(whole)


def test_the_folds_of_a_column_are_taken(tmp_path: Path, named: Path) -> None:
    found = train(named, tmp_path / "run", folds="csv", epochs=1, val_share=0)
    assert found.record.by == "the column cv"
    assert [row.name for row in found.record.rows] == ["part 0", "part 1", "part 2"]
    assert [row.val for row in found.record.rows] == [None] * 3
    with pytest.raises(DataError, match=r"column cv names 3 .*asked for 2"):
        train(named, tmp_path / "never", folds=2)
    assert not (tmp_path / "never").exists()


@pytest.mark.parametrize("folds", [1, 0, True, "five", 2.5, 1001])
def test_a_number_that_is_no_number_of_folds_is_refused(listed: Path, folds: Any) -> None:
    with pytest.raises(SettingsError, match=re.escape(f"read {folds!r}; allowed: 2 to 1,000, or")):
        train(listed, Path("never"), folds=folds)


def test_what_contradicts_folds_is_refused(place: Path, tmp_path: Path, listed: Path) -> None:
    never = tmp_path / "never"
    with pytest.raises(SettingsError, match="folds 3 trains all folds, fold 1/3 one of them"):
        train(listed, never, fold="1/3")
    with pytest.raises(DataError, match=r"--test-share 0.3 .*a fold is the test split"):
        train(listed, never, test_share=0.3)
    data = connsearch.load_data(listed, frames=4, size=16, progress=False)
    with pytest.raises(SettingsError, match="split already\n  cure: name the data"):
        connsearch.train(Tiny(), data, folds=3, run=never, progress=False)
    with pytest.raises(DataError, match="7 folds of 6 groups"):
        train(listed, never, folds=7)
    planted: dict[str, Any] = {"source": "synthetic:mix", "train_clips": 6, "val_clips": 1}
    with pytest.raises(DataError, match="99 folds of 28 clips"):  # its val list is not kept
        train(None, never, folds=99, val_share=0.3, **planted, test_clips=1, cache=place / "cache")
    assert not never.exists()


def test_a_directory_of_other_settings_is_refused_before_any_data_is_read(
    whole: FoldsSummary,
) -> None:
    gone = Path("no such list.csv")
    with pytest.raises(RunError, match=r"settings.training.epochs: the run has 2, asked for 9"):
        train(gone, whole.directory, epochs=9)
    with pytest.raises(RunError, match=r"settings.folds: the run has 3, asked for 4"):
        train(gone, whole.directory, folds=4)


def test_a_directory_with_other_files_is_refused(tmp_path: Path, listed: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(SettingsError, match="contains other files"):
        train(listed, tmp_path)


def test_other_data_of_the_same_name_is_refused(
    tmp_path: Path, listed: Path, whole: FoldsSummary
) -> None:
    place, kept = shutil.copytree(whole.directory, tmp_path / "run"), listed.read_text()
    (place / "summary.json").unlink()
    listed.write_text(kept.replace(",p0\n", ",p1\n"))
    try:
        with pytest.raises(RunError, match=r"contains results of other settings\n  data: "):
            train(listed, place)
    finally:
        listed.write_text(kept)


def test_a_fold_that_fails_is_named_and_the_others_stay(
    tmp_path: Path, whole: FoldsSummary, listed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    teach, runs = Lesson.__init__, 0

    def diverge(self: Lesson, *args: Any, **more: Any) -> None:
        nonlocal runs
        runs += 1
        teach(self, *args, **more)
        if runs == 2:
            with torch.no_grad():
                next(iter(self.network.parameters())).fill_(float("nan"))

    heard: list[object] = []
    with monkeypatch.context() as patch:
        patch.setattr(Lesson, "__init__", diverge)
        with pytest.raises(Failure, match=r"(?s)1 of 3 folds failed.*\n  fold-2: .*--lr"):
            train(listed, tmp_path / "run", progress=heard.append)
    assert any(isinstance(e, WarningEvent) and "fold-2 failed" in e.message for e in heard)
    assert not (tmp_path / "run" / "summary.json").exists()
    assert connsearch.load_run(tmp_path / "run" / "fold-3").finished
    assert everything(train(listed, tmp_path / "run")) == everything(whole)


def test_the_line_shows_every_fold_and_all_together(
    tmp_path: Path,
    listed: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    line = ["train", "starter_rgb_flow", "--data", str(listed), *LINE, "--folds", "2"]
    assert main(line) == 0
    told = capsys.readouterr().out
    (place,) = (tmp_path / "runs").iterdir()
    assert place.name.startswith("train-starter_rgb_flow-folds-2")
    for words in (
        "2 folds of 24 clips in 6 groups: 12, 12",
        "accuracy of each fold",
        "by class, all folds",
        "all folds together: balanced accuracy",
        "mean of the folds",
        "predictions.csv",
        "warning: fold-1: ",
    ):
        assert words in told, words
    assert "all folds together: accuracy" not in told, "the verdict says it"
    assert "warning: fold-2: " not in told, "the same advice for every fold is told once"
    assert main([*line, "--json"]) == 0
    shown = FoldsRecord.model_validate(json.loads(capsys.readouterr().out.splitlines()[-1]))
    assert shown == FoldsRecord.model_validate_json((place / "summary.json").read_text())
    for command in ("evaluate", "prune", "report", "inspect", "export", "gap", "train"):
        assert main([command, str(place)]) == 2
        assert f"give a fold, such as runs/{place.name}/fold-1" in capsys.readouterr().err.replace(
            str(tmp_path) + "/", ""
        )
    _weights_are_not_cross_validated(place, line, capsys)


def _weights_are_not_cross_validated(
    place: Path, line: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Weights that have learned from the clips of a fold say nothing about it."""
    further = ["train", str(place / "fold-1"), *line[2:]]
    assert main(further) == 2
    told = capsys.readouterr().err
    assert "its weights have learned from clips of" in told
    assert "--from-scratch" in told


@pytest.mark.slow
def test_a_search_says_which_connections_the_folds_share(tmp_path: Path, listed: Path) -> None:
    asked: dict[str, Any] = {**SMALL, "epochs": 1, "folds": 3, "run": tmp_path / "run"}
    found: FoldsSummary = connsearch.search("starter_rgb_flow", listed, **asked)
    wiring = found.record.wiring
    assert wiring is not None
    assert list(wiring.kept) == ["fold-1", "fold-2", "fold-3"]
    kept = [connsearch.prune(run, progress=False).structure.edges() for run in found.runs]
    assert [len(edges) for edges in kept] == list(wiring.kept.values())
    assert {row.frequency for row in wiring.rows} <= {0, 1 / 3, 2 / 3, 1}
    assert connsearch.load_structure(wiring.structure)
    assert wiring.verdict.startswith("search longer: all 3 searches keep every connection")
    assert {Path(path).name for path in found.record.pictures} >= {"stability.png", "confusion.svg"}
    trained = connsearch.train(
        connsearch.load_run(tmp_path / "run/fold-2/pruned"), epochs=1, progress=False
    )
    assert trained.form.facts.data == found.runs[1].form.facts.data
    assert "consensus" in folds_html(found)


def test_a_card_shows_it_in_a_notebook(whole: FoldsSummary) -> None:
    card = whole._repr_html_()  # type: ignore[attr-defined]
    assert card == folds_html(whole)
    for words in ("cross-validation", "fold-1", "recall", "24 clips in 6 groups"):
        assert words in card, words
    assert repr(whole).startswith("<FoldsSummary ")


class Loud(nn.Module):
    """How red and how blue a clip is, so loudly that every probability of it is exactly 1."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(100.0))

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        return (clips.mean((2, 3, 4))[:, [2, 0]] + 2.0) * self.scale


def test_sure_answers_of_several_classes_keep_their_order(tmp_path: Path) -> None:
    listed = write_colours(tmp_path)
    listed.write_text(re.sub(r",(train|val|test)(?=\r?\n)", ",", listed.read_text()))
    asked: dict[str, Any] = {**SMALL, "epochs": 1, "lr": 0.0001, "val_share": 0.0, "folds": 2}
    found: FoldsSummary = connsearch.train(Loud(), listed, run=tmp_path / "run", **asked)
    assert {p for row in found.table for p in row.probabilities.values()} == {1.0}
    assert found.metrics.mAP == 1.0
    assert found.record.mAP is not None
    assert found.record.mAP.value == 1.0, "ranked by probabilities it would be the share of clips"
    assert [row.test.mAP for row in found.record.rows] == [1.0, 1.0]
    again = list(read_predictions(tmp_path / "run" / "predictions.csv"))
    assert again == list(found.table)
    assert all(row.predicted == max(row.log_odds, key=row.log_odds.__getitem__) for row in again)


def test_what_has_no_effect_is_refused_as_for_a_single_training(
    tmp_path: Path, listed: Path
) -> None:
    for asked in ({"watch": "accuracy"}, {"class_weights": tmp_path / "none.csv"}):
        with pytest.raises(UserError) as folds:
            train(Path("no list is read.csv"), tmp_path / "never", **asked)
        with pytest.raises(UserError) as single:
            train(listed, tmp_path / "never", **{**asked, "folds": None})
        assert str(folds.value) == str(single.value)
        assert "cure: --" in str(folds.value)
    (tmp_path / "few.csv").write_text("label,weight\nnobody,1\n")
    with pytest.raises(DataError, match="no class 'nobody'"):
        train(listed, tmp_path / "never", class_weights=tmp_path / "few.csv")
    assert not (tmp_path / "never").exists()


def test_all_folds_have_the_same_class_weights(tmp_path: Path, listed: Path) -> None:
    names = sorted({row["label"] for row in csv.DictReader(listed.read_text().splitlines())})
    weights = tmp_path / "weights.csv"

    def write(first: float) -> None:
        rows = [f"{name},{first if name == names[0] else 1}" for name in names]
        weights.write_text("\n".join(["label,weight", *rows, ""]))

    write(2)
    with pytest.raises(Killed):
        train(listed, tmp_path / "run", class_weights=weights, progress=kill_after(7))
    assert (tmp_path / "run/fold-1/result.json").exists()
    shutil.rmtree(tmp_path / "run/fold-2", ignore_errors=True)
    write(3)
    told = rf"results of other settings\n  class_weights\.{names[0]}: .*2.*3"
    with pytest.raises(RunError, match=told):
        train(listed, tmp_path / "run", class_weights=weights)
    write(2)
    assert train(listed, tmp_path / "run", class_weights=weights).record.folds == 3
