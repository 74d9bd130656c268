"""Who worked when: a row a worker, a bar an evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from connsearch.evolution.child import State
from connsearch.evolution.history import key_of
from connsearch.evolution.review.children import counted
from connsearch.view.charts.chart import Axis, Chart, Panel
from connsearch.view.charts.inks import InkName
from connsearch.view.charts.marks import Bars, Labels, Mark
from connsearch.view.evolution.story import Story
from connsearch.view.structures.markup import clean

_INKS: Mapping[State, InkName] = {
    "complete": "rgb",
    "pruned": "flow",
    "failed": "dead",
    "running": "mixed-tint",
}
WORDS: Mapping[State, str] = {
    "complete": "complete",
    "pruned": "ended early",
    "failed": "failed",
    "running": "not ended",
}
LONGEST_NAME = 28
NARROW = 1 / 45
"""A bar of this share of the whole time has room for a number of two digits."""


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


def workers_chart(story: Story) -> Chart:
    """Returns the time line of the workers."""
    rows = shifts(story)
    long = max((shift.end for row in rows.values() for shift in row), default=0.0)
    unit, name = time_unit(long)
    marks = list(_marks(list(rows.values()), unit, long))
    x = Axis(f"{name} since the first evaluation began", 0, max(long / unit, 1e-9) * 1.01)
    y = Axis(
        low=len(rows) - 0.4,
        high=-0.6,
        ticks=[(place, clean(worker, LONGEST_NAME)) for place, worker in enumerate(rows)],
        size=0.0 if len(rows) <= 30 else 6.0,
        grid=False,
    )
    height = 60.0 + 24 * max(len(rows), 2)
    panel = Panel("", marks, x, y, "no evaluation began yet", height=height)
    size = (10.0, min(1.9 + 0.4 * max(len(rows), 1), 14.0))
    note = "numbers in the bars: children; ' judged again" if rows else ""
    return Chart(f"{story.title}: workers", [panel], size, note=note, page="wide")


def time_unit(seconds: float) -> tuple[float, str]:
    """Returns the unit that suits a time, in seconds, and its name.

    >>> time_unit(90), time_unit(600), time_unit(40_000)
    ((1.0, 'seconds'), (60.0, 'minutes'), (3600.0, 'hours'))
    """
    if seconds < 180:
        return 1.0, "seconds"
    return (60.0, "minutes") if seconds < 4 * 3600 else (3600.0, "hours")


def _marks(rows: Sequence[Sequence[Shift]], unit: float, long: float) -> Iterator[Mark]:
    placed = [(place, shift) for place, row in enumerate(rows) for shift in row]
    for state, ink in _INKS.items():
        own = [(place, shift) for place, shift in placed if shift.state == state]
        if own:
            yield Bars(
                WORDS[state],
                ink,
                [place for place, _ in own],
                [(shift.end - shift.begin) / unit for _, shift in own],
                [shift.begin / unit for _, shift in own],
                height=0.68,
                tips=[_tip(shift, unit) for _, shift in own],
                outline="mixed" if state == "running" else "paper",
            )
    numbered = [(place, s, text) for place, s in placed if (text := _text(s, long))]
    middles = [(s.begin + s.end) / 2 / unit for _, s, _ in numbered]
    texts = [text for _, _, text in numbered]
    if numbered:
        yield Labels("paper", middles, [place for place, _, _ in numbered], texts, "centre")


def _text(shift: Shift, long: float) -> str:
    """What stands in a bar; nothing in a narrow one."""
    text = str(shift.child) + ("'" * shift.evaluation if shift.evaluation < 4 else "*")
    wide = (shift.end - shift.begin) > long * NARROW * (0.35 + 0.35 * len(text))
    return text if wide and shift.state != "running" else ""


def _tip(shift: Shift, unit: float) -> str:
    again = f", evaluation {shift.evaluation}" if shift.evaluation else ""
    name = {1.0: "s", 60.0: "min"}.get(unit, "h")
    spent = f"{(shift.end - shift.begin) / unit:.3g} {name}"
    return f"#{shift.child}{again}: {WORDS[shift.state]}, {spent}"
