"""Reports of long work stay small: 10,000 logged steps, an evolution of 200 children."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest

from connsearch.view.report import reader
from connsearch.view.report.build import write_report
from connsearch.view.report.evolution import write_evolution_report
from connsearch.view.runs.series import Curves, Series
from tests.evolution.hand_made import evolved
from tests.view.report_files import make_run, searched, write_analyses

LARGEST = 5_000_000
STEPS = 10_000


@pytest.fixture(scope="module")
def long_search(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of 10,000 logged steps of 53 connections, an evaluation every 20 steps."""
    steps = list(range(1, STEPS + 1))

    def wave(turns: float) -> Series:
        return Series(steps, [0.5 + 0.4 * math.sin(turns * s * 0.001) for s in steps])

    loss = Series(steps, [2 / s + 0.01 * (s * 7919 % 97) for s in steps])
    every = steps[19::20]
    accuracy = Series(every, [0.5] * len(every), [0.4] * len(every), [0.6] * len(every))
    weights = {edge: wave(i + 1) for i, edge in enumerate(searched().edges())}
    curves = Curves({"train": loss, "val": accuracy}, {"train": loss, "val": accuracy})
    logs: dict[str, Any] = {"read_curves": curves, "read_weights": weights, "read_column": loss}
    run = make_run(tmp_path_factory.mktemp("long") / "run")
    write_analyses(run)
    with pytest.MonkeyPatch.context() as patch:  # reading 500,000 rows is not what is tried here
        for name, log in logs.items():
            patch.setattr(reader, name, lambda *_, log=log, **__: log)
        return write_report(run).path


def test_the_report_of_a_long_search_stays_small(long_search: Path) -> None:
    assert long_search.stat().st_size < LARGEST


def test_it_says_what_is_thinned(long_search: Path) -> None:
    page = long_search.read_text(encoding="utf-8")
    said = re.findall(r"Long lines have up to ([\d,]+) values; of each, at most (\d+)", page)
    assert said == [("10,000", "400")] * 2, "weights and curves"
    assert "200 of 10,000 logged steps" in page, "the slider"


def test_the_report_of_a_long_evolution_stays_small(tmp_path: Path) -> None:
    from connsearch.view.evolution.story import Story

    evolution = evolved(200, objectives=("accuracy", "macs"), population=20)
    told = Story.of(evolution.history, evolution.options, title="long")
    path = write_evolution_report(told, tmp_path / "evolution.html")
    assert path.stat().st_size < LARGEST
    page = path.read_text(encoding="utf-8")
    assert page.count("data-tip=") > 200, "every child answers"
