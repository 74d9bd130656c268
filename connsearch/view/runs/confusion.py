"""What was taken for what: a confusion matrix as a picture, from two classes to hundreds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from connsearch.view.runs.figures import blank_figure
from connsearch.view.runs.plots import write_figure
from connsearch.view.structures.markup import clean
from connsearch.view.structures.palette import FAINT, PAPER, RULE, TEXT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Counts = Mapping[str, Mapping[str, int]]
"""True class -> answered class -> clips; pairs that never came up are left out."""

FEW_CLASSES = 12
"""Up to so many classes the number of clips stands in every cell."""
MANY_CLASSES = 60
"""Above so many, columns have the numbers of the rows instead of names."""
LONGEST_NAME = 24
WIDEST = 20.0
"""Inches that the matrix takes at most; above, not every row has a name."""
ROW_OF_TEXT = 0.09
"""Inches that the smallest row of text needs."""
MISTAKES = 14
"""So many of the most frequent mistakes are listed where cells have no numbers."""


class Mistake(NamedTuple):
    """Clips of a class that were taken for another."""

    true: str
    answer: str
    clips: int
    of: int


def confusion_pictures(
    counts: Counts, directory: str | Path, name: str, *, title: str
) -> list[Path]:
    """Returns the paths of ``name``.png and ``name``.svg in a directory, drawn there."""
    paths = [Path(directory) / f"{name}.{suffix}" for suffix in ("png", "svg")]
    return write_figure(lambda: confusion_figure(counts, title=title), paths)


def confusion_figure(counts: Counts, *, title: str) -> Figure:
    """Returns a row a true class and a column an answer; the colour is the share of the row.

    Rows of classes without clips are grey. The numbers of clips stand in the cells when there are
    few classes; else the most frequent mistakes are listed beside them.
    """
    names = list(counts)
    n = len(names)
    few, many = n <= FEW_CLASSES, n > MANY_CLASSES
    cell = min(0.46 if few else 0.19, max(ROW_OF_TEXT, 11.0 / n), WIDEST / n)
    side = max(cell * n, 1.6)
    beside = 0.0 if few else 3.4
    figure = blank_figure(max(side + beside + 3.0, 5.2), max(side + 2.0, 3.0), title)
    if few:
        axes = figure.subplots()
    else:
        axes, text = figure.subplots(1, 2, width_ratios=[side + 2.2, beside])
        _list_mistakes(text, counts)
    shares = [[_share(counts[row], column) for column in names] for row in names]
    image = axes.imshow(
        shares, cmap="Blues", vmin=0, vmax=1, aspect="equal", interpolation="nearest"
    )
    axes.set_facecolor(RULE)
    if few:
        _write_counts(axes, counts)
    _label(axes, names, size=_text_size(cell), every=math.ceil(ROW_OF_TEXT / cell), many=many)
    grey = "" if all(map(_clips, counts.values())) else " (grey: no clip)"
    bar = figure.colorbar(
        image,
        ax=axes,
        location="bottom",
        shrink=0.6,
        aspect=30,
        pad=0.02,
        label=f"share of the row{grey}",
    )
    bar.outline.set_visible(False)
    return figure


def most_mistaken(counts: Counts, most: int = MISTAKES) -> list[Mistake]:
    """Returns the most frequent mistakes, by clips, then by share, then in the order of classes.

    >>> most_mistaken({"a": {"a": 3, "b": 1}, "b": {"a": 1}})
    [Mistake(true='b', answer='a', clips=1, of=1), Mistake(true='a', answer='b', clips=1, of=4)]
    """
    found = [
        Mistake(true, answer, clips, _clips(row))
        for true, row in counts.items()
        for answer, clips in row.items()
        if answer != true and clips
    ]
    return sorted(found, key=lambda m: (-m.clips, m.of))[:most]


def _clips(row: Mapping[str, int]) -> int:
    return sum(row.values())


def _share(row: Mapping[str, int], column: str) -> float:
    return row.get(column, 0) / _clips(row) if _clips(row) else math.nan


def _write_counts(axes: Axes, counts: Counts) -> None:
    for place, row in enumerate(counts.values()):
        for column, name in enumerate(counts):
            clips = row.get(name, 0)
            if clips:
                colour = PAPER if _share(row, name) > 0.6 else TEXT
                axes.text(
                    column, place, str(clips), ha="center", va="center", fontsize=8, color=colour
                )


def _label(axes: Axes, names: Sequence[str], *, size: float, every: int, many: bool) -> None:
    """Names the rows and columns; many columns have the numbers that stand before the rows."""
    n = len(names)
    short = [clean(name, LONGEST_NAME) for name in names]
    rows = range(0, n, every)
    columns = range(0, n, max(every, 5)) if many else rows
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.xaxis.set_ticks_position("top")
    axes.xaxis.set_label_position("top")
    axes.tick_params(length=0, labelsize=size)
    axes.set_xlabel("answer")
    axes.set_ylabel("true class")
    axes.set_yticks(
        rows, [f"{short[i]}  {i}" if many else short[i] for i in rows], parse_math=False
    )
    across = [str(i) if many else short[i] for i in columns]
    axes.set_xticks(columns, across, rotation=0 if many else 90, parse_math=False)
    if many:  # a thin rule every ten helps the eye from the diagonal to both names
        axes.tick_params(axis="x", labelsize=max(size, 6.0))
        for place in range(10, n, 10):
            axes.axhline(place - 0.5, color=RULE, linewidth=0.4)
            axes.axvline(place - 0.5, color=RULE, linewidth=0.4)


def _text_size(cell: float) -> float:
    """Returns the size in points of text that fits a row of so many inches."""
    return min(9.0, max(cell, ROW_OF_TEXT) * 72 * 0.8)


def _list_mistakes(axes: Axes, counts: Counts) -> None:
    axes.set_axis_off()
    lines = [
        f"{clean(m.true, LONGEST_NAME)} → {clean(m.answer, LONGEST_NAME)}:  {m.clips} of {m.of}"
        for m in most_mistaken(counts)
    ]
    axes.text(0, 1, "most frequent mistakes", va="top", weight="bold", transform=axes.transAxes)
    axes.text(
        0,
        1,
        "\n\n" + ("\n".join(lines) or "none"),
        va="top",
        fontsize=8,
        linespacing=1.5,
        color=TEXT if lines else FAINT,
        transform=axes.transAxes,
        parse_math=False,
    )
