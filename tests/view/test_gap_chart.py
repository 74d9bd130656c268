"""The chart of the gap shows what the table says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connsearch.runs.formats.analyses import GapRow
from connsearch.view.charts.draw import chart_figure
from connsearch.view.charts.marks import Points
from connsearch.view.runs.gap import gap_chart, gap_pictures


def rows(stages: tuple[str, ...], shares: tuple[float, ...]) -> list[GapRow]:
    return [
        GapRow(
            share=share,
            stage=stage,
            accuracy=0.8 - 0.1 * place,
            low=0.7 - 0.1 * place,
            high=0.9 - 0.1 * place,
            loss=1.0,
            clips=40,
            parameters=1,
            dead=0,
            connections=50 if stage == "soft" else round(50 * (1 - share)),
            macs=1000 if stage == "soft" else 900,
        )
        for share in shares
        for place, stage in enumerate(stages)
    ]


@pytest.mark.parametrize("shares", [(0.5,), (0.3, 0.5, 0.9)])
def test_every_stage_is_a_line_with_its_intervals(shares: tuple[float, ...]) -> None:
    stages = ("soft", "masked", "recalibrated", "fine-tuned", "scratch")
    chart = gap_chart(rows(stages, shares), title="a gap", criterion="relative")
    above, below = chart_figure(chart).axes
    names = [key.name for key in chart.legend()]
    assert names == [*stages, "connections left", "MACs left"]
    containers: list[Any] = list(above.containers)
    assert len(containers) == len(stages)
    for place, container in enumerate(containers):
        (bars,) = container.lines[2]
        heights = [segment[:, 1].tolist() for segment in bars.get_segments()]
        assert heights[0] == pytest.approx([0.7 - 0.1 * place, 0.9 - 0.1 * place])
    lines: list[Any] = [line for line in above.lines if len(line.get_xydata()) == len(shares)]
    drawn = [line.get_ydata() for line in lines if line.get_linestyle() != "None"]
    assert [list(ys) for ys in drawn] == [
        pytest.approx([0.8 - 0.1 * place] * len(shares)) for place in range(len(stages))
    ]
    connections: Any = below.lines[0].get_ydata()
    assert list(connections) == pytest.approx([round(50 * (1 - s)) / 50 for s in shares])
    assert "relative" in below.get_xlabel()


def test_every_point_says_its_interval() -> None:
    chart = gap_chart(rows(("soft", "masked"), (0.3,)), title="a gap", split="test")
    tips = [t for mark in chart.panels[0].marks if isinstance(mark, Points) for t in mark.tips]
    assert tips == ["soft at 0.3: 0.800 (0.700 to 0.900)", "masked at 0.3: 0.700 (0.600 to 0.800)"]
    assert "test" in chart.panels[0].title


def test_pictures_are_written_the_same_every_time(tmp_path: Path) -> None:
    table = rows(("soft", "masked"), (0.3, 0.5))
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        paths = gap_pictures(tmp_path / name, table, title="gap", criterion="relative")
        assert [path.name for path in paths] == ["gap.svg", "gap.png"]
    assert (tmp_path / "a/gap.svg").read_bytes() == (tmp_path / "b/gap.svg").read_bytes()
