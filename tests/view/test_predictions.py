"""Timelines drawn: round times, gaps where nothing could be read, words on frames."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from connsearch.training.predicted import PredictedVideos, Prediction, stretches
from connsearch.view.charts.files import write_chart
from connsearch.view.charts.marks import Bars, Cells
from connsearch.view.predictions.annotated import Caption
from connsearch.view.predictions.chart import MOST_COLUMNS, timeline_chart
from connsearch.view.predictions.tables import MOST_ROWS, predictions_table, timeline_tables


def windows(values: Sequence[float | None], *, length: float = 2.0) -> list[Prediction]:
    """Returns a window for every probability of the first class; None: it could not be read."""
    return [
        Prediction(
            "a.mp4",
            n * length,
            (n + 1) * length,
            ("x", "y"),
            (p, 1 - p),
            (0, 1) if p > 0.5 else (1, 0),
        )
        for n, p in enumerate(values)
        if p is not None
    ]


def order(first: float) -> tuple[int, int]:
    return (0, 1) if first > 0.5 else (1, 0)


def chart(parts: Sequence[Prediction]):
    return timeline_chart(PredictedVideos("run", tuple(parts), timeline=True))


def test_cells_lie_where_their_time_is_and_nothing_where_none_was_read() -> None:
    drawn = chart(windows([0.9, 0.8, None, None, 0.1]))
    (panel,) = drawn.panels
    cells = next(mark for mark in panel.marks if isinstance(mark, Cells)).cells
    assert {cell.column for cell in cells} == {0, 1, 4}
    assert [cell.share for cell in cells if cell.row == 0] == [0.9, 0.8, 0.1]
    bars = next(mark for mark in panel.marks if isinstance(mark, Bars))
    assert list(zip(bars.lefts, bars.widths, bars.rows, strict=True)) == [
        (-0.5, 2.0, 0.4),
        (3.5, 1.0, 1.4),
    ]
    assert "could not be read" in drawn.note
    assert [text for _, text in panel.x.ticks or ()][:3] == ["0:00", "0:01", "0:02"]
    assert (panel.x.ticks or ())[2][0] == pytest.approx(0.5), "the second window begins at 2 s"


def test_a_long_timeline_shares_columns_and_says_so(tmp_path: Path) -> None:
    drawn = chart(windows([0.9] * (3 * MOST_COLUMNS)))
    (panel,) = drawn.panels
    cells = next(mark for mark in panel.marks if isinstance(mark, Cells)).cells
    assert len(cells) == 2 * MOST_COLUMNS
    assert "up to 3 windows share a column" in drawn.note
    assert write_chart(drawn, [tmp_path / "a.svg"])[0].stat().st_size < 1_000_000


def test_stretches_end_where_nothing_was_read() -> None:
    found = stretches(windows([0.9, 0.8, None, None, 0.7, 0.1]))
    assert [(s.start, s.end, s.label, s.windows) for s in found] == [
        (0.0, 4.0, "x", 2),
        (8.0, 10.0, "x", 1),
        (10.0, 12.0, "y", 1),
    ]
    assert found[0].probability == pytest.approx(0.85)


def test_several_classes_are_one_answer_and_none_is_one_too() -> None:
    both, one, none = (
        replace(windows([0.5])[0], values=values, multi_label=True, start=n * 2.0, end=n * 2.0 + 2)
        for n, values in enumerate([(0.9, 0.6), (0.2, 0.8), (0.1, 0.3)])
    )
    said = [(s.label, s.probability) for s in stretches([both, one, none])]
    assert [label for label, _ in said] == ["y + x", "y", "none"]
    assert [value for _, value in said] == pytest.approx([0.6, 0.8, 0.7])


def test_a_frame_has_the_answer_of_its_moment() -> None:
    caption = Caption(windows([0.9, None, None, 0.1]))
    moments = (0.0, 1.99, 3.5, 6.0, 7.9, 99.0)
    assert [caption.at(moment) for moment in moments] == [0, 0, None, 1, 1, 1]
    frame = np.full((241, 321, 3), 200, np.uint8)
    answered, unread, other = (caption.on(frame, moment) for moment in (0.0, 3.5, 6.0))
    assert answered.shape == (242, 322, 3), "even, as the codec needs it"
    assert (answered[:150] == 200).all()
    assert not (answered == unread).all()
    assert not (answered == other).all()
    assert (frame == 200).all(), "what is drawn on is a copy"
    assert caption.on(np.zeros((16, 20, 3), np.uint8), 0.0).shape == (240, 300, 3)
    assert caption.on(np.zeros((2, 1900, 3), np.uint8), 0.0).shape[1] == 1900


def test_a_table_says_how_many_changes_it_does_not_show() -> None:
    found = PredictedVideos("run", tuple(windows([0.9, 0.1] * MOST_ROWS)), timeline=True)
    console = Console(width=80)
    with console.capture() as told:
        console.print(*timeline_tables(found))
    assert f"{MOST_ROWS} more changes are not shown; --csv FILE" in told.get()
    assert "a.mp4: 120 windows" in told.get()


def test_the_table_of_several_videos_names_what_is_seen() -> None:
    classes = ("x", "y", "z")
    made = {"a.mp4": (0.9, 0.2, 0.6), "b.mp4": (0.4, 0.1, 0.3)}
    orders = {"a.mp4": (0, 2, 1), "b.mp4": (0, 2, 1)}
    several = tuple(
        Prediction(path, 0.0, 2.0, classes, values, orders[path], True)
        for path, values in made.items()
    )
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(predictions_table(PredictedVideos("run", several), top=3))
    console.print(predictions_table(PredictedVideos("run", tuple(windows([0.9, 0.3]))), top=2))
    rows = [" ".join(line.split()) for line in console.export_text().splitlines()]
    assert "a.mp4 x + z 0.600 y 0.200" in rows
    assert "b.mp4 none 0.600 x 0.400, z 0.300, y 0.100" in rows
    assert "a.mp4 x 0.900 y 0.100" in rows
    assert "a.mp4 y 0.700 x 0.300" in rows
