"""Timelines as a chart: every class a row, its probability over time, and what is answered."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise

from connsearch.training.predicted import (
    PredictedVideos,
    Prediction,
    borders,
    leading,
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


def timeline_chart(found: PredictedVideos) -> Chart:
    """Returns the timelines of the first :data:`MOST_VIDEOS` videos, one panel each."""
    videos = list(found.videos.items())[:MOST_VIDEOS]
    panels = [_panel(path, windows) for path, windows in videos]
    rows = [len(leading(windows, MOST_CLASSES)) for _, windows in videos]
    shared = max((-(-len(windows) // _columns(len(windows))) for _, windows in videos), default=1)
    notes = ["rows: classes; colour: probability; bar: the answer"]
    if shared > 1:
        notes.append(f"up to {shared} windows share a column: their mean")
    classes = max((len(one.classes) for one in found), default=0)
    if classes > MOST_CLASSES:
        notes.append(f"{MOST_CLASSES} of {classes} classes: those that come highest")
    return Chart(
        "what is seen when",
        panels,
        (10.0, 1.3 + sum(0.75 + 0.26 * count for count in rows)),
        heights=[0.75 + 0.26 * count for count in rows],
        keys=[
            LegendKey("probability 1", "rgb", "area"),
            LegendKey("0.5", "rgb", "area", 0.5),
            LegendKey("answer", "flow", "area"),
        ],
        note="; ".join(notes),
    )


def _columns(windows: int) -> int:
    return min(windows, MOST_COLUMNS)


def _panel(path: str, windows: Sequence[Prediction]) -> Panel:
    places = leading(windows, MOST_CLASSES)
    names = [clean(windows[0].classes[place], _NAME) for place in places]
    columns = _columns(len(windows))
    cuts = [column * len(windows) // columns for column in range(columns + 1)]
    groups = [windows[a:b] for a, b in pairwise(cuts)]
    edges = borders(windows)
    times = [edges[cut] for cut in cuts]
    marks = [Cells(list(_cells(groups, places, times))), *_answers(groups, places)]
    x = Axis("time (min:s)", -0.5, columns - 0.5, list(_ticks(times)), grid=False)
    rows = [(row, name) for row, name in enumerate(names)]
    y = Axis("", len(places) - 0.4, -0.5, rows, grid=False)
    return Panel(path, marks, x, y)


def _ticks(times: Sequence[float]) -> Iterator[tuple[float, str]]:
    """Round times, each where it lies among the columns that begin and end at ``times``."""
    first, last = times[0], times[-1]
    step = next((s for s in _STEPS if last - first <= _TICKS * s), last - first)
    for number in range(math.ceil(first / step), math.floor(last / step + 1e-6) + 1):
        moment = number * step
        column = min(max(bisect_right(times, moment) - 1, 0), len(times) - 2)
        begin, end = times[column], times[column + 1]
        share = (moment - begin) / (end - begin) if end > begin else 0.0
        text = clock_text(moment)
        yield column + share - 0.5, text.removesuffix(".0") if step >= 1 else text


def _cells(
    groups: Sequence[Sequence[Prediction]], places: Sequence[int], times: Sequence[float]
) -> Iterator[Cell]:
    for column, group in enumerate(groups):
        when = f"{clock_text(times[column])} to {clock_text(times[column + 1])}"
        for row, place in enumerate(places):
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
    return 2 * sum(place in seen(one) for one in group) >= len(group)
