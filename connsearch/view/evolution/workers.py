"""Who worked when: a row a worker, a bar an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from connsearch.evolution.child import State
from connsearch.evolution.history import key_of
from connsearch.evolution.review.children import counted
from connsearch.view.evolution.figures import say_nothing
from connsearch.view.evolution.story import Story
from connsearch.view.runs.figures import blank_figure
from connsearch.view.structures.markup import clean
from connsearch.view.structures.palette import DEAD, FAINT, MIXED, PAPER, STREAMS, TEXT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_RGB, _FLOW, _OBJECT = (ink.line for ink in STREAMS.values())
COLOURS: Mapping[State, str] = {
    "complete": _RGB,
    "pruned": _FLOW,
    "failed": DEAD.line,
    "running": MIXED.tint,
}
WORDS: Mapping[State, str] = {
    "complete": "complete",
    "pruned": "ended early",
    "failed": "failed",
    "running": "not ended",
}
NUMBERED = 60
"""Up to so many bars in a row stand clearly apart."""


@dataclass(frozen=True, slots=True)
class Shift:
    """One evaluation on a worker's row; seconds count from the first that began."""

    child: int
    evaluation: int
    state: State
    begin: float
    end: float


def shifts(story: Story) -> dict[str, list[Shift]]:
    """Returns the evaluations of every worker in order; one that has not ended lasts until now.

    Now is the last moment the study tells of.
    """
    known = [t for t in counted(story.history) if t.started is not None]
    if not known:
        return {}
    first = min(t.started or 0.0 for t in known)
    now = max(max(t.started or 0.0, t.finished or 0.0) for t in known) - first
    found: dict[str, list[Shift]] = {}
    for trial in sorted(known, key=lambda t: t.started or 0.0):
        begin = (trial.started or 0.0) - first
        end = now if trial.finished is None else trial.finished - first
        key = key_of(trial)
        state: State = "running" if trial.state == "waiting" else trial.state
        worker = str(trial.facts.get("worker") or "not recorded")
        shift = Shift(key.child, key.evaluation, state, begin, max(end, begin))
        found.setdefault(worker, []).append(shift)
    return dict(sorted(found.items()))


def workers_figure(story: Story) -> Figure:
    """Returns the time line of the workers."""
    rows = shifts(story)
    figure = blank_figure(10.0, min(1.9 + 0.4 * max(len(rows), 1), 14.0), f"{story.title}: workers")
    axes = figure.subplots()
    if not rows:
        say_nothing(axes, "no evaluation began yet")
        return figure
    long = max(shift.end for row in rows.values() for shift in row)
    unit, name = time_unit(long)
    for place, row in enumerate(rows.values()):
        _draw_row(axes, place, row, unit, narrow=long / unit / 45)
    axes.set_yticks(range(len(rows)), [clean(worker, 28) for worker in rows])
    axes.tick_params(axis="y", length=0, colors=TEXT, labelsize=9 if len(rows) <= 30 else 6)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0, max(long / unit, 1e-9) * 1.01)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(f"{name} since the first evaluation began")
    _add_legend(figure, {shift.state for row in rows.values() for shift in row})
    return figure


def time_unit(seconds: float) -> tuple[float, str]:
    """Returns the unit that suits a time, in seconds, and its name.

    >>> time_unit(90), time_unit(600), time_unit(40_000)
    ((1.0, 'seconds'), (60.0, 'minutes'), (3600.0, 'hours'))
    """
    if seconds < 180:
        return 1.0, "seconds"
    return (60.0, "minutes") if seconds < 4 * 3600 else (3600.0, "hours")


def _draw_row(axes: Axes, place: int, row: list[Shift], unit: float, *, narrow: float) -> None:
    for shift in row:
        begin, width = shift.begin / unit, (shift.end - shift.begin) / unit
        axes.barh(
            place, width, left=begin, height=0.68, color=COLOURS[shift.state],
            linewidth=0.6 if len(row) < NUMBERED else 0.15,
            edgecolor=MIXED.line if shift.state == "running" else PAPER,
            hatch="////" if shift.state == "running" else None,
        )  # fmt: skip
        text = str(shift.child) + ("'" * shift.evaluation if shift.evaluation < 4 else "*")
        if width > narrow * (0.35 + 0.35 * len(text)) and shift.state != "running":
            axes.text(
                begin + width / 2, place, text, ha="center", va="center", fontsize=6.5,
                color=PAPER, clip_on=True,
            )  # fmt: skip


def _add_legend(figure: Figure, states: set[State]) -> None:
    from matplotlib.patches import Patch

    entries = [
        Patch(facecolor=colour, edgecolor=MIXED.line, label=WORDS[state])
        for state, colour in COLOURS.items()
        if state in states
    ]
    figure.legend(
        handles=entries, loc="outside lower left", ncols=4, frameon=False,
        title="numbers: children; ' judged again", title_fontsize=8, alignment="left",
    )  # fmt: skip
    figure.legends[0].get_title().set_color(FAINT)
