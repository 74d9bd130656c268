"""Charts as plain numbers: places in percent of the plot, which a template puts on the page.

Lines are drawn in a square of 100 x 100 that is stretched to any width; text, points and whiskers
are placed over it, so that they keep their size on a telephone and on paper.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connsearch.view.report.words import number

MOST_POINTS = 400
"""A drawn line is thinned to so many points."""


@dataclass(frozen=True, slots=True)
class ChartLine:
    """A line through finite numbers, in a colour of the style sheet; ``thin`` draws it faint."""

    name: str
    ink: str
    xs: Sequence[float]
    ys: Sequence[float]
    thin: bool = False


@dataclass(frozen=True, slots=True)
class ChartPoint:
    """A point with its interval and what it says when it is pointed at."""

    x: float
    y: float
    ink: str
    tip: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Scale:
    """Numbers to percent, from ``low`` (0) to ``high`` (100)."""

    low: float
    high: float

    def place(self, value: float) -> float:
        """Returns the place of a value, kept within the plot.

        >>> Scale(0, 50).place(10)
        20.0
        """
        width = self.high - self.low
        return round(min(max((value - self.low) / width, 0.0), 1.0) * 100, 2) if width else 50.0

    def ticks(self, most: int) -> list[tuple[float, str]]:
        """Returns (place, text) of round numbers, ``most`` of them at most."""
        step = _round_step(self.high - self.low, most)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [(self.place(i * step), _tick(i * step)) for i in range(first, last + 1)]


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart ready to be put on the page.

    Attributes:
        title: what stands above it.
        x_title: what the horizontal axis counts.
        lines, points: what it shows; points that are not finite are left out.
        x, y: its scales.
        rule: a value of y that a dashed line marks.
        legend: name -> ink.
    """

    title: str
    x_title: str
    lines: Sequence[ChartLine]
    points: Sequence[ChartPoint]
    x: Scale
    y: Scale
    rule: float | None = None
    legend: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def described(self) -> str:
        """The chart in a sentence, for those who cannot see it."""
        ends = [
            f"{line.name}: from {number(line.ys[0])} to {number(line.ys[-1])}"
            for line in self.lines
            if len(line.ys) and not line.thin
        ]
        return f"{self.title}. " + "; ".join([*ends[:6], *(p.tip for p in self.points[:12])])

    def drawn(self, line: ChartLine) -> str:
        """Returns the points of a line as SVG wants them, thinned where there are very many."""
        places = [
            f"{self.x.place(x):g},{100 - self.y.place(y):g}"
            for x, y in zip(line.xs, line.ys, strict=True)
            if math.isfinite(y)
        ]
        return " ".join(thinned(places, MOST_POINTS))

    def data(self) -> dict[str, Any]:
        """Returns what the page's script needs to name the nearest line."""
        return {
            "x": [self.x.low, self.x.high],
            "y": [self.y.low, self.y.high],
            "title": self.x_title,
            "lines": [
                {
                    "name": line.name,
                    "ink": line.ink,
                    "xs": thinned(list(line.xs), MOST_POINTS),
                    "ys": [float(f"{y:.5g}") for y in thinned(list(line.ys), MOST_POINTS)],
                }
                for line in self.lines
                if not line.thin
            ],
        }


def chart(
    title: str,
    x_title: str,
    lines: Sequence[ChartLine] = (),
    points: Sequence[ChartPoint] = (),
    *,
    y: tuple[float, float] | None = None,
    rule: float | None = None,
    legend: Mapping[str, str] | None = None,
) -> Chart | None:
    """Returns a chart around finite numbers; None when there is nothing to show.

    Args:
        title: what stands above it.
        x_title: what the horizontal axis counts.
        lines: each named, in one of the inks of the style sheet.
        points: each with its tip.
        y: both ends of the vertical axis; None takes them from the numbers.
        rule: a value to mark by a dashed line.
        legend: name -> ink; None takes it from the lines.
    """
    lines = [whole for line in lines if (whole := _finite(line)).xs]
    points = [p for p in points if math.isfinite(p.x) and math.isfinite(p.y)]
    xs = [x for line in lines for x in line.xs] + [p.x for p in points]
    ys = [v for line in lines for v in line.ys] + [
        v for p in points for v in (p.y, p.low, p.high) if v is not None
    ]
    if not xs:
        return None
    if legend is None:
        legend = {line.name: line.ink for line in lines if not line.thin}
    return Chart(
        title,
        x_title,
        lines,
        points,
        Scale(min(xs), max(xs)) if lines else _around(min(xs), max(xs)),
        Scale(*y) if y else _around(min(ys), max(ys)),
        rule,
        legend,
    )


def thinned(values: list[Any], most: int) -> list[Any]:
    """Returns at most ``most`` of the values, evenly, the first and the last among them.

    >>> thinned(list(range(10)), 4)
    [0, 3, 6, 9]
    """
    if len(values) <= most:
        return values
    return [values[round(i * (len(values) - 1) / (most - 1))] for i in range(most)]


def _finite(line: ChartLine) -> ChartLine:
    pairs = [p for p in zip(line.xs, line.ys, strict=True) if all(map(math.isfinite, p))]
    return ChartLine(line.name, line.ink, [x for x, _ in pairs], [y for _, y in pairs], line.thin)


def _around(low: float, high: float) -> Scale:
    """A little room on both sides; a scale of something that is never negative starts at 0."""
    room = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
    return Scale(max(low - room, 0.0) if low >= 0 else low - room, high + room)


def _round_step(width: float, most: int) -> float:
    """The smallest of 1, 2, 2.5 and 5 times a power of ten that gives at most so many ticks."""
    least = max(width, 1e-12) / most
    power = 10.0 ** math.floor(math.log10(least))
    return next(m * power for m in (1, 2, 2.5, 5, 10, 20) if m * power >= least * (1 - 1e-9))


def _tick(value: float) -> str:
    """A tick's text: short, thousands as k.

    >>> _tick(0.30000000000000004), _tick(2500.0), _tick(12_000_000.0)
    ('0.3', '2.5k', '12M')
    """
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.4g}{unit}"
    return f"{value:.6g}"
