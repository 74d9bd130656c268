"""The terms of a loss over the steps of a training: what each is, and how right its answers are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connsearch.runs.formats.tables import TermRow
from connsearch.view.charts.chart import Axis, Chart, Panel
from connsearch.view.charts.inks import InkName
from connsearch.view.charts.marks import Dash, Polyline
from connsearch.view.runs.series import Series, smooth

_KNOWN: Mapping[str, InkName] = {
    "glance": "rgb",
    "policy": "peer",
    "random": "mixed",
    "centre": "object",
    "penalty": "text",
}
"""Colours of the terms that have one in every picture."""
_INKS: Sequence[InkName] = ("rgb", "peer", "mixed", "flow", "object", "text")
_DASHES: Sequence[Dash] = ("solid", "dashed", "dotted")
_LINES = 30
"""So many steps of a long training are one point of a line, of a thirtieth of it each."""


def terms_chart(rows: Sequence[TermRow], *, title: str) -> Chart:
    """Returns two panels: the loss of every term, and the share of right answers of each.

    Terms whose names begin with the same word have the same colour. Lines of long trainings are
    means of the last thirtieth.

    Args:
        rows: of ``terms.csv``.
        title: whose they are.
    """
    names = list(dict.fromkeys(row.term for row in rows))
    loss, right = _series(rows, "loss"), _series(rows, "accuracy")
    weights = {row.term: row.weight for row in rows}
    panels: list[Panel] = []
    for heading, found, y in (
        ("loss, not yet weighted", loss, Axis(low=0)),
        ("accuracy in training", right, Axis(low=-0.03, high=1.03)),
    ):
        lines = [
            Polyline(f"{name} (x {weights[name]:g})", *_look(name, names, found[name]))
            for name in names
            if name in found
        ]
        panels.append(
            Panel(heading, lines, Axis("step", style="whole"), y, empty="nothing is logged yet")
        )
    return Chart(f"{title}: terms of the loss", panels, (9.0, 3.7), columns=2)


def _series(rows: Sequence[TermRow], column: str) -> Mapping[str, Series]:
    found: dict[str, Series] = {}
    for row in rows:
        value: float | None = getattr(row, column)
        if value is not None:
            series = found.setdefault(row.term, Series())
            series.steps.append(row.step)
            series.values.append(value)
    return found


def _look(
    name: str, names: Sequence[str], series: Series
) -> tuple[InkName, list[int], list[float], float, Dash]:
    """Colour, numbers, width and dash of the line of a term."""
    family = name.split(" ")[0]
    place = [other for other in names if other.split(" ")[0] == family].index(name)
    mean = smooth(series, max(len(series) // _LINES, 1))
    return _ink(family, names), mean.steps, mean.values, 1.4, _DASHES[min(place, len(_DASHES) - 1)]


def _ink(family: str, names: Sequence[str]) -> InkName:
    """The colour of terms whose names begin with this word: its own, or the next that is free."""
    if family in _KNOWN:
        return _KNOWN[family]
    families = list(dict.fromkeys(name.split(" ")[0] for name in names))
    taken = {_KNOWN[one] for one in families if one in _KNOWN}
    free = [ink for ink in _INKS if ink not in taken] or list(_INKS)
    others = [one for one in families if one not in _KNOWN]
    return free[others.index(family) % len(free)]
