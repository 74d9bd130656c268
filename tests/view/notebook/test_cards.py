"""Values in a notebook: the facts are there, nothing of what others chose is obeyed."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from connsearch.analysis.folds import FoldsSummary
from connsearch.data.loading.load import DataSplits, load_data
from connsearch.data.options import DataOptions
from connsearch.errors import Failure
from connsearch.graph.files import load_structure
from connsearch.runs.formats.analyses import (
    CompareRow,
    CompareSummary,
    DifferenceRecord,
    TrainingBudget,
)
from connsearch.runs.formats.evaluation import Evaluation
from connsearch.runs.formats.focus import LookRemark, LookShown
from connsearch.runs.formats.folds import FoldClassRow, FoldRow, FoldsRecord
from connsearch.runs.formats.metrics import Metrics
from connsearch.runs.formats.prune import BeforeAfter, ExactnessRecord, PruneRecord
from connsearch.runs.formats.studies import BestChild, EstimateRecord, EvolutionSummary
from connsearch.runs.metrics import summarise
from connsearch.runs.record import RunRecord
from connsearch.training.predicted import PredictedVideos, Prediction, UnreadVideo
from connsearch.view.notebook import structures
from connsearch.view.notebook.analyses import compare_html, evolution_html
from connsearch.view.notebook.card import Html, escaped, link, table
from connsearch.view.notebook.data import data_html
from connsearch.view.notebook.early_exit import early_exit_html
from connsearch.view.notebook.focus import focus_html
from connsearch.view.notebook.predictions import predicted_html, prediction_html
from connsearch.view.notebook.register import SHOWN, register
from connsearch.view.notebook.runs import evaluation_html, metrics_html, pruned_html, run_html
from connsearch.view.notebook.structures import structure_html
from tests.view.early_exits import early_exits
from tests.view.focus_drawn import stopping as looks
from tests.view.notebook.pages import Page, picture_of
from tests.view.report_files import make_run
from tests.view.structures import PUBLISHED

HOSTILE = "<script>alert(1)</script>\x1b[31m\"' onload=x &amp;"


def metrics(**chosen: Any) -> Metrics:
    found = summarise([0, 1, 1, 0], [0, 1, 0, 0], classes=["walk", "run"], loss=1.25)
    return found.model_copy(update=chosen)


def comparison(**chosen: Any) -> CompareSummary:
    rows = [
        CompareRow(
            wiring="random" if draw else "found",
            draw=draw,
            seed=seed,
            accuracy=0.8 - draw / 10,
            connections=20,
            macs=1_234_567 + draw,
            parameters=9,
        )
        for draw in range(3)
        for seed in range(2)
    ]
    difference = DifferenceRecord(mean=0.15, low=0.02, high=0.28, p=0.031)
    known: dict[str, Any] = {
        "run": "runs/a",
        "verdict": "better than random wirings",
        "difference": difference,
    }
    budget = TrainingBudget(epochs=3)
    return CompareSummary(rows=rows, budget=budget, **{**known, **chosen})


def pruning(**chosen: Any) -> PruneRecord:
    exact = ExactnessRecord(equal=True, max_abs_difference=0.0)
    known: dict[str, Any] = {
        "nodes": BeforeAfter(before=12, after=9),
        "connections": BeforeAfter(before=53, after=21),
        "parameters": BeforeAfter(before=2000, after=1000),
        "macs": BeforeAfter(before=5_000_000, after=4_000_000),
        "exactness": exact,
        "removed": [[0, 1]] * 32,
        "dead": [3, 4, 5],
        "metrics": {"val": metrics()},
        "run": "runs/a",
    }
    return PruneRecord(**{**known, **chosen})


def evolution(**chosen: Any) -> EvolutionSummary:
    best = BestChild(child=7, values=[0.7341, 1_234_567.0], evaluations=2, hash="ab" * 20)
    known: dict[str, Any] = {"run": "runs/e", "objectives": ["accuracy", "macs"], "best": [best]}
    return EvolutionSummary(
        children=12, judged=9, ended_early=2, failed=1, attempts_failed=3, **{**known, **chosen}
    )


def predicted(path: str = "a.mp4", label: str = "walk", **chosen: Any) -> PredictedVideos:
    parts = [
        Prediction(path, 2.0 * n, 2.0 * n + 2.0, (label, "run"), (p, 1.0 - p), (n, 1 - n))
        for n, p in enumerate((0.75, 0.25))
    ]
    return PredictedVideos("runs/a", tuple(parts), timeline=True, **chosen)


def folds(**chosen: Any) -> FoldsSummary:
    found = metrics()
    sure = EstimateRecord(value=0.75, low=0.4, high=0.9)
    rows = [
        FoldRow(fold=n, name=str(n), run=f"runs/f/fold-{n}", clips=2, groups=1, test=found)
        for n in (1, 2)
    ]
    known: dict[str, Any] = {
        "command": "train",
        "run": "runs/f",
        "folds": 2,
        "by": "groups",
        "groups": 2,
        "measure": "accuracy",
        "pooled": found,
        "accuracy": sure,
        "mean": 0.75,
        "spread": None,
        "rows": rows,
        "classes": [FoldClassRow(name="walk", clips=2, value=sure)],
        "predictions": "runs/f/predictions.csv",
    }
    return FoldsSummary(Path("runs/f"), FoldsRecord(**{**known, **chosen}))


@pytest.fixture(scope="module")
def data() -> DataSplits:
    return load_data(DataOptions.of(train_clips=8, val_clips=4, test_clips=4, frames=4, size=16))


@pytest.fixture
def run(tmp_path: Path) -> RunRecord:
    return RunRecord(make_run(tmp_path / "run"))


@pytest.mark.parametrize("name", [*PUBLISHED, "starter"])
def test_a_structure_is_its_wiring_and_its_facts(name: str) -> None:
    structure = load_structure(name)
    html = structure_html(structure)
    page, picture = Page(html), picture_of(html)
    assert name in page.text
    assert f"{len(structure)} (" in page.text
    lines = [g for g in picture.iter() if g.get("class") == "edge connection"]
    drawn = {(int(g.get("data-source", "")), int(g.get("data-target", ""))) for g in lines}
    assert drawn == {tuple(edge) for edge in structure.edges()}
    assert len(html.encode()) < 300_000
    assert html == structure_html(structure), "the same again"


def test_two_pictures_in_one_notebook_share_no_id(run: RunRecord) -> None:
    both = structure_html(load_structure("starter")) + run_html(run)
    assert Page(both).ids == []
    assert "url(#" not in both
    assert "xlink" not in both


def test_a_picture_follows_the_theme_of_the_notebook_and_not_that_of_the_system() -> None:
    html = structure_html(load_structure("starter"))
    assert "data-jp-theme-light=false" in html
    assert ".vscode-dark" in html
    assert "prefers-color-scheme" not in html


def test_without_graphviz_the_nodes_stand_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> bytes:
        raise Failure("Graphviz could not be started: <no>")

    monkeypatch.setattr(structures, "laid_out", fails)
    html = structure_html(load_structure("starter"))
    page = Page(html)
    assert "svg" not in page.tags
    assert "Graphviz could not be started: <no>" in page.text
    assert "inputs (source:weight)" in page.text


def test_a_structure_that_breaks_a_rule_says_which() -> None:
    structure = load_structure("starter")
    page = Page(structure_html(replace(structure, nodes=structure.nodes[:4])))
    assert "4 (4 stems)" in page.text
    assert "cure" in page.text
    assert "svg" not in page.tags


def test_a_run_says_how_good_it_is_and_where(
    run: RunRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(run.directory.parent)
    html = run_html(run)
    page = Page(html)
    assert run.result is not None
    for split, found in run.result.metrics.items():
        assert split in page.cells
        assert f"{found.low:.3f} to {found.high:.3f}" in page.cells
    assert page.links == ["run"]
    (alarm,) = run.result.alarms
    assert f"{alarm.kind}: {len(alarm.edges)} of {alarm.of} {alarm.what}" in page.text
    assert "not finished" not in page.text
    assert picture_of(html) is not None
    assert len(html) < 300_000


def test_a_run_that_is_not_finished_or_damaged_says_so(run: RunRecord) -> None:
    (run.directory / "result.json").unlink()
    assert "not finished" in Page(run_html(RunRecord(run.directory))).text
    (run.directory / "result.json").write_text("{")
    page = Page(run_html(RunRecord(run.directory)))
    assert "result.json" in page.text
    assert "svg" in page.tags, "the wiring is whole"
    empty = Page(run_html(RunRecord(run.directory / "nothing")))
    assert "there is no run" in empty.text


def test_an_evaluation_has_its_interval_its_classes_and_how_often_it_was_opened() -> None:
    known: dict[str, Any] = {"opened": "2026-01-02", "metrics": metrics(), "data": "f" * 64}
    page = Page(evaluation_html(Evaluation(**known, times_opened=1)))
    assert "0.301 to 0.954" in page.cells
    assert "walk" in page.cells
    assert "once" in page.text
    assert "choices" not in page.text
    again = Page(evaluation_html(Evaluation(**known, times_opened=3)))
    assert "opened 3 times: choices" in again.text
    assert "0.301 to 0.954" in Page(metrics_html(metrics())).cells


def test_multi_label_metrics_have_a_precision_a_class() -> None:
    many = metrics(mAP=0.5, average_precisions={"walk": 0.25, "run": None})
    page = Page(metrics_html(many))
    assert "average precision" in page.cells
    assert "0.25" in page.cells


def test_a_pruning_is_before_and_after() -> None:
    page = Page(pruned_html(pruning()))
    assert [c for c in page.cells if c in ("53", "21", "40%")] == ["53", "21", "40%"]
    assert "largest difference of a logit" in page.text
    assert "0.0, bit-equal" in page.cells
    assert "32 connections, 3 nodes" in page.text
    inexact = ExactnessRecord(equal=False, max_abs_difference=0.25)
    assert "not bit-equal" in Page(pruned_html(pruning(exactness=inexact))).text


def test_a_comparison_says_its_verdict_first() -> None:
    page = Page(compare_html(comparison()))
    assert "better than random wirings" in page.text
    assert "+0.150 [+0.020, +0.280]" in page.text
    assert "random (2)" in page.cells
    place = page.cells.index("random (2)")
    assert page.cells[place : place + 5] == ["random (2)", "0.65", "0.6", "0.7", "1.23 M"]
    assert page.text.index("better") < page.text.index("random (2)")
    assert "no verdict" in Page(compare_html(comparison(verdict="", difference=None))).text


def test_an_evolution_lists_the_best_in_units_of_their_objectives() -> None:
    page = Page(evolution_html(evolution()))
    assert "9 judged, 2 ended early, 1 failed" in page.text
    assert {"7", ".734", "1.23 M", "2x"} <= set(page.cells)
    assert "no child has been judged" in Page(evolution_html(evolution(best=[]))).text


def test_predictions_say_what_is_seen_and_when() -> None:
    found = predicted(faults=(UnreadVideo("b.mp4", "no video"),))
    page = Page(predicted_html(found))
    rows = ["a.mp4", "0:00.0", "0:02.0", "walk", "0.75", "a.mp4", "0:02.0", "0:04.0", "run", "0.75"]
    assert page.cells[page.cells.index("a.mp4") :] == rows
    assert "b.mp4: no video" in page.text
    whole = Page(predicted_html(replace(found, timeline=False)))
    assert "walk 0.750" in whole.cells
    assert {"walk", "0.75"} <= set(Page(prediction_html(found[0])).cells)


def test_a_look_says_its_remarks_first_and_shows_its_sheet_while_it_is_there(
    tmp_path: Path,
) -> None:
    remark = LookRemark(kind="collapsed", said="it has <collapsed>", cure="--epochs 9")
    sheet = tmp_path / "looks.png"
    html = focus_html(looks(remarks=[remark], sheet=str(sheet)))
    page = Page(html)
    assert page.text.index("it has <collapsed> (cure: --epochs 9)") < page.text.index("spread")
    assert {"after 3.00 of 5 windows on average", "a.mp4", "walk", "0.9"} <= set(page.cells)
    assert "img" not in page.tags
    Image.new("RGB", (8, 8)).save(sheet)
    assert "img" in Page(focus_html(looks(sheet=str(sheet)))).tags
    sheet.write_bytes(b"damaged")
    assert "cannot be read as a picture" in Page(focus_html(looks(sheet=str(sheet)))).text


def test_clips_that_stop_early_have_a_row_a_budget() -> None:
    page = Page(early_exit_html(early_exits()))
    place = page.cells.index("macs<=50%")
    found = page.cells[place : place + 5]
    assert found == ["macs<=50%", "2.00 G", "2.50 G (62%)", "2.25", "0.625 [0.53, 0.72]"]
    assert {"first exit only", "all steps", "0.6543", "25.0%"} <= set(page.cells)


def test_a_data_set_is_its_lists_and_its_classes(data: DataSplits) -> None:
    page = Page(data_html(replace(data, notes=(HOSTILE,))))
    assert {"train", "val", "test"} <= set(page.cells)
    assert "4 x 16 x 16" in page.text
    assert all(name in page.cells for name in data.classes)
    assert "script" not in page.tags


def test_names_of_others_are_shown_and_not_obeyed(tmp_path: Path, data: DataSplits) -> None:
    structure = replace(load_structure("starter"), name=HOSTILE)
    drawn = structure_html(replace(structure, name=HOSTILE.replace("\x1b", "")))
    assert picture_of(drawn).get("aria-label") == "wiring of " + HOSTILE.replace("\x1b", "")
    recalls: dict[str, float | None] = {HOSTILE: 1.0, "run": 0.5}
    hostile = metrics(recalls=recalls, support={HOSTILE: 2, "run": 2})
    folder = tmp_path / "javascript:<b>&\"'"
    make_run(folder)
    for html in (
        drawn,
        structure_html(structure),
        metrics_html(hostile),
        pruned_html(pruning(run=HOSTILE, repairs=[HOSTILE], metrics={HOSTILE: hostile})),
        early_exit_html(early_exits(run=HOSTILE, chosen=HOSTILE, output=HOSTILE)),
        focus_html(looks(run=HOSTILE, shown=[LookShown(name=HOSTILE, answer=HOSTILE)])),
        compare_html(comparison(run=HOSTILE, verdict=HOSTILE, measure=HOSTILE, output=HOSTILE)),
        evolution_html(evolution(run=HOSTILE, objectives=[HOSTILE, "macs"])),
        data_html(replace(data, name=HOSTILE, classes=(HOSTILE,), notes=(HOSTILE,))),
        predicted_html(predicted(HOSTILE, HOSTILE, notes=(HOSTILE,))),
        prediction_html(predicted(HOSTILE, HOSTILE)[0]),
        run_html(RunRecord(folder)),
    ):
        page = Page(html)
        assert "script" not in page.tags
        assert "\x1b" not in html
        assert "<script>" in page.text or "javascript:<b>" in page.text
        assert not [found for found in page.links if found.startswith("javascript:")]


def test_a_link_is_relative_and_leads_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here" / "a b?").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    assert Page(link("a b?")).links == ["a%20b%3F"]
    assert Page(link(Path("a b?").resolve(), "text")).links == ["a%20b%3F"]
    assert Page(link(tmp_path)).links == []
    assert Page(link("missing")).links == []


def test_a_long_table_says_how_much_is_not_shown() -> None:
    page = Page(table([{"n": number} for number in range(100)], most=10))
    assert page.cells == ["n", *map(str, range(10))]
    assert "90 more rows" in page.text
    assert table([]) == ""
    assert escaped(Html("<b>")) == "<b>"


def test_every_class_that_is_shown_exists_and_shows_itself(data: DataSplits) -> None:
    values = {
        "Structure": load_structure("starter"),
        "RunRecord": RunRecord(Path("nowhere")),
        "Evaluation": Evaluation(opened="now", metrics=metrics(), times_opened=1),
        "Metrics": metrics(),
        "PruneRecord": pruning(),
        "CompareSummary": comparison(),
        "EvolutionSummary": evolution(),
        "FoldsSummary": folds(),
        "FocusSummary": looks(),
        "EarlyExitSummary": early_exits(),
        "DataSplits": data,
        "PredictedVideos": predicted(),
        "Prediction": predicted()[0],
    }
    register()
    register()
    for name in SHOWN:
        module, _, kind = name.partition(":")
        value = values[kind]
        assert type(value) is getattr(importlib.import_module(module), kind)
        page = Page(value._repr_html_())  # type: ignore[attr-defined]
        assert page.text.strip()
        assert len(repr(value)) < 300, kind
        assert "\n" not in repr(value)


def test_registering_imports_nothing(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from connsearch.view.notebook.register import register\n"
        "before = set(sys.modules)\n"
        "register()\n"
        "assert set(sys.modules) == before\n"
        "assert not {'torch', 'rich', 'pydantic'} & before\n"
        "from connsearch.graph.spec import Structure\n"
        "assert not hasattr(Structure, '_repr_html_')\n"
        "register()\n"
        "assert hasattr(Structure, '_repr_html_')\n"
        "assert not {'torch', 'rich'} & set(sys.modules)\n"
    )
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60, env=environment)


def test_a_structure_is_short_as_text() -> None:
    assert repr(load_structure("assemblenet-50")) == (
        "<Structure 'assemblenet-50': 15 nodes (4 stems), 30 connections>"
    )
