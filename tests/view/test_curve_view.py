"""The picture and the table of a curve show every point where it belongs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from connsearch.analysis.curve import CurvePoints
from connsearch.runs.formats.analyses import CurveRow
from connsearch.view.charts.draw import chart_figure
from connsearch.view.runs.curve import curve_chart, curve_table


def point(connections: int, macs: int, latency_ms: float, accuracy: float) -> CurveRow:
    return CurveRow(
        nodes=5, connections=connections, parameters=100 * connections, macs=macs,
        latency_ms=latency_ms, latency_spread=0.1, passes=20, accuracy=accuracy,
        low=accuracy - 0.1, high=accuracy + 0.05, score=accuracy, clips=48,
    )  # fmt: skip


CURVE = CurvePoints(
    points=(
        point(53, 12_600_000, 27.0, 0.85),
        point(25, 9_110_000, 17.0, 0.6),
        point(1, 4_780_000, 1.5, 0.55),
    ),
    measure="accuracy", clip=(8, 32, 32), device="cpu", threads=1, precision="fp32",
    recalibrate_clips=128,
)  # fmt: skip


def test_points_stand_at_their_cost() -> None:
    chart = curve_chart(CURVE, title="run")
    macs, latency, connections = chart_figure(chart).axes
    (line,) = (x for x in macs.lines if len(x.get_xydata()) == 3 and x.get_linestyle() == "-")
    assert line.get_xydata().tolist() == [[12.6, 0.85], [9.11, 0.6], [4.78, 0.55]]
    whole, pruned = (c for c in latency.collections if not c.get_label().startswith("_"))
    assert whole.get_offsets().tolist() == [[27.0, 0.85]]
    assert pruned.get_offsets().tolist() == [[17.0, 0.6], [1.5, 0.55]]
    assert [key.name for key in chart.legend()] == ["the whole network", "pruned"]
    assert [text.get_text() for text in macs.texts] == ["1", "25", "53"]
    assert connections.get_xlabel() == "connections"
    assert "1 thread," in chart.note
    assert "48 clips of val, 95 % intervals" in chart.note


def test_bars_are_the_intervals_and_the_spread() -> None:
    macs, latency, _ = chart_figure(curve_chart(CURVE, title="run")).axes
    up: list[Any] = [bars for found in macs.containers for bars in found.lines[2]]
    drawn = [path.vertices[:, 1].tolist() for bars in up for path in bars.get_paths()]
    assert drawn == [pytest.approx([p.low, p.high]) for p in CURVE.points]
    across: list[Any] = [found.lines[2][0] for found in latency.containers]
    sides = [path.vertices[:, 0].tolist() for bars in across for path in bars.get_paths()]
    halves = [(p.latency_ms * 0.95, p.latency_ms * 1.05) for p in CURVE.points]
    assert sides == [pytest.approx(list(half)) for half in halves]


def test_map_has_no_interval() -> None:
    chart = curve_chart(replace(CURVE, measure="mAP"), title="run")
    assert chart.panels[0].title == "mAP over MACs"
    assert "interval" not in chart.note
    assert chart_figure(chart).axes[0].containers == []


@pytest.mark.parametrize("measure", ["accuracy", "mAP"])
def test_the_table_fits_a_terminal(measure: str) -> None:
    console = Console(width=80, record=True)
    console.print(curve_table(replace(CURVE, measure=measure)))
    lines = console.export_text().splitlines()
    assert sum(" ms" in line for line in lines) == 3, "one line a network"
    (row,) = (line for line in lines if line.split()[:1] == ["25"])
    assert "72%" in row
    assert "63%" in row
