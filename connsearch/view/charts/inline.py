"""A panel -> an ``<svg>`` for the inside of a page: the renderer's picture, made part of it.

Colours become variables of the page's style sheet, so that light and dark follow the reader; text
stays text in the page's own font; points, bars and cells say what they are.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from connsearch.view.charts.chart import Chart, LegendKey, Panel, tips_of
from connsearch.view.charts.draw import panel_figure
from connsearch.view.charts.drawable import drawable, longest
from connsearch.view.charts.inks import variables
from connsearch.view.charts.look import PAGE, dressed
from connsearch.view.charts.marks import Cells, Polyline
from connsearch.view.structures.markup import clean

MOST_VALUES = 400
"""A line on a page has so many values; a longer one is thinned, and the page says so."""
MOST_STOPS = 100
"""Above so many points none of them is a stop of the keyboard."""
SIZES = {"small": [(272, 168)], "normal": [(284, 212)], "wide": [(320, 232), (700, 290)]}
"""Pixels of a panel; "wide" ones are drawn for a telephone and for a desk."""

_COLOURS = variables()
_NUMBER = re.compile(r"-?\d+\.\d{2,}")
_CODE = re.compile(r"#[0-9a-f]{6}", re.IGNORECASE)
_DULL = {
    *("stroke-linejoin", "stroke-linecap", "stroke-miterlimit", "font", "font-size"),
    *("font-family", "font-style", "font-weight", "font-variant", "font-stretch"),
}
"""Styles that the page's own take the place of."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A panel at one width: its ``<svg>``, and the sides of its axes: left, top, right, low."""

    svg: str
    width: int
    height: int
    frame: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class ShownPanel:
    """A panel ready for a page.

    Attributes:
        title: what stands above it.
        words: the panel in words.
        drawings: the same at one width, or at one for a telephone and one for a desk.
        data: what the page's script needs to name the nearest line; None without lines.
        thinned: how many values the longest line has, if not all of them are drawn; else 0.
    """

    title: str
    words: str
    drawings: Sequence[Drawing]
    data: dict[str, Any] | None
    thinned: int


@dataclass(frozen=True, slots=True)
class ShownChart:
    """A chart ready for a page: its panels with axes, its legend and its note."""

    panels: Sequence[ShownPanel]
    keys: Sequence[LegendKey]
    note: str
    page: str


def inline(chart: Chart, name: str) -> ShownChart:
    """Returns a chart for the inside of a page; ``name`` begins every ``id`` in it."""
    panels = [panel for panel in chart.panels if panel.words is None]
    shown = [_shown(panel, chart.page, f"{name}-{n}") for n, panel in enumerate(panels)]
    keys = [replace(key, name=clean(key.name)) for key in chart.legend()]
    return ShownChart(shown, keys, clean(chart.note, 1000), chart.page)


def _shown(panel: Panel, page: str, name: str) -> ShownPanel:
    far = longest(panel)
    drawn = drawable(panel, most=MOST_VALUES)
    drawings: list[Drawing] = []
    axes: dict[str, Any] = {}
    for number, (width, height) in enumerate(SIZES[page]):
        size = (round(panel.width or width), round(panel.height or height))
        one, axes = drawing(drawn, size, f"{name}-{number}")
        drawings.append(one)
    data = _data(drawn, axes) if drawn.lines() else None
    left = far if far > MOST_VALUES else 0
    return ShownPanel(clean(panel.title), clean(drawn.described(), 2000), drawings, data, left)


def drawing(panel: Panel, size: tuple[int, int], name: str) -> tuple[Drawing, dict[str, Any]]:
    """Returns a panel so many pixels large, and the ends of its axes; ``name`` begins its ids."""
    figure = panel_figure(panel, *size)
    (axes,) = figure.axes
    buffer = io.BytesIO()
    with dressed(PAGE):
        figure.savefig(buffer, format="svg", dpi=72, metadata={"Date": None})
    box = axes.get_window_extent()
    frame = (box.x0, size[1] - box.y1, box.x1, size[1] - box.y0)
    ends = {"x": list(map(float, axes.get_xlim())), "y": list(map(float, axes.get_ylim()))}
    root = ElementTree.fromstring(buffer.getvalue())
    rounded = tuple(round(float(side), 1) for side in frame)
    return Drawing(_adapted(root, panel, name), *size, rounded), ends  # pyright: ignore[reportArgumentType] (four sides)


def _data(panel: Panel, ends: dict[str, Any]) -> dict[str, Any]:
    """The lines and axes of a panel; steps that lines have in common stand there once."""
    columns: list[list[float]] = []
    lines: list[dict[str, Any]] = []
    for _, line in panel.lines():
        xs = [float(f"{x:.7g}") for x in line.xs]
        if xs not in columns:
            columns.append(xs)
        ys = [float(f"{y:.4g}") for y in line.ys]
        lines.append({"name": clean(line.name), "xs": columns.index(xs), "ys": ys})
    return {**ends, "title": clean(panel.x.title), "xs": columns, "lines": lines}


def _adapted(root: Element, panel: Panel, name: str) -> str:
    """The picture as part of a page."""
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        for key in [key for key in element.attrib if key.startswith("{")]:
            element.set(key.rpartition("}")[2], element.attrib.pop(key))
    for parent in list(root.iter()):
        for child in list(parent):
            ground = child.tag == "path" and child.get("style") == "fill: none"
            if ground or child.tag in ("metadata", "style", "clipPath"):
                parent.remove(child)
    _name_marks(root, panel)
    used = {element.get("href", "")[1:] for element in root.iter("use")}
    for element in root.iter():
        _adapt(element, used, name)
    _flatten(root)
    view = root.get("viewBox", "")
    root.attrib.clear()
    root.attrib.update({"viewBox": view, "class": "drawing", "focusable": "false"})
    return ElementTree.tostring(root, encoding="unicode")


def _name_marks(root: Element, panel: Panel) -> None:
    """Gives lines, points, bars and cells their class, and what they say."""
    groups = {element.get("id", ""): element for element in root.iter("g")}
    stops = sum(len(tips_of(mark)) for mark in panel.marks) <= MOST_STOPS
    lines = {place: n for n, (place, _) in enumerate(panel.lines())}
    for number, mark in enumerate(panel.marks):
        found = list(_parts(groups, f"mark-{number}"))
        for element in found if isinstance(mark, Polyline) else []:
            element.set("class", "line")
            if number in lines:
                element.set("data-line", str(lines[number]))
        tips = tips_of(mark)
        if isinstance(mark, Cells):
            assert len(found) == len(mark.cells), "one square a cell"
            for element, cell in zip(found, mark.cells, strict=True):
                share = f"{100 * cell.share:.3g}%"
                ink = f"var(--{'line' if cell.ink == 'rule' else cell.ink})"
                element.set("style", f"fill: color-mix(in srgb, {ink} {share}, var(--paper))")
        if tips:
            assert len(found) == len(tips), "one shape a tip"
            for element, tip in zip(found, map(clean, tips, [400] * len(tips)), strict=True):
                if tip:
                    element.attrib.update({"class": "dot", "data-tip": tip})
                    if stops:
                        element.attrib.update({"tabindex": "0", "role": "img", "aria-label": tip})


def _parts(groups: dict[str, Element], name: str) -> Iterable[Element]:
    """The shapes of a mark, those that others are copied from left out."""
    numbered = [groups[key] for key in groups if key == name or key.startswith(f"{name}-")]
    for group in numbered:
        copied = {id(part) for defs in group.iter("defs") for part in defs.iter()}
        yield from (
            part for part in group.iter() if part.tag in ("path", "use") and id(part) not in copied
        )


def _adapt(element: Element, used: set[str], name: str) -> None:
    element.attrib.pop("clip-path", None)  # nothing is drawn outside of its axes
    own = element.attrib.pop("id", "")
    if own in used:
        element.set("id", f"{name}-{own}")
    if element.get("href"):
        element.set("href", f"#{name}-{element.get('href', '')[1:]}")
    if "style" in element.attrib:
        style = _style(element.attrib.pop("style"))
        if style:
            element.set("style", style)
    for key in ("d", "x", "y", "transform"):
        if key in element.attrib:
            text = _NUMBER.sub(lambda found: f"{float(found[0]):.1f}", element.attrib[key])
            element.set(key, _short_path(text) if key == "d" else text)
    if element.get("transform", "").startswith("rotate(-0 "):
        del element.attrib["transform"]
    element.text = (element.text or "").strip() if element.tag != "text" else element.text
    element.tail = None


def _style(text: str) -> str:
    """A style without what the page has itself, its colours by the page's names."""
    kept: list[str] = []
    for rule in text.split(";"):
        name, _, value = rule.strip().partition(":")
        if not name or name in _DULL:
            if name in ("font", "font-weight") and ("bold" in value or "700" in value):
                kept.append("font-weight: 600")
            continue
        value = _CODE.sub(lambda found: _COLOURS.get(found[0].lower(), found[0]), value.strip())
        kept.append(f"{name}: {value}")
    return "; ".join(kept)


def _short_path(path: str) -> str:
    """A path on one line; after the first point of straight lines no letter is needed."""
    path = " ".join(path.split()).replace(".0 ", " ")
    return path if re.search(r"[CQZz]", path) else path.replace(" L ", " ")


def _flatten(element: Element) -> None:
    """Takes out groups that say nothing."""
    children: list[Element] = []
    for child in list(element):
        _flatten(child)
        bare = child.tag == "g" and not child.attrib
        if child.tag == "defs" and not len(child):
            continue
        children += list(child) if bare else [child]
    element[:] = children
