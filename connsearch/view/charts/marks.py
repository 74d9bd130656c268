"""What a panel may show: lines, points, bars, cells and words, each a value without a picture.

Every mark has a ``name`` for the legend (empty: it is not listed) and an ``ink``. Points, bars and
cells may have ``tips``: what they say when somebody points at them on a page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from connsearch.view.charts.inks import InkName

Dash = Literal["solid", "dashed", "dotted"]
Shape = Literal["dot", "ring", "diamond", "open diamond", "square", "triangle", "wedge", "tick"]
Numbers = Sequence[float]


@dataclass(frozen=True, slots=True)
class Polyline:
    """A line through numbers.

    Attributes:
        name: in the legend, and on a page beside the value that is pointed at.
        ink: its colour.
        xs: from left to right.
        ys: one for each.
        width: of the stroke, in points.
        dash: how it is broken.
        opacity: from 0 to 1.
        steps: "post" holds a value until the next one, "pre" has it from the one before on.
        listed: whether it stands in the legend.
        pointed: whether it answers on a page.
        end: what is written at its right end.
    """

    name: str
    ink: InkName
    xs: Numbers
    ys: Numbers
    width: float = 1.4
    dash: Dash = "solid"
    opacity: float = 1.0
    steps: Literal["", "pre", "post"] = ""
    listed: bool = True
    pointed: bool = True
    end: str = ""


@dataclass(frozen=True, slots=True)
class Points:
    """Points, each with its intervals where they are known.

    Attributes:
        name: in the legend.
        ink: their colour.
        xs: places across.
        ys: places up.
        tips: what each says; empty: nothing.
        shape: of each.
        size: across, in points.
        opacity: from 0 to 1.
        low: lower end of each upright interval; empty: none.
        high: upper end.
        left: left end of each level interval; empty: none.
        right: right end.
        foot: whether ``ys`` are shares of the panel's height, not values.
    """

    name: str
    ink: InkName
    xs: Numbers
    ys: Numbers
    tips: Sequence[str] = ()
    shape: Shape = "dot"
    size: float = 5.0
    opacity: float = 1.0
    low: Numbers = ()
    high: Numbers = ()
    left: Numbers = ()
    right: Numbers = ()
    foot: bool = False


@dataclass(frozen=True, slots=True)
class Bars:
    """Level bars, each in a row.

    Attributes:
        name: in the legend.
        ink: their colour.
        rows: place of each, as ``y``.
        widths: how long each is.
        lefts: where each begins; empty: at 0.
        height: of each, in rows.
        tips: what each says; empty: nothing.
        outline: the colour of their border; empty: none.
    """

    name: str
    ink: InkName
    rows: Numbers
    widths: Numbers
    lefts: Numbers = ()
    height: float = 0.66
    tips: Sequence[str] = ()
    outline: InkName = ""


@dataclass(frozen=True, slots=True)
class Area:
    """What lies between a line and 0."""

    name: str
    ink: InkName
    xs: Numbers
    ys: Numbers
    steps: Literal["", "pre", "post"] = ""


@dataclass(frozen=True, slots=True)
class Band:
    """A part of the panel from ``low`` to ``high`` across, all its height."""

    name: str
    ink: InkName
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Rule:
    """A straight line through the whole panel: level at a ``y``, or upright at an ``x``."""

    name: str
    ink: InkName
    at: float
    upright: bool = False
    dash: Dash = "dashed"
    width: float = 0.9


@dataclass(frozen=True, slots=True)
class Cell:
    """A square of a matrix, or ``wide`` of them; ``share`` says how strong its colour is."""

    column: int
    row: int
    share: float
    ink: InkName
    text: str = ""
    tip: str = ""
    wide: int = 1


@dataclass(frozen=True, slots=True)
class Cells:
    """A matrix of coloured squares, the first row on top; where none is, paper shows."""

    cells: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Labels:
    """Words at points.

    Attributes:
        ink: their colour.
        xs: places across.
        ys: places up.
        texts: one for each.
        place: "right" of the point, at its "centre", or "beside" it: wherever nothing is hidden; a
            word without such a place is left out. "foot" writes all in a row at the bottom, moved
            apart, each with a thin line to its point.
        keep_off: further points that no word "beside" may hide, as pairs.
    """

    ink: InkName
    xs: Numbers
    ys: Numbers
    texts: Sequence[str]
    place: Literal["right", "centre", "beside", "foot"] = "right"
    keep_off: Sequence[tuple[float, float]] = ()


Mark = Polyline | Points | Bars | Area | Band | Rule | Cells | Labels
