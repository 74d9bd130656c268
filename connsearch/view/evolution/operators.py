"""What every operator has brought: how often it was used, was better, and by how much."""

from __future__ import annotations

import math
from collections.abc import Sequence

from connsearch.evolution.review.operator_stats import Yield
from connsearch.view.charts.chart import Axis, Chart, Panel
from connsearch.view.charts.marks import Bars, Labels, Mark, Points, Rule
from connsearch.view.evolution.story import Story

_NOTHING = "no child has a parent yet"


def operators_chart(story: Story) -> Chart:
    """Returns a row an operator: children, the share better than their parent, the mean change.

    Intervals are of 95 %: Wilson's for shares, Student's for means.
    """
    rows = list(story.yields)
    names = Axis(
        low=len(rows) - 0.4,
        high=-0.6,
        ticks=[(place, row.operator) for place, row in enumerate(rows)],
        grid=False,
    )
    height = 60.0 + 30 * max(len(rows), 2)
    marks = (_counts(rows), _shares(rows), _changes(rows)) if rows else ([], [], [])
    reach = _reach(rows)
    axes = (
        Axis(low=0, high=1.8 * max((row.used for row in rows), default=1), style="whole"),
        Axis(low=-0.04, high=1.6, ticks=[(0, "0"), (0.5, "0.5"), (1, "1")]),
        Axis(low=-reach, high=reach),
    )
    titles = ("children", "better than their parent", change_title(story))
    panels = [
        Panel(title, found, x, names, _NOTHING, height=height)
        for title, found, x in zip(titles, marks, axes, strict=True)
    ]
    note = (
        "a child of several operators counts for each of them; parents were chosen for being "
        "measured high, so that a change somewhat below zero is no sign of a bad operator; "
        "intervals are of 95 %"
    )
    return Chart(
        f"{story.title}: operators",
        panels,
        (10.0, 2.4 + 0.42 * max(len(rows), 2)),
        columns=3,
        ratios=(1.1, 1, 1),
        share_y=True,
        note=note,
    )


def change_title(story: Story) -> str:
    """Returns what the mean change is of, and which way is better."""
    name = story.objectives[0]
    return f"mean change of {name}" if story.history.signs[0] > 0 else f"mean saving of {name}"


def share_interval(row: Yield) -> tuple[float, float]:
    """Returns the 95 % interval of the share of an operator's children that were better."""
    from connsearch.runs.metrics import wilson_interval

    return wilson_interval(row.better, row.judged)


def change_interval(row: Yield) -> tuple[float, float] | None:
    """Returns the 95 % interval of the mean change; None of fewer than two children."""
    from connsearch.analysis.statistics import t_quantile

    if not math.isfinite(row.error):
        return None
    reach = t_quantile(row.judged - 1) * row.error
    return row.change - reach, row.change + reach


def _counts(rows: Sequence[Yield]) -> list[Mark]:
    """Bars in one another: of the used some entered, of these some were the best."""
    places = list(range(len(rows)))
    used = [row.used for row in rows]
    tips = [
        f"{row.operator}: {row.used} born, {row.entered} entered, {row.best} best so far"
        for row in rows
    ]
    texts = [f"{row.used} / {row.entered} / {row.best}" for row in rows]
    return [
        Bars("born", "mixed-tint", places, used, height=0.66, tips=tips, outline="mixed"),
        Bars("entered", "rgb", places, [row.entered for row in rows], height=0.42),
        Bars("best so far", "flow", places, [row.best for row in rows], height=0.18),
        Labels("text", used, places, texts),
    ]


def _shares(rows: Sequence[Yield]) -> list[Mark]:
    known = [(place, row) for place, row in enumerate(rows) if row.judged]
    places = [place for place, _ in known]
    shares = [row.better / row.judged for _, row in known]
    ends = [share_interval(row) for _, row in known]
    tips = [
        f"{row.operator}: {row.better} of {row.judged} better ({low:.2f} to {high:.2f} at 95 %)"
        for (_, row), (low, high) in zip(known, ends, strict=True)
    ]
    left, right = [low for low, _ in ends], [high for _, high in ends]
    texts = [f"{row.better} of {row.judged}" for _, row in known]
    silent = [place for place, row in enumerate(rows) if not row.judged]
    return [
        Bars("", "rgb-tint", places, shares, height=0.5),
        Points("", "rgb", shares, places, tips, left=left, right=right),
        Labels("text", [1.04] * len(known), places, texts),
        Labels("faint", [0.0] * len(silent), silent, ["none judged"] * len(silent)),
    ]


def _changes(rows: Sequence[Yield]) -> list[Mark]:
    known = [(place, row) for place, row in enumerate(rows) if row.judged]
    ends = [change_interval(row) or (row.change, row.change) for _, row in known]
    tips = [
        f"{row.operator}: {row.change:+.3g}"
        + (f" ({low:+.3g} to {high:+.3g} at 95 %)" if high > low else "")
        for (_, row), (low, high) in zip(known, ends, strict=True)
    ]
    return [
        Rule("", "text", 0.0, upright=True, dash="solid"),
        Points(
            "",
            "object",
            [row.change for _, row in known],
            [place for place, _ in known],
            tips,
            left=[low for low, _ in ends],
            right=[high for _, high in ends],
        ),
    ]


def _reach(rows: Sequence[Yield]) -> float:
    """How far changes are shown on both sides of 0; longer intervals end at the border."""
    ends = [0.0]
    for row in rows:
        found = change_interval(row) if row.judged > 3 else None
        # the intervals of two or three children would leave no room for the rest
        ends += [row.change, *(found or ())] if row.judged else []
    return max((abs(end) for end in ends if math.isfinite(end)), default=0.0) * 1.15 or 1.0
