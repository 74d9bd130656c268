"""Timelines as a chart: every class a row, its probability over time, and what is answered."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from connsearch.training.predicted import (
    PredictedVideos,
    Prediction,
    leading,
    reaches,
    seen,
)
from connsearch.view.charts.chart import Axis, Chart, LegendKey, Panel
from connsearch.view.charts.marks import Bars, Cell, Cells
from connsearch.view.predictions.tables import clock_text
from connsearch.view.structures.markup import clean

MOST_VIDEOS = 12
"""Videos in one picture."""
MOST_CLASSES = 15
"""Rows of a video: the classes that reach the highest probabilities."""
MOST_COLUMNS = 400
"""Columns of a video; where there are more windows, neighbours share one: their mean."""
_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
"""Seconds between two ticks of the axis of time."""
_TICKS = 12
_NAME = 24


@dataclass(frozen=True, slots=True)
class _Columns:
    """A timeline cut into columns of equal time: the windows of each, none where none was read."""

    start: float
    width: float
    groups: Sequence[Sequence[Prediction]]

    @classmethod
    def of(cls, windows: Sequence[Prediction], hop: float | None) -> _Columns:
        times = reaches(windows, hop)
        start, end = times[0][0], times[-1][1]
        usual = sorted(b - a for a, b in times)[len(times) // 2]
        count = min(max(round((end - start) / usual), 1), MOST_COLUMNS) if usual > 0 else 1
        width = (end - start) / count or 1.0
        groups: list[list[Prediction]] = [[] for _ in range(count)]
        for one, (a, b) in zip(windows, times, strict=True):
            groups[min(int(((a + b) / 2 - start) / width), count - 1)].append(one)
        for place, group in enumerate(groups):
            if not group:  # as wide as a window, and the middle of none is in it
                moment = start + (place + 0.5) * width
                speaks = bisect_right(times, (moment, math.inf)) - 1
                if speaks >= 0 and moment < times[speaks][1]:
                    group.append(windows[speaks])
        return cls(start, width, groups)

    @property
    def end(self) -> float:
        return self.start + self.width * len(self.groups)

    def ticks(self) -> Iterator[tuple[float, str]]:
        """Round times, each where it lies among the columns."""
        long = self.end - self.start
        step = next((s for s in _STEPS if long <= _TICKS * s), long)
        first, last = math.ceil(self.start / step), math.floor(self.end / step + 1e-6)
        for moment in (number * step for number in range(first, last + 1)):
            text = clock_text(moment)
            text = text.removesuffix(".0") if step >= 1 else text
            yield (moment - self.start) / self.width - 0.5, text


def timeline_chart(found: PredictedVideos) -> Chart:
    """Returns the timelines of the first :data:`MOST_VIDEOS` videos, one panel each."""
    videos = list(found.videos.items())[:MOST_VIDEOS]
    columns = [_Columns.of(windows, found.hop) for _, windows in videos]
    panels = [_panel(video, cut) for video, cut in zip(videos, columns, strict=True)]
    heights = [0.75 + 0.26 * len(leading(windows, MOST_CLASSES)) for _, windows in videos]
    notes = ["rows: classes; colour: probability; bar: the answer"]
    shared = max((len(group) for cut in columns for group in cut.groups), default=1)
    if shared > 1:
        notes.append(f"up to {shared} windows share a column: their mean")
    classes = max((len(one.classes) for one in found), default=0)
    if classes > MOST_CLASSES:
        notes.append(f"{MOST_CLASSES} of {classes} classes: those that come highest")
    if not all(group for cut in columns for group in cut.groups):
        notes.append("where nothing is drawn, the video could not be read")
    return Chart(
        "what is seen when",
        panels,
        (10.0, 1.3 + sum(heights)),
        heights=heights,
        keys=[
            LegendKey("probability 1", "rgb", "area"),
            LegendKey("0.5", "rgb", "area", 0.5),
            LegendKey("answer", "flow", "area"),
        ],
        note="; ".join(notes),
    )


def _panel(video: tuple[str, Sequence[Prediction]], cut: _Columns) -> Panel:
    path, windows = video
    places = leading(windows, MOST_CLASSES)
    rows = [(row, clean(windows[0].classes[place], _NAME)) for row, place in enumerate(places)]
    marks = [Cells(list(_cells(cut, places))), *_answers(cut.groups, places)]
    x = Axis("time (min:s)", -0.5, len(cut.groups) - 0.5, list(cut.ticks()), grid=False)
    y = Axis("", len(places) - 0.4, -0.5, rows, grid=False)
    return Panel(path, marks, x, y)


def _cells(cut: _Columns, places: Sequence[int]) -> Iterator[Cell]:
    for column, group in enumerate(cut.groups):
        start = cut.start + column * cut.width
        when = f"{clock_text(start)} to {clock_text(start + cut.width)}"
        for row, place in enumerate(places if group else ()):
            value = sum(one.values[place] for one in group) / len(group)
            label = group[0].classes[place]
            yield Cell(column, row, min(value, 1.0), "rgb", tip=f"{when}, {label}: {value:.3f}")


def _answers(groups: Sequence[Sequence[Prediction]], places: Sequence[int]) -> Iterator[Bars]:
    """A bar under a class wherever it is the answer, neighbours joined."""
    runs: list[tuple[int, int, int]] = []  # row, first column, columns
    for row, place in enumerate(places):
        start: int | None = None
        for column in range(len(groups) + 1):
            here = column < len(groups) and _answered(groups[column], place)
            if here and start is None:
                start = column
            elif not here and start is not None:
                runs.append((row, start, column - start))
                start = None
    if runs:
        yield Bars(
            "answer",
            "flow",
            [row + 0.4 for row, _, _ in runs],
            [float(length) for _, _, length in runs],
            [start - 0.5 for _, start, _ in runs],
            height=0.16,
        )


def _answered(group: Sequence[Prediction], place: int) -> bool:
    """Whether at least half of the windows that share a column answer with a class."""
    return bool(group) and 2 * sum(place in seen(one) for one in group) >= len(group)
