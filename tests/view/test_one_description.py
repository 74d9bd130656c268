"""A chart is described once: the picture files and the page draw the very same value."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from connsearch.models.document import ModelDocument
from connsearch.runs.formats.analyses import CompareSummary, GapSummary, RankSummary
from connsearch.runs.metrics import summarise
from connsearch.view.charts import files, inline
from connsearch.view.charts.chart import Chart
from connsearch.view.evolution.files import evolution_pictures
from connsearch.view.report import page
from connsearch.view.report.build import write_report
from connsearch.view.report.evolution import write_evolution_report
from connsearch.view.report.sections import wiring
from connsearch.view.runs import plots
from connsearch.view.runs.baselines import comparison_pictures, ranking_pictures
from connsearch.view.runs.chance import chance_of
from connsearch.view.runs.confusion import confusion_pictures
from connsearch.view.runs.gap import gap_pictures
from tests.evolution.studies import story
from tests.view.report_files import (
    CLASSES,
    COMPARE,
    GAP,
    RANK_CORRELATION,
    make_run,
    searched,
    undrawn,
    write_analyses,
)


@pytest.fixture
def on_page(monkeypatch: pytest.MonkeyPatch) -> list[Chart]:
    """Every chart that a page is given."""
    found: list[Chart] = []

    def shown(chart: Chart, name: str) -> Any:
        found.append(chart)
        return inline.inline(chart, name)

    monkeypatch.setattr(inline, "drawing", undrawn)
    monkeypatch.setattr(page, "inline", shown)
    monkeypatch.setattr(wiring, "svg", lambda structure, **_: "<svg></svg>")
    return found


@pytest.fixture
def in_files(monkeypatch: pytest.MonkeyPatch) -> dict[str, Chart]:
    """Every chart that is drawn into picture files, by their name."""
    found: dict[str, Chart] = {}

    def written(chart: Chart, paths: Sequence[Path]) -> list[Path]:
        found[Path(paths[0]).stem] = chart
        return list(paths)

    doors: tuple[Any, ...] = (files, plots, evolution_pictures, confusion_pictures)
    for door in doors:
        place = door.__globals__ if callable(door) else vars(door)
        monkeypatch.setitem(place, "write_chart", written)
    return found


def bare(chart: Chart) -> Any:
    """What a chart shows; a page has headings of its own in place of titles and criteria."""
    panels = [(p.title, p.marks, p.y, p.words, p.empty) for p in chart.panels]
    return (panels, chart.legend(), chart.note)


def test_a_run(tmp_path: Path, on_page: list[Chart], in_files: dict[str, Chart]) -> None:
    run = make_run(tmp_path / "run")
    write_analyses(run)
    assert write_report(run).notes == {}
    chance = chance_of(len(CLASSES))
    plots.run_pictures(run, ModelDocument.of(searched()), chance=chance)
    gap_pictures(run, GapSummary.model_validate(GAP).rows, title="gap", criterion="")
    compared = CompareSummary.model_validate(COMPARE)
    assert compared.difference is not None
    comparison_pictures(run, compared.rows, compared.difference, measure="accuracy on val")
    ranked = RankSummary.model_validate(RANK_CORRELATION)
    taus = {"supernet": "tau 0.643 (0.211 to 0.914)", "macs": "tau 0.357 (-0.102 to 0.733)"}
    ranking_pictures(run, ranked.rows, taus, measure=ranked.measure)
    labels = [i % len(CLASSES) for i in range(30)]
    answers = [(label + (i % 5 == 0)) % len(CLASSES) for i, label in enumerate(labels)]
    counts = summarise(labels, answers, classes=CLASSES, loss=0.0, seconds=0.0).confusion
    assert counts is not None
    confusion_pictures(counts, run, "confusion-val", title="val")
    shown = [bare(chart) for chart in on_page]
    for name in (
        *("connections", "training", "gap", "compare"),
        *("rank_correlation", "confusion-val"),
    ):
        assert bare(in_files[name]) in shown, name
    assert len(shown) == 7, "and the curve, whose command draws this value"


@pytest.mark.parametrize("size", ["failed", "two goals"])
def test_an_evolution(
    size: str,
    tmp_path: Path,
    on_page: list[Chart],
    in_files: dict[str, Chart],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = story(size)
    monkeypatch.setitem(evolution_pictures.__globals__, "draw_lineage", lambda *_: [])
    evolution_pictures(told, tmp_path)
    write_evolution_report(told, tmp_path / "evolution.html")
    shown = [bare(chart) for chart in on_page]
    assert all(chart in map(bare, in_files.values()) for chart in shown)
    if size == "two goals":
        assert len(shown) == len(in_files) == 5
