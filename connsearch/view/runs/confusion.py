"""What was taken for what: a confusion matrix as a chart, from two classes to hundreds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from connsearch.view.charts.chart import Axis, Chart, LegendKey, Panel
from connsearch.view.charts.files import write_chart
from connsearch.view.charts.marks import Cell, Cells, Mark, Rule
from connsearch.view.structures.markup import clean

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
    return write_chart(confusion_chart(counts, title=title), paths)


def confusion_chart(counts: Counts, *, title: str) -> Chart:
    """Returns a row a true class and a column an answer; the colour is the share of the row.

    Right answers are blue, mistakes orange; rows of classes without clips are grey. The numbers of
    clips stand in the cells when there are few classes; else the most frequent mistakes are listed
    beside them.
    """
    n = len(counts)
    few, many = n <= FEW_CLASSES, n > MANY_CLASSES
    cell = min(0.46 if few else 0.19, max(ROW_OF_TEXT, 11.0 / n), WIDEST / n)
    side = max(cell * n, 1.6)
    beside = 0.0 if few else 3.4
    marks: list[Mark] = [Cells(list(_cells(counts, numbers=few)))]
    if many:  # a thin rule every ten helps the eye from the diagonal to both names
        for place in range(10, n, 10):
            for upright in (True, False):
                marks.append(Rule("", "rule", place - 0.5, upright, "solid", 0.4))
    x, y = _axes(list(counts), cell, many=many)
    letters = max((len(text) for _, text in y.ticks or ()), default=0)
    pixels = 34 if few else 17
    size = (pixels * n + 7.6 * letters + 40, pixels * n + 7.6 * min(letters, LONGEST_NAME) + 40)
    panels = [Panel("", marks, x, y, square=True, width=size[0], height=size[1])]
    if not few:
        words = [
            f"{clean(m.true, LONGEST_NAME)} → {clean(m.answer, LONGEST_NAME)}: {m.clips} of {m.of}"
            for m in most_mistaken(counts)
        ]
        panels.append(Panel("most frequent mistakes", words=words, empty="none"))
    return Chart(
        title,
        panels,
        (max(side + beside + 3.0, 5.2), max(side + 2.0, 3.0)),
        columns=len(panels),
        ratios=[side + 2.2, beside][: len(panels)],
        keys=list(_keys(counts)),
        note="a row a true class, a column an answer; the colour is the share of the row",
    )


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


def _keys(counts: Counts) -> Iterator[LegendKey]:
    yield LegendKey("right", "rgb", "area")
    yield LegendKey("mistaken", "flow", "area")
    if not all(map(_clips, counts.values())):
        yield LegendKey("no clip", "rule", "area")


def _cells(counts: Counts, *, numbers: bool) -> Iterator[Cell]:
    """A cell for every pair that came up; a row without clips is one grey cell."""
    columns = {name: column for column, name in enumerate(counts)}
    for row, (true, answers) in enumerate(counts.items()):
        of = _clips(answers)
        if not of:
            yield Cell(0, row, 1.0, "rule", tip=f"{true}: no clip", wide=len(counts))
        for answer, clips in answers.items():
            if not clips or answer not in columns:
                continue
            tip = f"{true} taken for {answer}: {clips} of {of}"
            ink = "rgb" if answer == true else "flow"
            text = str(clips) if numbers else ""
            yield Cell(columns[answer], row, clips / of, ink, text, tip)


def _axes(names: Sequence[str], cell: float, *, many: bool) -> tuple[Axis, Axis]:
    """Names the rows and columns; many columns have the numbers that stand before the rows."""
    n, every = len(names), math.ceil(ROW_OF_TEXT / cell)
    short = [clean(name, LONGEST_NAME) for name in names]
    rows, size = range(0, n, every), _text_size(cell)
    columns = range(0, n, max(every, 5)) if many else rows
    x = Axis(
        "answer",
        -0.5,
        n - 0.5,
        [(i, str(i) if many else short[i]) for i in columns],
        on_top=True,
        upright=not many,
        size=max(size, 6.0) if many else size,
        grid=False,
    )
    texts = [(i, f"{short[i]} · {i}" if many else short[i]) for i in rows]
    return x, Axis("true class", n - 0.5, -0.5, texts, size=size, grid=False)


def _clips(row: Mapping[str, int]) -> int:
    return sum(row.values())


def _text_size(cell: float) -> float:
    """Returns the size in points of text that fits a row of so many inches."""
    return min(9.0, max(cell, ROW_OF_TEXT) * 72 * 0.8)
