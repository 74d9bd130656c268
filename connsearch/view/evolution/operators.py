"""What every operator has brought, as bars: how often it was used, was better, and by how much."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from connsearch.evolution.review.operator_stats import Yield
from connsearch.view.evolution.figures import say_nothing
from connsearch.view.evolution.story import Story
from connsearch.view.runs.figures import blank_figure
from connsearch.view.structures.palette import FAINT, MIXED, STREAMS, TEXT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_RGB, _FLOW, _OBJECT = (ink.line for ink in STREAMS.values())


def operators_figure(story: Story) -> Figure:
    """Returns a row an operator: children, the share better than their parent, the mean change.

    Intervals are of 95 %: Wilson's for shares, Student's for means.
    """
    rows = list(story.yields)
    figure = blank_figure(10.0, 2.1 + 0.42 * max(len(rows), 2), f"{story.title}: operators")
    panels: list[Axes] = list(figure.subplots(1, 3, sharey=True, width_ratios=(1.1, 1, 1)))
    titles = ("children", "better than their parent", change_title(story))
    for axes, title in zip(panels, titles, strict=True):
        axes.set_title(title)
        if not rows:
            say_nothing(axes, "no child has a parent yet")
    if rows:
        panels[0].set_yticks(range(len(rows)), [row.operator for row in rows])
        panels[0].set_ylim(len(rows) - 0.4, -0.6)
        panels[0].tick_params(axis="y", colors=TEXT, length=0)
        _draw_counts(panels[0], rows)
        _draw_shares(panels[1], rows)
        _draw_changes(panels[2], rows)
    words = (
        "a child of several operators counts for each of them; parents were chosen for being "
        "measured high,\nso that a change somewhat below zero is no sign of a bad operator; bars: "
        "95 % intervals"
    )
    figure.supxlabel(words, fontsize=8, color=FAINT, x=0.01, ha="left")
    return figure


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


def _draw_counts(axes: Axes, rows: Sequence[Yield]) -> None:
    """Bars in one another: of the used some entered, of these some were the best."""
    from matplotlib.ticker import MaxNLocator

    places = list(range(len(rows)))
    used = [row.used for row in rows]
    axes.barh(places, used, height=0.66, color=MIXED.tint, edgecolor=MIXED.line, label="born")
    axes.barh(places, [row.entered for row in rows], height=0.42, color=_RGB, label="entered")
    axes.barh(places, [row.best for row in rows], height=0.18, color=_FLOW, label="best so far")
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set_xlim(0, 1.45 * max(used))
    for place, row in enumerate(rows):
        text = f" {row.used} / {row.entered} / {row.best}"
        axes.text(row.used, place, text, va="center", fontsize=8, color=TEXT)
    axes.figure.legend(  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue]
        *axes.get_legend_handles_labels(), loc="outside upper right", ncols=3, frameon=False
    )


def _draw_shares(axes: Axes, rows: Sequence[Yield]) -> None:
    axes.set_xlim(0, 1.45)
    axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    for place, row in enumerate(rows):
        if not row.judged:
            axes.text(0.02, place, "none judged", va="center", fontsize=8, color=FAINT)
            continue
        share = row.better / row.judged
        low, high = share_interval(row)
        axes.barh(place, share, height=0.5, color=STREAMS[next(iter(STREAMS))].tint)
        axes.plot([low, high], [place, place], color=_RGB, linewidth=1.6, solid_capstyle="butt")
        axes.plot([share], [place], "o", color=_RGB, markersize=5)
        text = f"{row.better} of {row.judged}"
        axes.text(1.07, place, text, va="center", fontsize=8, color=TEXT)


def _draw_changes(axes: Axes, rows: Sequence[Yield]) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.axvline(0, color=TEXT, linewidth=0.9)
    ends = [0.0]
    for place, row in enumerate(rows):
        if not row.judged:
            continue
        ends.append(row.change)
        axes.plot([row.change], [place], "o", color=_OBJECT, markersize=5)
        found = change_interval(row)
        if found is not None:
            axes.plot(found, [place, place], color=_OBJECT, linewidth=1.6, solid_capstyle="butt")
            if row.judged > 3:  # the intervals of two or three would leave no room for the rest
                ends += found
    reach = max(map(abs, ends)) * 1.15 or 1.0
    axes.set_xlim(-reach, reach)
    axes.xaxis.set_major_locator(MaxNLocator(4))
