"""The picture of the gap shows what the table says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connsearch.view.runs.gap_figure import gap_figure, gap_pictures


def rows(stages: tuple[str, ...], shares: tuple[float, ...]) -> list[dict[str, Any]]:
    return [
        {
            "share": share,
            "stage": stage,
            "accuracy": 0.8 - 0.1 * place,
            "low": 0.7 - 0.1 * place,
            "high": 0.9 - 0.1 * place,
            "connections": 50 if stage == "soft" else round(50 * (1 - share)),
            "macs": 1000 if stage == "soft" else 900,
        }
        for share in shares
        for place, stage in enumerate(stages)
    ]


@pytest.mark.parametrize("shares", [(0.5,), (0.3, 0.5, 0.9)])
def test_every_stage_is_a_line_with_its_intervals(shares: tuple[float, ...]) -> None:
    stages = ("soft", "masked", "recalibrated", "fine-tuned", "scratch")
    figure = gap_figure(rows(stages, shares), title="a gap", criterion="relative")
    above, below = figure.axes
    assert above.get_legend_handles_labels()[1] == list(stages)
    containers: list[Any] = list(above.containers)
    for place, container in enumerate(containers):
        line, _, (bars,) = container.lines
        assert list(line.get_ydata()) == pytest.approx([0.8 - 0.1 * place] * len(shares))
        heights = [segment[:, 1].tolist() for segment in bars.get_segments()]
        assert heights[0] == pytest.approx([0.7 - 0.1 * place, 0.9 - 0.1 * place])
    connections: Any = below.lines[0].get_ydata()
    assert list(connections) == pytest.approx([round(50 * (1 - s)) / 50 for s in shares])
    assert "relative" in below.get_xlabel()


def test_pictures_are_written_the_same_every_time(tmp_path: Path) -> None:
    table = rows(("soft", "masked"), (0.3, 0.5))
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        paths = gap_pictures(tmp_path / name, table, title="gap", criterion="relative")
        assert [path.name for path in paths] == ["gap.svg", "gap.png"]
    assert (tmp_path / "a/gap.svg").read_bytes() == (tmp_path / "b/gap.svg").read_bytes()
