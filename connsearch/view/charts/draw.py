"""A chart -> a matplotlib figure: the only renderer, for files and for pages.

matplotlib without pyplot: no window, no global state, nothing left open.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from connsearch.view.charts.artists import DASHES, HOLLOW, SHAPES, put, put_ends, put_words
from connsearch.view.charts.chart import Axis, Chart, LegendKey, Panel
from connsearch.view.charts.drawable import drawable
from connsearch.view.charts.inks import colour, mixed_with_paper
from connsearch.view.charts.look import PAGE, PRINT, Look, dressed
from connsearch.view.charts.marks import Polyline
from connsearch.view.fonts import families_for, texts_in
from connsearch.view.structures.markup import clean
from connsearch.view.structures.tables import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_KEY = 0.5
"""Inches that a key of the legend takes beside its name."""
_LETTER = 0.078
"""Inches of a letter of the legend."""


def chart_figure(chart: Chart) -> Figure:
    """Returns a chart as the figure of a picture: all its panels, its title, legend and note."""
    with dressed(PRINT, families_for(texts_in(chart))):
        figure = _blank(*chart.size)
        limit = max(int(chart.size[0] * 9), 20)
        title = clean(chart.title, limit)
        figure.suptitle(title, x=0.01, ha="left", fontsize=12, weight="bold")
        rows = max(-(-len(chart.panels) // chart.columns), 1)
        grid: Any = figure.subplots(
            rows, chart.columns, squeeze=False, sharex="col" if chart.share_x else False,
            sharey="row" if chart.share_y else False, width_ratios=chart.ratios or None,
            height_ratios=chart.heights or None,
        )  # fmt: skip
        places: list[Axes] = list(grid.flat)
        for axes in places[len(chart.panels) :]:
            axes.remove()
        panels = [drawable(panel) for panel in chart.panels]
        for number, (axes, panel) in enumerate(zip(places, panels, strict=False)):
            last = number + chart.columns >= len(panels)
            _fill(axes, panel, PRINT, last=last or not chart.share_x)
        _add_legend(figure, chart)
        _finish(figure, places, panels, PRINT)
    return figure


def panel_figure(panel: Panel, width: float, height: float) -> Figure:
    """Returns one panel as the figure of a page, so many pixels large; a pixel is a point."""
    with dressed(PAGE):
        figure = _blank(width / 72, height / 72, pad=0.03)
        axes = figure.subplots()
        figure.set_dpi(72)
        _fill(axes, panel, PAGE, last=True)
        _finish(figure, [axes], [panel], PAGE)
    return figure


def _blank(width: float, height: float, *, pad: float = 0.08) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    figure.set_layout_engine("constrained", w_pad=pad, h_pad=pad)
    return figure


def _finish(figure: Figure, places: Sequence[Axes], panels: Sequence[Panel], look: Look) -> None:
    """Lays everything out, once for all formats, and writes what depends on where things are."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes, panel in zip(places, panels, strict=False):
        for mark in panel.marks:
            put_words(axes, mark, look)


def _fill(axes: Axes, panel: Panel, look: Look, *, last: bool) -> None:
    """Draws a panel; ``last`` ones have the title of their horizontal axis."""
    if panel.words is not None:
        _write_words(axes, panel)
        return
    if not look.on_page:
        axes.set_title(clean(panel.title))
    if not panel.marks:
        _say_nothing(axes, panel.empty)
        return
    for number, mark in enumerate(panel.marks):
        put(axes, mark, number, look)
    _set_axis(axes, "x", panel.x, look)
    _set_axis(axes, "y", panel.y, look)
    put_ends(axes, [mark for mark in panel.marks if isinstance(mark, Polyline)], look)
    if panel.x.title and (last or panel.x.on_top):
        axes.set_xlabel(clean(panel.x.title))
        axes.tick_params(labelbottom=not panel.x.on_top)
    if panel.y.title:
        axes.set_ylabel(clean(panel.y.title))
    if panel.square:
        axes.set_aspect("equal", anchor="W" if look.on_page else "C")
        axes.spines[:].set_visible(False)


def _set_axis(axes: Axes, which: str, given: Axis, look: Look) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis = axes.xaxis if which == "x" else axes.yaxis
    axes.margins(x=given.room) if which == "x" else axes.margins(y=given.room)
    if given.low is not None or given.high is not None:
        (axes.set_xlim if which == "x" else axes.set_ylim)(given.low, given.high)
    if given.ticks is not None:
        axis.set_ticks([at for at, _ in given.ticks], [clean(text) for _, text in given.ticks])
        axis.set_tick_params(length=0)
        if which == "y" and any(text.strip(".0123456789") for _, text in given.ticks):
            axis.set_tick_params(labelcolor=colour("text"))  # names are no mere numbers
    else:
        axis.set_major_locator(MaxNLocator(**_ticks(axes, which, given, look)))
        if given.style == "count":
            axis.set_major_formatter(FuncFormatter(lambda value, _: short(round(value))))
    if given.size and not look.on_page:
        axis.set_tick_params(labelsize=given.size)
    if given.upright:
        axis.set_tick_params(labelrotation=90)
    if given.on_top:
        axes.xaxis.tick_top()
        axes.xaxis.set_label_position("top")
    for label, ink in zip(axis.get_ticklabels() if given.inks else [], given.inks, strict=False):
        label.set_color(colour(ink))
        label.set_fontweight("bold")
    if not given.grid:
        axis.grid(visible=False)


def _ticks(axes: Axes, which: str, given: Axis, look: Look) -> dict[str, Any]:
    """How many round numbers an axis has at most, and which."""
    found: dict[str, Any] = {"nbins": "auto", "steps": [1, 2, 2.5, 5, 10]}
    if look.on_page or given.style != "plain":
        narrow = which == "x" and look.on_page and axes.get_window_extent().width < 300
        found["nbins"] = 4 if narrow else 5
    return found | ({"integer": True, "min_n_ticks": 1} if given.style == "whole" else {})


def _say_nothing(axes: Axes, words: str) -> None:
    """Writes into an empty panel why it is empty."""
    axes.text(
        0.5, 0.5, clean(words), transform=axes.transAxes, ha="center", va="center",
        color=colour("faint"),
    )  # fmt: skip
    axes.set_xticks([])
    axes.set_yticks([])


def _write_words(axes: Axes, panel: Panel) -> None:
    axes.set_axis_off()
    axes.text(0, 1, clean(panel.title), va="top", weight="bold", transform=axes.transAxes)
    lines = [clean(line) for line in panel.words or ()]
    axes.text(
        0, 1, "\n\n" + ("\n".join(lines) or clean(panel.empty)), va="top", fontsize=8,
        linespacing=1.5, color=colour("text" if lines else "faint"), transform=axes.transAxes,
    )  # fmt: skip


def _add_legend(figure: Figure, chart: Chart) -> None:
    """Puts the keys below the panels, and above them what has to be known."""
    keys, width = chart.legend(), chart.size[0]
    if not keys:
        if chart.note:
            figure.supxlabel(
                _wrapped(chart.note, width), fontsize=8, color=colour("faint"), x=0.01, ha="left"
            )
        return
    longest = max(len(key.name) for key in keys)
    fit = max(int((width - 0.2) / (_KEY + _LETTER * longest)), 1)
    figure.legend(
        handles=[_handle(key) for key in keys], loc="outside lower left", frameon=False,
        ncols=min(fit, len(keys)), title=_wrapped(chart.note, width) or None,
        title_fontsize=8, alignment="left",
    )  # fmt: skip
    figure.legends[0].get_title().set_color(colour("faint"))


def _wrapped(words: str, width: float) -> str:
    """Words in lines as wide as the picture."""
    import textwrap

    return "\n".join(textwrap.wrap(clean(words, 1000), max(int(width * 14), 30)))


def _handle(key: LegendKey) -> Any:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    ink, name = mixed_with_paper(key.ink, key.share), clean(key.name)
    if key.kind == "area":
        edge = colour("mixed") if key.ink.endswith("-tint") or key.share < 1 else ink
        return Patch(facecolor=ink, edgecolor=edge, linewidth=0.6, label=name)
    if key.kind in SHAPES:
        face = "none" if key.kind in HOLLOW else ink
        return Line2D(
            [], [], linestyle="none", marker=SHAPES[key.kind], color=ink, label=name,
            markerfacecolor=face, markersize=6,
        )  # fmt: skip
    style = DASHES["solid" if key.kind == "line" else key.kind]
    return Line2D([], [], color=ink, linewidth=2, linestyle=style, label=name)
