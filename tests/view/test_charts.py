"""Charts are values: what cannot be drawn is left out, and long lines keep their peaks."""

from __future__ import annotations

import math
import re
import warnings
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connsearch.view.charts.chart import Axis, Chart, Panel
from connsearch.view.charts.draw import chart_figure
from connsearch.view.charts.drawable import drawable
from connsearch.view.charts.files import write_chart
from connsearch.view.charts.inks import INKS, colour, variables
from connsearch.view.charts.inline import MOST_STOPS, MOST_VALUES, inline
from connsearch.view.charts.marks import (
    Area,
    Band,
    Bars,
    Cell,
    Cells,
    Labels,
    Mark,
    Points,
    Polyline,
    Rule,
)
from connsearch.view.charts.thin import thinned

HOSTILE = "</script><b onload=alert(1)>$x^2$ & \x00 \ud800 字"


def every_mark(text: str) -> list[Mark]:
    """One mark of every kind, with all that it can have."""
    return [
        Band("band", "mixed-tint", 0.0, 1.0),
        Area("area", "rgb-tint", [0, 1, 2], [1, 2, 1], "post"),
        Rule("rule", "faint", 1.5),
        Cells([Cell(0, 0, 0.7, "flow", text, text), Cell(1, 1, 1.0, "rule", wide=2)]),
        Bars("bars", "rgb", [0, 1], [1, 2], tips=[text, text], outline="mixed"),
        Polyline(text, "text", [0, 1, 2], [0, 2, 1], end=text),
        Polyline("one value", "flow", [1], [1]),
        Points(
            "points", "peer", [0, 1], [1, 2], [text, text], "open diamond",
            low=[0, 1], high=[2, 2], left=[0, 0], right=[1, 2],
        ),
        Points("ticks", "dead", [1], [0.1], [text], "tick", foot=True),
        *(Labels("text", [0.5, 1], [1, 1.2], [text, "b"], place) for place in ("right", "centre")),
        *(Labels("text", [0.5, 1], [1, 1.2], [text, "b"], place) for place in ("beside", "foot")),
    ]  # fmt: skip


def test_every_mark_is_drawn_in_files_and_on_pages(tmp_path: Path) -> None:
    panel = Panel(HOSTILE, every_mark(HOSTILE), Axis(HOSTILE), Axis(HOSTILE))
    chart = Chart(HOSTILE, [panel, Panel("none yet", empty=HOSTILE)], (8, 4), 2, note=HOSTILE)
    paths = write_chart(chart, [tmp_path / f"chart.{suffix}" for suffix in ("svg", "png", "pdf")])
    assert all(path.stat().st_size > 2000 for path in paths)
    shown = inline(chart, "a")
    (drawing,) = shown.panels[0].drawings
    root = ElementTree.fromstring(drawing.svg)
    tips = [element for element in root.iter() if element.get("data-tip")]
    assert len(tips) == 1 + 2 + 2 + 1
    assert all("<b onload" in element.get("data-tip", "") for element in tips)
    assert "<b" not in drawing.svg
    assert "<script" not in drawing.svg
    assert sum(element.get("data-line") == "0" for element in root.iter()) == 1
    assert "$x^2$" in "".join(root.itertext()), "no formula"
    assert set(re.findall(r"#[0-9a-fA-F]{6}", drawing.svg)) == {"#0b1620"}, "the page has others"
    assert "url(" not in drawing.svg


def test_ids_and_bytes_are_the_charts_own() -> None:
    chart = Chart("a", [Panel("a", every_mark("tip")), Panel("a", every_mark("tip"))], (8, 4), 2)
    one, other = inline(chart, "one"), inline(chart, "other")
    svgs = [d.svg for shown in (one, other) for panel in shown.panels for d in panel.drawings]
    ids = [found for svg in svgs for found in re.findall(r'\sid="([^"]+)"', svg)]
    assert len(ids) == len(set(ids)) > 0
    for svg in svgs:
        used = {found[1:] for found in re.findall(r'href="([^"]+)"', svg)}
        assert used == set(re.findall(r'\sid="([^"]+)"', svg))
    assert inline(chart, "one") == one


NUMBERS = st.floats(allow_nan=True, allow_infinity=True)


@settings(max_examples=6)
@given(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=6))
def test_no_number_stops_a_chart(rows: list[tuple[float, float, float]]) -> None:
    xs, ys, zs = ([row[column] for row in rows] for column in range(3))
    tips = [f"{x}" for x in xs]
    marks: list[Mark] = [
        Polyline("line", "rgb", xs, ys),
        Points("points", "flow", xs, ys, tips, low=zs, high=zs),
        Bars("bars", "peer", list(range(len(xs))), ys, tips=tips),
        Rule("rule", "faint", ys[0]),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        inline(Chart("", [Panel("a", marks, y=Axis(low=0, high=1))], (3, 3)), "a")
        inline(Chart("", [Panel("a", marks)], (3, 3)), "a")


def test_what_cannot_be_drawn_takes_its_tip_along() -> None:
    points = Points("p", "rgb", [1, math.nan, 3], [1, 2, 1e300], ["first", "second", "third"])
    (found,) = drawable(Panel("a", [points, Polyline("l", "rgb", [1], [math.inf])])).marks
    assert isinstance(found, Points)
    assert (found.xs, found.ys, found.tips) == ([1], [1], ["first"])


def test_an_end_of_an_axis_holds_what_lies_beyond() -> None:
    points = Points("p", "rgb", [1], [2.0], low=[-1.0], high=[3.0])
    (found,) = drawable(Panel("a", [points], y=Axis(low=1.5, high=0.0))).marks
    assert isinstance(found, Points)
    assert (found.ys, found.low, found.high) == ([1.5], [0.0], [1.5])


@given(st.lists(st.floats(-10, 10), max_size=300), st.integers(4, 60))
def test_thinning_keeps_ends_and_peaks(values: list[float], most: int) -> None:
    kept = thinned(values, most)
    assert len(kept) <= max(most, min(len(values), most))
    assert kept == sorted(set(kept))
    if values:
        assert (kept[0], kept[-1]) == (0, len(values) - 1)
        found = [values[i] for i in kept]
        assert (min(found), max(found)) == (min(values), max(values))
    if len(values) <= most:
        assert kept == list(range(len(values)))


def test_a_page_thins_long_lines_and_says_so_and_files_do_not() -> None:
    ys = [0.5] * 10_001
    ys[7_777] = 0.9
    panel = Panel("a", [Polyline("l", "rgb", range(10_001), ys)])
    (shown,) = inline(Chart("a", [panel], (4, 3)), "a").panels
    assert shown.thinned == 10_001
    assert shown.data is not None
    (line,) = shown.data["lines"]
    assert len(line["ys"]) <= MOST_VALUES
    assert 0.9 in line["ys"]
    assert shown.data["xs"][line["xs"]][line["ys"].index(0.9)] == 7_777
    (drawn,) = chart_figure(Chart("a", [panel], (4, 3))).axes[0].lines
    assert len(drawn.get_xdata()) == 10_001  # type: ignore[arg-type]
    (short,) = inline(
        Chart("a", [Panel("a", [Polyline("l", "rgb", [1], [1])])], (4, 3)), "a"
    ).panels
    assert short.thinned == 0


def test_many_points_are_no_stops_of_the_keyboard() -> None:
    for count in (MOST_STOPS, MOST_STOPS + 1):
        xs = list(range(count))
        panel = Panel("a", [Points("p", "rgb", xs, xs, [str(x) for x in xs])])
        (shown,) = inline(Chart("a", [panel], (4, 3)), "a").panels
        svg = shown.drawings[0].svg
        assert svg.count("data-tip=") == count
        assert svg.count('tabindex="0"') == (count if count == MOST_STOPS else 0)
        assert "and 8" in shown.words


def test_every_colour_has_a_name_on_a_page() -> None:
    names = [*INKS, *(f"{name}-tint" for name in INKS), "text", "faint", "rule", "paper"]
    assert {colour(name).lower() for name in names} == set(variables())


def test_the_legend_has_every_name_once() -> None:
    chart = Chart("a", [Panel("a", every_mark("t")), Panel("b", every_mark("t"))], (4, 3))
    names = [key.name for key in chart.legend()]
    assert len(names) == len(set(names))
    assert {"band", "area", "rule", "bars", "points", "ticks"} < set(names)
    assert "" not in names


@pytest.mark.parametrize("suffix", ["svg", "pdf"])
def test_the_same_chart_gives_the_same_file(suffix: str, tmp_path: Path) -> None:
    chart = Chart("a", [Panel("a", every_mark("t"))], (4, 3))
    paths = [tmp_path / f"{name}.{suffix}" for name in "ab"]
    for path in paths:
        write_chart(chart, [path])
    assert paths[0].read_bytes() == paths[1].read_bytes()
