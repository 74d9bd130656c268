"""Where a focus model looks, as a chart and in numbers: heat map, answers and stops by step."""

from __future__ import annotations

from collections.abc import Iterator

from connsearch.runs.formats.focus import FocusSummary, LookPlaces
from connsearch.view.charts.chart import Axis, Chart, Panel
from connsearch.view.charts.inks import InkName
from connsearch.view.charts.marks import Bars, Cell, Cells, Mark, Points, Polyline

_MAP = 300
"""Pixels across the heat map on a page."""
_TICKS = 8
"""Numbered windows of an axis, about; more are numbered now and then."""
_SETTING = {
    "centre": "in the centre of every frame, by setting (--places centre); no policy",
    "random": "drawn at random for each clip, by setting (--places random); no policy",
}


def places_facts(summary: FocusSummary) -> list[tuple[str, str]]:
    """Returns what is known of the places, as names and values for people."""
    places = summary.places
    height, width = places.frame
    tall, wide = places.window
    row, column = places.middle
    size = f"{tall:.0f}x{wide:.0f} of {height:.0f}x{width:.0f} pixels"
    if summary.smallest is not None:
        size = f"{size} on average, {summary.smallest}x{summary.smallest} at least"
    videos = summary.split == "videos"
    count = f"{summary.clips:,}{'' if videos else f' of {summary.split}'}"
    found = [("videos" if videos else "clips", f"{count}, {_windows(summary)}")]
    if summary.glanced is not None:
        found.append(("glance", f"at {summary.glanced} of these {summary.windows} frames"))
    if summary.chosen_by in _SETTING:
        found.append(("places", _SETTING[summary.chosen_by]))
    found += [
        ("window", size),
        ("mean place", f"row {row:.1f}, column {column:.1f}"),
        ("spread", f"{places.spread:.1f} pixels" + _of_random(places)),
    ]
    if places.across is not None and summary.window != "clip":
        found.append(("spread over clips, step by step", f"{places.across:.1f} pixels"))
    found.append(
        (
            "distance from the centre",
            f"{places.from_centre:.1f} pixels; {places.overlap:.0%} in common with a window there",
        )
    )
    if summary.stopping:
        found.append(("stops", _stops(summary)))
    return found


def _windows(summary: FocusSummary) -> str:
    """How many windows a clip has, or what one window does."""
    frames = _counted(summary.windows, "frame")
    if summary.window == "clip":
        return f"one window for all {frames}"
    if summary.window == "track":
        return f"one window that glides through {frames}"
    return f"{_counted(summary.windows, 'window')} in each"


def _stops(summary: FocusSummary) -> str:
    if summary.one_by_one and summary.mean_steps is not None:
        return f"after {summary.mean_steps:.2f} of {summary.windows} windows on average"
    found = [f"{step.stops or 0} after {summary.ending(step.step)}" for step in summary.steps]
    return f"{', '.join(found)} (of {summary.clips:,} clips)"


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
    if summary.stopping:
        panels.append(_stops_panel(summary))
    which = "the smallest window" if summary.smallest is not None else "a window"
    placed = _SETTING.get(summary.chosen_by)
    note = (
        f"{_clips(summary)}, {_windows(summary)}; "
        + ("" if placed is None else f"windows are {placed}; ")
        + "pixels are those of the frames as the network sees them; the dashed rectangle is as far "
        f"as the middle of {which} can go"
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
    smallest = places.window if summary.smallest is None else [summary.smallest] * 2
    low, first = (side / 2 for side in smallest)
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
    title = "after each window" if summary.one_by_one else "after glance and look"
    if not summary.one_by_one and len(summary.steps) == 1:
        title = "after the look"
    places, ticks = _step_places(summary)
    across = Axis("windows looked at", ticks=ticks)
    if not summary.one_by_one:
        across = Axis(low=-0.5, high=len(places) - 0.5, ticks=ticks)
    return Panel(title, list(_answers(summary, places)), across, Axis(low=-0.03, high=1.03))


def _step_places(summary: FocusSummary) -> tuple[list[float], list[tuple[float, str]]]:
    """Where on an axis each answer is, and what is written there."""
    if not summary.one_by_one:
        names = [summary.ending(step.step).removeprefix("the ") for step in summary.steps]
        return [float(n) for n in range(len(names))], [(n, name) for n, name in enumerate(names)]
    last = summary.windows
    apart = -(-last // _TICKS)
    some = [1, *(n for n in range(last, apart, -apart) if n > 1)]
    return [float(step.step) for step in summary.steps], [(n, str(n)) for n in sorted(some)]


def _answers(summary: FocusSummary, places: list[float]) -> Iterator[Mark]:
    known = [step.accuracy for step in summary.steps]
    right = [value for value in known if value is not None]
    lines: list[tuple[str, InkName, list[float]]] = [
        ("right answers", "rgb", right if len(right) == len(known) else []),
        ("probability of the answer", "flow", [step.probability for step in summary.steps]),
    ]
    for name, ink, values in lines:
        if values:
            yield Polyline(name, ink, places, values)
            yield Points("", ink, places, values)


def _stops_panel(summary: FocusSummary) -> Panel:
    stops = [(summary.ending(step.step), step.stops or 0) for step in summary.steps]
    total = max(sum(count for _, count in stops), 1)
    places, ticks = _step_places(summary)
    bars = Bars(
        "clips that stop",
        "mixed",
        places,
        [float(count) for _, count in stops],
        tips=[f"after {name}: {count} clips, {count / total:.0%}" for name, count in stops],
    )
    return Panel(
        "when it stops" + (": after so many windows" if summary.one_by_one else ""),
        [bars],
        Axis("clips", low=0, style="whole"),
        Axis("", places[-1] + 0.6, places[0] - 0.6, ticks),
    )
