"""An evolution in numbers that move: fitness, Pareto fronts, operators, diversity, workers."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from connsearch.evolution.objectives import OBJECTIVES
from connsearch.view.evolution.operators import change_interval, change_title, share_interval
from connsearch.view.evolution.pareto import front_line
from connsearch.view.evolution.story import Story, counted_children, direction, worth
from connsearch.view.evolution.tables import change_text, measured
from connsearch.view.evolution.workers import WORDS, Shift, shifts
from connsearch.view.report.charts import Chart, ChartLine, ChartPoint, chart
from connsearch.view.report.evolution_sections import section
from connsearch.view.report.section import Section
from connsearch.view.report.words import plural, seconds

DENSE = 80
"""Above so many children points are drawn small."""
_INKS = {"complete": "rgb", "pruned": "flow", "failed": "dead", "running": "mixed"}


@section("fitness", 40)
def fitness(story: Story) -> Section | None:
    """Returns a chart an objective: every child, the best so far, the mean of the population."""
    if not story.rounds:
        return None
    charts = [_fitness(story, place) for place in range(len(story.objectives))]
    values = {
        "charts": [c for c in charts if c is not None],
        "dense": len(story.rounds) > DENSE,
        "start": story.start is not None,
        "initial": story.initial,
    }
    return Section("fitness", "Fitness over rounds", values)


@section("pareto", 50)
def pareto(story: Story) -> Section | None:
    """Returns a chart a pair of objectives; nothing where there is only one."""
    pairs = list(combinations(range(len(story.objectives)), 2))
    if not pairs or not story.best:
        return None
    charts = [_pair(story, x, y) for y, x in pairs]
    less = [OBJECTIVES[o].label for o in story.objectives if not OBJECTIVES[o].higher]
    front = counted_children(len(story.best))
    words = f"Nobody dominates {front}. Less is better of: {', '.join(less)}."
    values = {"charts": charts, "words": words}
    return Section("pareto", "Pareto front", values, str(len(story.best)))


@section("operators", 60)
def operators(story: Story) -> Section:
    """Returns one row an operator with its intervals."""
    spans = [found for row in story.yields if (found := change_interval(row)) is not None]
    reach = max((abs(end) for span in spans for end in span), default=0.0) or 1.0
    rows: list[dict[str, Any]] = []
    for row in story.yields:
        told: dict[str, Any] = {
            "operator": row.operator,
            "used": row.used,
            "better": f"{row.better} of {row.judged}" if row.judged else "none judged",
            "change": change_text(row),
            "entered": row.entered,
            "best": row.best,
            "share": None,
            "range": None,
        }
        if row.judged:
            low, high = share_interval(row)
            told["share"] = [_percent(v) for v in (low, row.better / row.judged, high)]
        found = change_interval(row)
        if found is not None:
            ends = (found[0], row.change, found[1])
            told["range"] = [_percent(0.5 + 0.5 * v / reach) for v in ends]
        rows.append(told)
    return Section("operators", "Operators", {"rows": rows, "change": change_title(story)})


@section("diversity", 70)
def diversity(story: Story) -> Section | None:
    """Returns how many structures and founders the population had, and how far apart it was."""
    told = story.diversity
    if not told:
        return None
    xs = [d.round for d in told]
    lines = {
        "Different structures": [
            ChartLine("members", "mixed", xs, [d.members for d in told], thin=True),
            ChartLine("different structures", "rgb", xs, [d.structures for d in told]),
        ],
        "Mean distance of wiring": [ChartLine("distance", "flow", xs, [d.distance for d in told])],
        "Founders": [ChartLine("founders", "object", xs, [d.founders for d in told])],
    }
    charts = [
        chart(title, "round", found, y=(0.0, max(v for line in found for v in line.ys) or 1.0))
        for title, found in lines.items()
    ]
    return Section("diversity", "Diversity", {"charts": [c for c in charts if c is not None]})


@section("workers", 90)
def workers(story: Story) -> Section | None:
    """Returns who judged whom when."""
    rows = shifts(story)
    if not rows:
        return None
    long = max(shift.end for row in rows.values() for shift in row) or 1.0
    busy = sum(shift.end - shift.begin for row in rows.values() for shift in row)
    words = (
        f"{plural(len(rows), 'worker')}, {seconds(long)} from the first evaluation to the last; "
        f"together they were at work for {seconds(busy)}."
    )
    lanes = [(name, [_stint(shift, long) for shift in row]) for name, row in rows.items()]
    states = {shift.state for row in rows.values() for shift in row}
    legend = {WORDS[state]: ink for state, ink in _INKS.items() if state in states}  # pyright: ignore[reportArgumentType] (the keys are states)
    return Section("workers", "Workers", {"words": words, "lanes": lanes, "legend": legend})


def _fitness(story: Story, place: int) -> Chart | None:
    sign, name = story.history.signs[place], story.objectives[place]
    xs = [e.number for e in story.rounds]
    lines = [
        ChartLine("best so far", "text", xs, [sign * e.top[place] for e in story.rounds]),
        ChartLine(
            "mean of the population", "flow", xs, [sign * e.mean[place] for e in story.rounds]
        ),
    ]
    points: list[ChartPoint] = []
    for told in story.rounds:
        entry = story.entries[told.child]
        value = story.value(told.child, place)
        assert value is not None, "who has a round was judged"
        spread = entry.spread[place] if entry.spread and entry.evaluations > 1 else None
        ink = "peer" if entry.evaluations > 1 else "rgb" if told.entered else "mixed"
        tip = (
            f"#{told.child} {measured(story, told.child, place)}, {story.came(told.child)}; round "
            f"{told.number}: {'entered' if told.entered else 'did not enter'}"
        )
        ends = (None, None) if spread is None else (value - spread, value + spread)
        points.append(ChartPoint(told.number, value, ink, tip, *ends))
    legend = {
        "best so far": "text",
        "mean of the population": "flow",
        "entered": "rgb",
        "did not enter": "mixed",
        "judged again, ± 1 sd": "peer",
    }
    start = None if story.start is None else story.value(story.start, place)
    return chart(direction(name).capitalize(), "round", lines, points, rule=start, legend=legend)


def _pair(story: Story, x: int, y: int) -> Chart | None:
    corners: list[tuple[float, float]] = []
    after = story.history.signs[x] < 0  # less is better: a value holds to the right of its point
    for point in front_line(story, x, y):
        if corners:
            before = corners[-1]
            corners.append((point[0], before[1]) if after else (before[0], point[1]))
        corners.append(point)
    front = set(story.best)
    points: list[ChartPoint] = []
    for number, entry in story.entries.items():
        if entry.values is None:
            continue
        ink = "object" if number == story.start else "rgb" if number in front else "mixed"
        said = [worth(story.objectives[place], entry.values[place]) for place in (y, x)]
        tip = f"#{number}: {said[0]}, {said[1]}; {story.came(number)}"
        points.append(ChartPoint(entry.values[x], entry.values[y], ink, tip))
    points.sort(key=lambda point: point.ink == "rgb")  # the front lies on top
    legend = {"front of these two": "text", "dominated by none": "rgb", "others": "mixed"}
    legend |= {"the start": "object"} if story.start is not None else {}
    line = ChartLine("front", "text", [c[0] for c in corners], [c[1] for c in corners])
    up, across = (OBJECTIVES[story.objectives[place]].label for place in (y, x))
    return chart(f"{up} over {across}".capitalize(), across, [line], points, legend=legend)


def _stint(shift: Shift, long: float) -> dict[str, Any]:
    again = f", evaluation {shift.evaluation + 1}" if shift.evaluation else ""
    spent = seconds(shift.end - shift.begin)
    return {
        "left": _percent(shift.begin / long),
        "width": _percent((shift.end - shift.begin) / long),
        "ink": _INKS[shift.state],
        "open": shift.state == "running",
        "tip": f"#{shift.child}{again}: {WORDS[shift.state]}, {spent}",
    }


def _percent(share: float) -> float:
    return round(100 * min(max(share, 0.0), 1.0), 2)
