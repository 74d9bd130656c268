"""Where a focus model looks, as a chart and in numbers: heat map, answers and stops by step."""

from __future__ import annotations

from collections.abc import Iterator

from connsearch.runs.formats.focus import FocusSummary, LookPlaces
from connsearch.view.charts.chart import Axis, Chart, Panel
from connsearch.view.charts.marks import Bars, Cell, Cells, Mark, Points, Polyline

_MAP = 300
"""Pixels across the heat map on a page."""


def places_facts(summary: FocusSummary) -> list[tuple[str, str]]:
    """Returns what is known of the places, as names and values for people."""
    places = summary.places
    height, width = places.frame
    tall, wide = places.window
    row, column = places.middle
    found = [
        (
            "videos" if summary.split == "videos" else "clips",
            f"{summary.clips:,}{'' if summary.split == 'videos' else f' of {summary.split}'}, "
            f"{_counted(summary.windows, 'window')} in each",
        ),
        ("window", f"{tall:.0f}x{wide:.0f} of {height:.0f}x{width:.0f} pixels"),
        ("mean place", f"row {row:.1f}, column {column:.1f}"),
        ("spread", f"{places.spread:.1f} pixels" + _of_random(places)),
    ]
    if places.across is not None:
        found.append(("spread over clips, step by step", f"{places.across:.1f} pixels"))
    found.append(
        (
            "distance from the centre",
            f"{places.from_centre:.1f} pixels; {places.overlap:.0%} in common with a window there",
        )
    )
    if summary.mean_steps is not None:
        found.append(
            ("stops", f"after {summary.mean_steps:.2f} of {summary.windows} windows on average")
        )
    return found


def _of_random(places: LookPlaces) -> str:
    return "" if places.share is None else f", {places.share:.2f} of that of random places"


def _counted(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _clips(summary: FocusSummary) -> str:
    """How many clips were looked at, and of what."""
    if summary.split == "videos":
        return _counted(summary.clips, "video")
    return f"{_counted(summary.clips, 'clip')} of {summary.split}"


def focus_chart(summary: FocusSummary, *, title: str) -> Chart:
    """Returns the heat map of all windows' middles, and answers (and stops) after each step."""
    panels = [_heat_panel(summary), _steps_panel(summary)]
    if summary.mean_steps is not None:
        panels.append(_stops_panel(summary))
    note = (
        f"{_clips(summary)}; pixels are those of the frames as the "
        "network sees them; the dashed rectangle is as far as a window's middle can go"
    )
    return Chart(title, panels, (4.6 * len(panels), 4.4), columns=len(panels), note=note)


def _heat_panel(summary: FocusSummary) -> Panel:
    places = summary.places
    rows, columns = len(places.heat), len(places.heat[0])
    height, width = places.frame
    tall, wide = height / rows, width / columns
    most = max(max(row) for row in places.heat) or 1
    total = sum(map(sum, places.heat)) or 1
    cells = [
        Cell(x, y, (count / most) ** 0.5, "flow", tip=_cell_tip(y * tall, x * wide, count / total))
        for y, row in enumerate(places.heat)
        for x, count in enumerate(row)
        if count
    ]
    low, first = (side / 2 for side in places.window)
    reach = (
        first / wide - 0.5,
        (width - first) / wide - 0.5,
        low / tall - 0.5,
        (height - low) / tall - 0.5,
    )
    row, column = places.middle
    sides = -0.5, columns - 0.5, -0.5, rows - 0.5
    marks: list[Mark] = [
        Cells(cells),
        Polyline("", "faint", *_rectangle(*sides), width=1.0, pointed=False, listed=False),
        Polyline("reach of a middle", "mixed", *_rectangle(*reach), 1.0, "dashed", pointed=False),
        Points(
            "mean",
            "text",
            [column / wide - 0.5],
            [row / tall - 0.5],
            [f"mean: row {row:.1f}, column {column:.1f}"],
            "open diamond",
            8.0,
        ),
    ]
    return Panel(
        "middles of all windows",
        marks,
        Axis("column, pixels", -0.5, columns - 0.5, _ticks(width, wide), grid=False),
        Axis("row, pixels", rows - 0.5, -0.5, _ticks(height, tall), grid=False),
        square=True,
        width=_MAP,
        height=_MAP * min(height / width, 2.0),
    )


def _rectangle(
    left: float, right: float, top: float, bottom: float
) -> tuple[list[float], list[float]]:
    """The corners of a rectangle, one after the other and back to the first: places across, up."""
    return [left, right, right, left, left], [top, top, bottom, bottom, top]


def _cell_tip(row: float, column: float, share: float) -> str:
    return f"row {row:.0f}, column {column:.0f}: {share:.1%} of the windows"


def _ticks(side: float, cell: float) -> list[tuple[float, str]]:
    """Five places of an axis in pixels, by cells."""
    return [(side * part / 4 / cell - 0.5, f"{side * part / 4:.0f}") for part in range(5)]


def _steps_panel(summary: FocusSummary) -> Panel:
    return Panel(
        "after each window" if len(summary.steps) == summary.windows else "after glance and look",
        list(_answers(summary)),
        Axis("windows looked at", style="whole"),
        Axis(low=-0.03, high=1.03),
    )


def _answers(summary: FocusSummary) -> Iterator[Mark]:
    steps = [float(step.step) for step in summary.steps]
    known = [step.accuracy for step in summary.steps]
    right = [value for value in known if value is not None]
    if len(right) == len(steps):
        yield Polyline("right answers", "rgb", steps, right)
        if len(steps) == 1:
            yield Points("", "rgb", steps, right)
    sure = [step.probability for step in summary.steps]
    yield Polyline("probability of the answer", "flow", steps, sure)
    if len(steps) == 1:
        yield Points("", "flow", steps, sure)


def _stops_panel(summary: FocusSummary) -> Panel:
    stops = [(step.step, step.stops or 0) for step in summary.steps]
    total = max(sum(count for _, count in stops), 1)
    bars = Bars(
        "clips that stop",
        "mixed",
        [float(step) for step, _ in stops],
        [float(count) for _, count in stops],
        tips=[f"after {step} windows: {count} clips, {count / total:.0%}" for step, count in stops],
    )
    return Panel(
        "when it stops",
        [bars],
        Axis("clips", low=0, style="whole"),
        Axis("windows looked at", stops[-1][0] + 0.6, stops[0][0] - 0.6, style="whole"),
    )
