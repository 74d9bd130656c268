"""The tables of an evaluation: a column or a row only where there is something to say."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch

from connsearch.cli.outcome import report_evaluation, show_classes, show_metrics
from connsearch.cli.terminal import Terminal
from connsearch.models.document import ModelDocument
from connsearch.runs.events import EvaluationEvent, Event, ResultEvent
from connsearch.runs.formats.evaluation import ClipCostRecord, Evaluation
from connsearch.runs.formats.metrics import Metrics
from connsearch.runs.metrics import summarise, summarise_sets
from connsearch.view.console import Console


def terminal() -> tuple[Terminal, io.StringIO]:
    written = io.StringIO()
    return Terminal(console=Console(written, width=100)), written


def headings(metrics: dict[str, Metrics]) -> str:
    made, written = terminal()
    show_metrics(metrics, made)
    return next(line for line in written.getvalue().splitlines() if "split" in line)


def several(**facts: int) -> Metrics:
    targets = torch.tensor([[1.0, 0, 0], [1, 1, 0], [0, 0, 0]])
    return summarise_sets(targets, targets * 0.5, classes=["walk", "fall", "never"], **facts)


def test_two_classes_have_neither_top_five_nor_map() -> None:
    plain = summarise([0, 1], [0, 0], classes=["a", "b"], scores=torch.rand(2, 2))
    line = headings({"test": plain})
    assert line.split() == "split clips accuracy 95% interval balanced loss".split()


def test_many_classes_have_top_five() -> None:
    many = summarise([0], [0], classes=[*"abcdef"], scores=torch.rand(1, 6), views=2, left_out=1)
    line = headings({"val": summarise([0], [0], classes=["a", "b"]), "test": many})
    assert line.split()[:4] == ["split", "clips", "left", "out"]
    assert "views" in line
    assert "top-5" in line
    assert "mAP" not in line


def test_several_classes_a_clip_have_map_and_no_balance() -> None:
    line = headings({"test": several()})
    assert line.split()[:4] == ["split", "clips", "mAP", "accuracy"]
    assert "balanced" not in line


def test_the_classes_of_clips_with_several_have_their_average_precision() -> None:
    made, written = terminal()
    found = several()
    show_classes(found, found.support, made)
    rows = [line.split() for line in written.getvalue().splitlines()]
    assert ["walk", "2", "1"] in rows
    assert ["fall", "1", "1"] in rows
    assert ["never", "0", "-"] in rows


def test_an_evaluation_is_told_by_the_number_it_is_judged_by(structure: object) -> None:
    made, written = terminal()
    last: Event = ResultEvent(ModelDocument.of(structure), {})  # type: ignore[arg-type]
    made.listener().follow([EvaluationEvent(0, "val", several(left_out=1), 3), last])
    said = "after epoch 1: val mAP 1.000 over 2 of 3 classes, 3 clips, 1 left out"
    assert said in written.getvalue().splitlines()


def test_an_evaluation_ends_with_the_numbers_that_publications_tell(tmp_path: Path) -> None:
    cost = ClipCostRecord(macs=26_946_025_472, training=26_956_675_072, clip=[16, 224, 224])
    facts: dict[str, Any] = {
        "opened": "now",
        "times_opened": 1,
        "clips_by_class": {"walk": 2, "fall": 1, "never": 0},
    }
    made, written = terminal()
    report_evaluation(tmp_path, "test", Evaluation(metrics=several(), cost=cost, **facts), made)
    line = (
        "test: mAP 1.000 over 2 of 3 classes (1 without a clip), 26.946 GMACs a clip of "
        "16x224x224 (26.957 with the heads of the training)"
    )
    assert line in " ".join(written.getvalue().split())
    before = Evaluation(metrics=several(), **facts)
    assert "cost" not in before.to_json()
    assert "cost" not in report_evaluation(tmp_path, "test", before, terminal()[0])
