"""The tables of an epoch's scores, and the speeds of the parts of a step."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from connsearch.data.loading.batches import Batch
from connsearch.runs.events import EvaluationEvent, StepEvent
from connsearch.runs.formats.tables import MetricsRow
from connsearch.runs.logs import CsvLog, read_table
from connsearch.runs.metrics import summarise
from connsearch.runs.names import METRICS
from connsearch.training import speed
from connsearch.training.lesson import Learned
from connsearch.training.losses import CrossEntropy, right_answers
from connsearch.training.scores import Scores
from connsearch.training.speed import Laps
from tests.training.plain import plain_fit
from tests.training.tiny import TinyData

ROOT = Path(__file__).parents[2]
TABLES = ("train_results_s0000.csv", "val_results_s0000.csv")


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def steps(directory: Path) -> list[dict[str, str]]:
    return [row for row in rows(directory / METRICS) if row["split"] == "train"]


def test_an_epoch_has_a_row_whose_means_are_those_of_its_clips(tmp_path: Path) -> None:
    """14 clips in batches of 4, so that the last batch has two."""
    list(plain_fit(tmp_path / "run", epochs=2, eval_every=1, score_csv=True))
    train, val = (rows(tmp_path / "run" / name) for name in TABLES)
    assert list(train[0]) == list(val[0]) == ["Epoch", "Top1", "Top5", "Loss"]
    assert [row["Epoch"] for row in train] == [row["Epoch"] for row in val] == ["0", "1"]
    for epoch, row in enumerate(train):
        own = [s for s in steps(tmp_path / "run") if int(s["epoch"]) == epoch]
        clips = [int(s["clips"]) for s in own]
        assert clips == [4, 4, 4, 2]
        for column, name in (("Top1", "accuracy"), ("Loss", "loss")):
            by_hand = sum(float(s[name]) * n for s, n in zip(own, clips, strict=True)) / 14
            assert float(row[column]) == pytest.approx(by_hand, rel=1e-6)
    looks = [row for row in rows(tmp_path / "run" / METRICS) if row["split"] == "val"]
    assert [row["Loss"] for row in val] == [row["loss"] for row in looks]
    assert {row["Top5"] for row in (*train, *val)} == {"1.0"}, "of two classes any is among five"


def test_an_epoch_without_an_evaluation_has_no_row_of_validation(tmp_path: Path) -> None:
    list(plain_fit(tmp_path / "run", epochs=4, eval_every=2, steps=14, score_csv=True))
    train, val = (rows(tmp_path / "run" / name) for name in TABLES)
    assert [row["Epoch"] for row in train] == ["0", "1", "2", "3"], "the last one in part"
    assert [row["Epoch"] for row in val] == ["1", "3"]


def test_the_best_of_a_training_is_no_further_row(tmp_path: Path) -> None:
    list(plain_fit(tmp_path / "run", epochs=2, eval_every=1, keep="best", score_csv=True))
    assert [row["Epoch"] for row in rows(tmp_path / "run" / TABLES[1])] == ["0", "1"]


SHORT = {"epochs": 3, "eval_every": 1, "checkpoint_steps": 3, "score_csv": True}


def test_an_interrupted_run_goes_on_in_the_same_tables(tmp_path: Path) -> None:
    list(plain_fit(tmp_path / "whole", **SHORT))
    for stop in (5, 10):
        events = plain_fit(tmp_path / "run", **SHORT)
        for event in events:
            if isinstance(event, StepEvent) and event.step == stop:
                break
        events.close()  # type: ignore[attr-defined]
    list(plain_fit(tmp_path / "run", **SHORT))
    for name in TABLES:
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.slow
def test_a_killed_run_goes_on_in_the_same_tables(tmp_path: Path) -> None:
    settings = SHORT
    list(plain_fit(tmp_path / "whole", **settings))
    for stop in (5, 10):
        command = [sys.executable, "-m", "tests.training.plain", str(tmp_path / "run"), str(stop)]
        subprocess.run([*command, "1", json.dumps(settings)], cwd=ROOT, check=False)
        for name in TABLES:
            assert all(math.isfinite(float(r["Loss"])) for r in rows(tmp_path / "run" / name))
    list(plain_fit(tmp_path / "run", **settings))
    for name in TABLES:
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_without_the_option_there_are_no_tables(tmp_path: Path) -> None:
    list(plain_fit(tmp_path / "run", epochs=1))
    assert not list((tmp_path / "run").glob("*_results_*"))


def batch_of(labels: list[int]) -> Batch:
    return Batch({}, torch.tensor(labels), tuple(range(len(labels))))


class Table:
    """Stands in for a run; keeps the rows."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, Any]] = []

    def log(self, name: str, row: Any) -> None:
        self.rows.append((name, row))


def test_a_loss_that_is_no_number_is_no_part_of_the_mean() -> None:
    kept, table = Scores(7, TinyData().train, 9), Table()  # type: ignore[arg-type]
    kept.add(Learned(clips=4, hits=1, five=2, asked=4, loss=1.0, counted=4))
    kept.add(Learned(clips=4, hits=2, five=4, asked=4, loss=math.inf, counted=4))
    again = Scores(7, TinyData().train, 9)  # type: ignore[arg-type]
    again.restore({}, json.loads(json.dumps(kept.state())))
    again.trained(table, 7)  # type: ignore[arg-type]
    wanted = {"Epoch": 7, "Top1": 3 / 8, "Top5": 6 / 8, "Loss": 1.0}
    assert table.rows == [("train_results_s0007.csv", wanted)]


def test_several_labels_have_no_top_five() -> None:
    data, table = TinyData().train, Table()
    data.num_classes = 9
    kept = Scores(0, data, 9)  # type: ignore[arg-type]
    kept.add(Learned(clips=4, hits=1, five=2, asked=4, loss=1.0, counted=4))
    kept.trained(table, 0)  # type: ignore[arg-type]
    assert table.rows[0][1]["Top5"] is None
    found = summarise([0, 1], [0, 1], classes=["a", "b"], loss=1.0)
    kept.evaluated(table, "test", 0, found)  # type: ignore[arg-type]
    assert len(table.rows) == 1, "the test split has no table"


def test_five_answers_hold_the_right_one_or_not() -> None:
    logits = torch.arange(9.0).expand(4, 9).clone()
    batch = batch_of([8, 4, 3, 0])
    assert right_answers(logits, batch) == (1, 2, 4)
    assert right_answers(logits[:, :2], batch_of([1, 0, 0, 1])) == (2, 4, 4)


def test_a_step_says_how_fast_its_parts_were(tmp_path: Path) -> None:
    events = list(plain_fit(tmp_path / "run", epochs=1))
    for event in events:
        if isinstance(event, StepEvent):
            assert event.speeds is not None
            assert min(event.speeds.read, event.speeds.forward, event.speeds.backward) > 0  # type: ignore[type-var]
        if isinstance(event, EvaluationEvent):
            assert event.speeds is not None
            assert event.speeds.backward is None
            assert event.speeds.read
            assert event.speeds.forward
    for row in rows(tmp_path / "run" / METRICS):
        names = ["read", "forward", "backward"][: 3 if row["split"] == "train" else 2]
        assert all(float(row[f"{name}_per_second"]) > 0 for name in names)


def test_a_gpu_is_waited_for_in_measured_steps_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[int] = []
    monkeypatch.setattr(speed.torch.cuda, "synchronize", lambda: waits.append(1))
    laps = Laps("cuda")
    for measured, wanted in ((False, 0), (True, 4), (False, 0)):
        laps.begin(measured=measured)
        waits.clear()
        assert list(laps.reading(iter([1]))) == [1]
        laps.clips += 8
        with laps.part("forward"):
            pass
        with laps.part("backward"):
            pass
        with laps.paused(), laps.part("forward"):
            pass
        assert len(waits) == wanted
        assert (laps.speeds() is not None) == measured


def test_a_table_of_an_earlier_version_goes_on_in_its_own_columns(tmp_path: Path) -> None:
    path = tmp_path / METRICS
    path.write_text("step,epoch,split,loss\n1,0,train,0.5\n")
    log = CsvLog(path, MetricsRow, length=path.stat().st_size)
    log.add([{"step": 2, "epoch": 0, "split": "train", "loss": 0.25, "read_per_second": 9.0}])
    log.close()
    assert [row.loss for row in read_table(path, MetricsRow)] == [0.5, 0.25]


def test_the_loss_weighs_by_clips_that_count() -> None:
    assert CrossEntropy().divisor(batch_of([0, -1, 1])) == 2
