"""The picture of what was taken for what, from two classes to hundreds."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from connsearch.view.charts.chart import Chart
from connsearch.view.charts.draw import chart_figure
from connsearch.view.charts.marks import Cell, Cells
from connsearch.view.runs.confusion import (
    FEW_CLASSES,
    LONGEST_NAME,
    Mistake,
    confusion_chart,
    confusion_pictures,
    most_mistaken,
)

Counts = dict[str, dict[str, int]]


def counted(classes: int) -> Counts:
    """Returns counts in which class 3 has no clip and each other one is taken for its next."""
    names = [f"class {i}" for i in range(classes)]
    return {
        name: {} if i == 3 else {name: 5 + i, names[(i + 1) % classes]: 1 + i % 2}
        for i, name in enumerate(names)
    }


def cells(chart: Chart) -> list[Cell]:
    (found,) = (mark for mark in chart.panels[0].marks if isinstance(mark, Cells))
    return list(found.cells)


def drawn(counts: Mapping[str, Mapping[str, int]], *, title: str) -> Figure:
    return chart_figure(confusion_chart(counts, title=title))


def labels(figure: Figure, axis: str) -> list[str]:
    found = getattr(figure.axes[0], f"get_{axis}ticklabels")()
    return [label.get_text() for label in found]


@pytest.mark.parametrize("classes", [2, 5, 13, 61])
def test_the_colour_is_the_share_of_the_row(classes: int) -> None:
    counts = counted(classes)
    found = {(cell.row, cell.column): cell for cell in cells(confusion_chart(counts, title="t"))}
    for i, row in enumerate(counts.values()):
        if not row:
            assert found[i, 0].ink == "rule"
            assert found[i, 0].wide == classes, "a grey row"
            continue
        for j, answer in enumerate(counts):
            share = row.get(answer, 0) / sum(row.values())
            assert ((i, j) in found) == (share > 0)
            if share:
                assert found[i, j].share == pytest.approx(share)
                assert found[i, j].ink == ("rgb" if i == j else "flow")


def test_few_classes_have_the_numbers_in_their_cells() -> None:
    counts = {"sit": {"sit": 4, "fall": 1}, "fall": {"fall": 2}}
    axes = drawn(counts, title="test").axes[0]
    said = {text.get_position(): text.get_text() for text in axes.texts}
    assert said == {(0, 0): "4", (1, 0): "1", (1, 1): "2"}  # (column, row)
    assert not drawn(counted(FEW_CLASSES + 1), title="test").axes[0].texts


def test_many_classes_are_named_once_and_numbered_twice() -> None:
    figure = drawn(counted(157), title="test")
    assert labels(figure, "y") == [f"class {i} · {i}" for i in range(157)]
    assert labels(figure, "x") == [str(i) for i in range(0, 157, 5)]
    some = drawn(counted(20), title="test")
    assert labels(some, "y") == labels(some, "x") == [f"class {i}" for i in range(20)]


@pytest.mark.parametrize("classes", [2, 12, 13, 60, 61, 157, 400])
def test_no_label_is_written_over_the_next(classes: int) -> None:
    figure = drawn(counted(classes), title="test")
    figure.draw_without_rendering()
    axes = figure.axes[0]
    for ticks, low, high in (
        (axes.get_yticklabels(), "y0", "y1"),
        (axes.get_xticklabels(), "x0", "x1"),
    ):
        boxes = sorted(
            (getattr(box, low), getattr(box, high))
            for box in (tick.get_window_extent() for tick in ticks)
        )
        gaps = [b[0] - a[1] for a, b in itertools.pairwise(boxes)]
        assert min(gaps) > -0.35 * (boxes[0][1] - boxes[0][0])  # boxes have room above the letters


def test_names_are_shortened_and_no_formula() -> None:
    name = "$x^2$ " + "very " * 10
    figure = drawn({name: {name: 1}, "b": {}}, title="$t$")
    figure.draw_without_rendering()
    first = labels(figure, "y")[0]
    assert len(first) == LONGEST_NAME
    assert first.startswith("$x^2$ very")
    assert figure.get_suptitle() == "$t$"


def test_mistakes_come_by_number_then_by_share() -> None:
    counts: Mapping[str, Mapping[str, int]] = {
        "a": {"a": 9, "b": 1},
        "b": {"a": 3, "b": 4},
        "c": {"c": 1, "b": 1},
    }
    assert most_mistaken(counts) == [
        Mistake("b", "a", 3, 7),
        Mistake("c", "b", 1, 2),
        Mistake("a", "b", 1, 10),
    ]
    assert most_mistaken(counts, 1) == [Mistake("b", "a", 3, 7)]
    text = drawn({**counts, **counted(20)}, title="test").axes[1].texts[1].get_text()
    assert "b → a: 3 of 7" in text
    perfect = {name: {name: 1} for name in map(str, range(20))}
    assert drawn(perfect, title="test").axes[1].texts[1].get_text().strip() == "none"


def test_the_pictures_lie_in_the_directory_and_hold_something(tmp_path: Path) -> None:
    paths = confusion_pictures(counted(5), tmp_path, "confusion-test", title="test")
    assert [path.name for path in paths] == ["confusion-test.png", "confusion-test.svg"]
    with Image.open(paths[0]) as picture:
        pixels = np.asarray(picture.convert("RGB").resize((80, 60))).reshape(-1, 3)
    assert len(np.unique(pixels, axis=0)) > 20
    before = paths[1].read_bytes()
    confusion_pictures(counted(5), tmp_path, "confusion-test", title="test")
    assert paths[1].read_bytes() == before
