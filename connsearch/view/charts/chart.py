"""A chart as a value: panels, each with its axes and marks. It knows neither files nor pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from connsearch.view.charts.inks import InkName
from connsearch.view.charts.marks import Bars, Cells, Labels, Mark, Points, Polyline, Rule

SAID = 12
"""So many points of a panel are said in words to those who cannot see it."""


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis; both ends are taken from the numbers unless they are given.

    Attributes:
        title: what it counts.
        low: its lower end.
        high: its upper end; below ``low`` the axis runs the other way.
        ticks: (place, text) instead of round numbers; empty: no ticks at all.
        style: "whole" has whole numbers only; "count" writes thousands as k and millions as M.
        room: empty share on both sides of the numbers.
        on_top: whether a horizontal axis stands above.
        upright: whether the texts of a horizontal axis are turned.
        inks: the colour of every given tick; empty: the usual one.
        size: of the ticks' texts in a picture file, in points; 0: the usual one.
        grid: whether thin lines go through the ticks.
    """

    title: str = ""
    low: float | None = None
    high: float | None = None
    ticks: Sequence[tuple[float, str]] | None = None
    style: Literal["plain", "whole", "count"] = "plain"
    room: float = 0.05
    on_top: bool = False
    upright: bool = False
    inks: Sequence[InkName] = ()
    size: float = 0.0
    grid: bool = True


@dataclass(frozen=True, slots=True)
class Panel:
    """One pair of axes and what stands in it.

    Attributes:
        title: what it shows.
        marks: from the back to the front.
        x: its horizontal axis.
        y: its vertical axis.
        empty: what is written instead where there is nothing to show yet.
        words: lines of text instead of axes; a picture has them, a page says them in its own way.
        square: whether both axes have one scale, as matrices have.
        width: on a page, in pixels; 0: as wide as its chart has them.
        height: on a page, in pixels; 0: as high as its chart has them.
    """

    title: str
    marks: Sequence[Mark] = ()
    x: Axis = field(default_factory=Axis)
    y: Axis = field(default_factory=Axis)
    empty: str = ""
    words: Sequence[str] | None = None
    square: bool = False
    width: float = 0.0
    height: float = 0.0

    def lines(self) -> list[tuple[int, Polyline]]:
        """Returns the lines that answer on a page, with their places among the marks."""
        found = [(i, mark) for i, mark in enumerate(self.marks) if isinstance(mark, Polyline)]
        return [(i, line) for i, line in found if line.pointed and len(line.ys)]

    def described(self) -> str:
        """Returns the panel in words, for those who cannot see it."""
        said = [f"{m.name}: from {m.ys[0]:.4g} to {m.ys[-1]:.4g}" for _, m in self.lines()]
        tips = [tip for mark in self.marks for tip in tips_of(mark) if tip]
        more = [f"and {len(tips) - SAID} more"] if len(tips) > SAID else []
        told = "; ".join([*said[:SAID], *tips[:SAID], *more])
        return f"{self.title}. {told or self.empty}".strip()


@dataclass(frozen=True, slots=True)
class LegendKey:
    """An entry of the legend: "line", "dashed", "dotted", "area", or a shape of points.

    ``share`` says how strong its colour is, from 0 to 1.
    """

    name: str
    ink: InkName
    kind: str
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart: its panels, how they stand in a picture, and how large they are on a page.

    Attributes:
        title: of the picture; a page has headings of its own.
        panels: in order.
        size: width and height of the picture in inches.
        columns: of panels in the picture.
        ratios: how wide the columns are, relative to each other; empty: alike.
        heights: how high the rows are, relative to each other; empty: alike.
        share_x: whether panels of a column have one horizontal axis.
        share_y: whether panels of a row have one vertical axis.
        keys: the legend; empty: one entry for every name of the marks.
        note: what has to be known to read it.
        page: how large a panel is on a page: "small" ones stand beside each other, "wide" ones
            take the whole width of a desk.
    """

    title: str
    panels: Sequence[Panel]
    size: tuple[float, float]
    columns: int = 1
    ratios: Sequence[float] = ()
    heights: Sequence[float] = ()
    share_x: bool = False
    share_y: bool = False
    keys: Sequence[LegendKey] = ()
    note: str = ""
    page: Literal["small", "normal", "wide"] = "normal"

    def legend(self) -> list[LegendKey]:
        """Returns the entries of the legend, each name once, in the order of the marks."""
        if self.keys:
            return list(self.keys)
        marks = [mark for panel in self.panels for mark in panel.marks]
        found: dict[str, LegendKey] = {}
        for key in (key for mark in marks for key in _keys(mark)):
            found.setdefault(key.name, key)
        return list(found.values())


def tips_of(mark: Mark) -> Sequence[str]:
    """Returns what each point, bar or cell of a mark says; nothing where they are silent."""
    if isinstance(mark, Points | Bars):
        return mark.tips
    return [cell.tip for cell in mark.cells] if isinstance(mark, Cells) else ()


def _keys(mark: Mark) -> Iterator[LegendKey]:
    if isinstance(mark, Labels | Cells) or not mark.name:
        return
    if isinstance(mark, Polyline | Rule):
        kind = "line" if mark.dash == "solid" else mark.dash
        if isinstance(mark, Rule):
            yield LegendKey(mark.name, mark.ink, kind)
        elif mark.listed:
            yield LegendKey(mark.name, mark.ink, kind, mark.opacity)
    else:
        yield LegendKey(mark.name, mark.ink, mark.shape if isinstance(mark, Points) else "area")
