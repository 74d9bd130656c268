"""Training on clips with several classes or none, from video files to mean average precision."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from connsearch.data.clips.dataset import ClipDataset, ClipKey
from connsearch.data.loading.load import DataSplits
from connsearch.data.loading.loader import Loader
from connsearch.data.media.decode import write_video
from connsearch.data.options import DataOptions
from connsearch.data.records import Record, Span
from connsearch.models.structure import Network
from connsearch.oneshot.search import fit_model
from connsearch.runs.events import NoteEvent, ResultEvent, StepEvent
from connsearch.runs.formats.metrics import Metrics
from connsearch.runs.run import Run
from connsearch.training.evaluate import evaluate
from connsearch.training.options import TrainOptions
from connsearch.view.runs.series import read_curves
from tests.training.tiny import tiny_structure

CLASSES = ("red", "blue")
CLIPS = {"red": (0,), "blue": (1,), "both": (0, 1), "none": ()}


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[Record]:
    """Four videos; red and blue are there or not."""
    folder = tmp_path_factory.mktemp("colours")
    for name, labels in CLIPS.items():
        frames = np.full((6, 24, 24, 3), 60, np.uint8)
        for label in labels:
            frames[..., 2 * label] = 230
        write_video(folder / f"{name}.mp4", frames)
    return [Record(n, folder / f"{n}.mp4", labels) for n, labels in CLIPS.items()]


def splits(records: list[Record], **changes: Any) -> DataSplits:
    options = DataOptions.of(frames=4, size=16, batch_size=4, **changes)
    train, val, test = (
        ClipDataset.of(tuple(records), options, object_classes=0, num_classes=2, remember=True)
        for _ in range(3)
    )
    hashes = dict.fromkeys(("train", "val", "test"), "colours")
    facts = (CLASSES, 0, "colours", hashes, (), options, "colours")
    return DataSplits(train, val, test, *facts, multi_label=True)


def trained(directory: Path, data: DataSplits, **changes: Any) -> tuple[list[Any], Network]:
    chosen = {"epochs": 30, "lr": 0.05, "eval_every": 15, "label_smoothing": 0.0}
    options = TrainOptions.of(**{**chosen, "threads": 1, "precision": "fp32", **changes})
    structure = tiny_structure(dropout=0.0)
    network = Network(structure, 2, seed=0)
    with Run.open(directory, {"command": "train", "settings": options.model_dump()}) as run:
        return list(fit_model(network, data, options, run=run)), network


def test_every_class_of_every_clip_is_learned(records: list[Record], tmp_path: Path) -> None:
    events, _ = trained(tmp_path / "run", splits(records, clips_per_video=2))
    losses = [e.loss for e in events if isinstance(e, StepEvent)]
    assert losses[-1] < 0.5 * losses[0]
    result = events[-1]
    assert isinstance(result, ResultEvent)
    found = result.metrics["test"]
    assert found.mAP == pytest.approx(1.0)
    assert found.accuracy == 1.0
    assert found.support == {"red": 2, "blue": 2}
    assert (found.clips, found.views) == (4, 2)
    stored = json.loads((tmp_path / "run" / "result.json").read_text())["metrics"]["test"]
    assert Metrics.from_json(stored) == found
    curves = read_curves(tmp_path / "run" / "metrics.csv")
    assert curves.mAP["val"].steps == [15, 30]
    assert "train" not in curves.mAP


def test_of_several_classes_cross_entropy_takes_the_one_drawn(
    records: list[Record], tmp_path: Path
) -> None:
    data = splits(records)
    events, network = trained(tmp_path / "run", data, loss="cross_entropy", epochs=20)
    found = events[-1].metrics["test"]
    same, other = (
        evaluate(network, Loader(data.test), classes=CLASSES, loss=loss)
        for loss in ("cross_entropy", "binary_cross_entropy")
    )
    untimed = {"seconds_per_clip": 0.0}
    assert found.model_copy(update=untimed) == same.model_copy(update=untimed)
    assert found.loss != pytest.approx(other.loss)
    assert found.mAP is not None
    assert found.accuracy == 1.0  # of the three clips that have a class
    assert found.clips == 4


def test_a_step_of_clips_without_a_class_is_no_number_of_right_answers(
    records: list[Record], tmp_path: Path
) -> None:
    data = splits([r for r in records if not r.labels])
    events, _ = trained(tmp_path / "run", data, loss="cross_entropy", epochs=2)
    assert [e.loss for e in events if isinstance(e, StepEvent)] == [0.0, 0.0]
    with (tmp_path / "run" / "metrics.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "train"]
    assert [row["accuracy"] for row in rows] == ["", ""]
    assert events[-1].metrics["val"].mAP is None


@pytest.mark.parametrize(("span", "label"), [((0.0, 9.0), 1), ((7.0, 9.0), -1)])
def test_the_label_of_a_training_clip_is_one_that_is_seen_in_it(
    records: list[Record], span: tuple[float, float], label: int
) -> None:
    both = replace(records[2], spans=(Span(0, 8.0, 9.0), Span(1, *span)))
    clip = splits([both], clip_labels="clip").train.clip(ClipKey(0, augment=True))
    assert (clip.label, clip.labels) == (label, () if label < 0 else (label,))


def test_rare_classes_are_weighted_and_shown_and_the_best_mean_precision_is_kept(
    records: list[Record], tmp_path: Path
) -> None:
    few = splits(records)
    several = tuple(records[:1] * 3 + records[1:])  # red three times as often
    data = replace(few, train=replace(few.train, records=several))
    asked = {"epochs": 2, "eval_every": 1, "keep": "best"}
    events, _ = trained(tmp_path / "a", data, class_weights="balanced", **asked)
    recorded = json.loads((tmp_path / "a" / "config.json").read_text())["facts"]
    assert recorded["class_weights"] == pytest.approx({"red": 2 / 4, "blue": 4 / 2})
    choice = events[-1].report.choice
    assert (choice.watch, choice.looks) == ("mAP", 2)
    assert choice.value == max(choice.value, choice.last)
    events, _ = trained(tmp_path / "b", data, sampler_weights="balanced", **asked)
    said = [e.message for e in events if isinstance(e, NoteEvent)]
    assert any("draws each of 3 classes 2 times" in text for text in said)  # and none
    assert sum(isinstance(e, StepEvent) for e in events) == 4
