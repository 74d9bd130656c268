"""A panel with what can be drawn: finite numbers, kept within the given ends of its axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from connsearch.view.charts.chart import Axis, Panel
from connsearch.view.charts.marks import Area, Bars, Cells, Labels, Mark, Points, Polyline, Rule
from connsearch.view.charts.thin import thinned

LARGEST = 1e100
"""Numbers beyond are not drawn: no axis has room for them."""


def drawable(panel: Panel, *, most: int | None = None) -> Panel:
    """Returns the panel without what cannot be drawn, and without marks that have nothing left.

    Args:
        panel: any.
        most: how many values a line may have; longer ones are thinned. None: all stay.
    """
    marks = [whole for mark in panel.marks if (whole := _whole(mark, panel, most)) is not None]
    return replace(panel, marks=marks)


def longest(panel: Panel) -> int:
    """Returns how many values its longest line has; 0 without a line."""
    return max((len(mark.ys) for mark in panel.marks if isinstance(mark, Polyline)), default=0)


def _whole(mark: Mark, panel: Panel, most: int | None) -> Mark | None:
    if isinstance(mark, Polyline | Area):
        return _whole_line(mark, panel, most)
    if isinstance(mark, Points):
        return _whole_points(mark, panel)
    if isinstance(mark, Bars):
        return _whole_bars(mark)
    if isinstance(mark, Labels):
        keep = _finite(mark.xs, mark.ys)
        return replace(
            mark,
            xs=_kept(mark.xs, keep, panel.x),
            ys=_kept(mark.ys, keep, panel.y),
            texts=[mark.texts[i] for i in keep],
        )
    if isinstance(mark, Cells):
        return mark if mark.cells else None
    return mark if not isinstance(mark, Rule) or _can_be_drawn(mark.at) else None


def _whole_line(mark: Polyline | Area, panel: Panel, most: int | None) -> Polyline | Area | None:
    keep = _finite(mark.xs, mark.ys)
    if most is not None:
        keep = [keep[i] for i in thinned([mark.ys[i] for i in keep], most)]
    if not keep:
        return None
    xs, ys = _kept(mark.xs, keep, panel.x), _kept(mark.ys, keep, panel.y)
    return replace(mark, xs=xs, ys=ys)


def _whole_points(mark: Points, panel: Panel) -> Points | None:
    keep = _finite(mark.xs, mark.ys)
    x, y = panel.x, Axis(low=0, high=1) if mark.foot else panel.y

    def ends(values: Sequence[float], places: Sequence[float], axis: Axis) -> list[float]:
        """An end that is not known is the point itself."""
        found = [v if _can_be_drawn(v) else p for v, p in zip(values, places, strict=True)]
        return _kept(found, keep, axis)

    both, across = bool(mark.low and mark.high), bool(mark.left and mark.right)
    found = replace(
        mark,
        xs=_kept(mark.xs, keep, x),
        ys=_kept(mark.ys, keep, y),
        tips=[mark.tips[i] for i in keep] if mark.tips else (),
        low=ends(mark.low, mark.ys, y) if both else (),
        high=ends(mark.high, mark.ys, y) if both else (),
        left=ends(mark.left, mark.xs, x) if across else (),
        right=ends(mark.right, mark.xs, x) if across else (),
    )
    return found if keep else None


def _whole_bars(mark: Bars) -> Bars | None:
    lefts = mark.lefts or [0.0] * len(mark.rows)
    keep = _finite(mark.widths, lefts)
    found = replace(
        mark,
        rows=[mark.rows[i] for i in keep],
        widths=[mark.widths[i] for i in keep],
        lefts=[lefts[i] for i in keep],
        tips=[mark.tips[i] for i in keep] if mark.tips else (),
    )
    return found if keep else None


def _finite(*columns: Sequence[float]) -> list[int]:
    """Places where all columns have a number that can be drawn."""
    rows = enumerate(zip(*columns, strict=True))
    return [i for i, values in rows if all(map(_can_be_drawn, values))]


def _can_be_drawn(value: float) -> bool:
    return math.isfinite(value) and abs(value) < LARGEST


def _kept(values: Sequence[float], keep: Sequence[int], axis: Axis) -> list[float]:
    """The kept values, each moved to the nearest given end of its axis where it lies outside."""
    low, high = axis.low, axis.high
    if low is not None and high is not None and low > high:
        low, high = high, low
    found = [values[i] for i in keep]
    found = found if low is None else [max(value, low) for value in found]
    return found if high is None else [min(value, high) for value in found]
