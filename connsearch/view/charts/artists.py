"""Marks -> what matplotlib draws, each with its number as ``gid``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connsearch.view.charts.inks import colour, mixed_with_paper
from connsearch.view.charts.look import Look
from connsearch.view.charts.marks import (
    Area,
    Band,
    Bars,
    Cells,
    Labels,
    Mark,
    Points,
    Polyline,
    Rule,
)
from connsearch.view.charts.places import Place, beside, spread_apart
from connsearch.view.structures.markup import clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHAPES = {
    "dot": "o",
    "ring": "o",
    "diamond": "D",
    "open diamond": "D",
    "square": "s",
    "triangle": "^",
    "wedge": "v",
    "tick": "|",
}
HOLLOW = ("ring", "open diamond")
DASHES: dict[str, Any] = {"solid": "-", "dashed": (0, (4, 3)), "dotted": (0, (1, 2))}
MANY_CELLS = 4000
"""Above so many cells a file holds their colours as pixels: each as a square would be megabytes."""


def put(axes: Axes, mark: Mark, number: int, look: Look) -> None:
    """Draws a mark; words that need to know where everything else is come later (``put_words``)."""
    order, gid = 2 + number / 100, f"mark-{number}"
    if isinstance(mark, Polyline):
        _put_line(axes, mark, gid, order, look)
    elif isinstance(mark, Points):
        _put_points(axes, mark, gid, order, look)
    elif isinstance(mark, Bars):
        _put_bars(axes, mark, gid, order, look)
    elif isinstance(mark, Area):
        axes.fill_between(
            mark.xs, mark.ys, step=mark.steps or None, color=colour(mark.ink), linewidth=0,
            label=mark.name or "_", zorder=1, clip_on=False,
        )  # fmt: skip
    elif isinstance(mark, Band):
        axes.axvspan(mark.low, mark.high, color=colour(mark.ink), zorder=0.4, label=mark.name)
    elif isinstance(mark, Rule):
        draw: Any = axes.axvline if mark.upright else axes.axhline
        style: dict[str, Any] = {"linewidth": mark.width * look.scale, "zorder": 1.8}
        label = mark.name or "_"
        draw(mark.at, color=colour(mark.ink), linestyle=DASHES[mark.dash], label=label, **style)
    elif isinstance(mark, Cells):
        _put_cells(axes, mark, gid, order, look)


def put_words(axes: Axes, mark: Mark, look: Look) -> None:
    """Writes words at points, once the axes have their ends and their place."""
    if not isinstance(mark, Labels) or not mark.texts:
        return
    ink, size = colour(mark.ink), look.small + (0 if look.on_page else 1)
    style: dict[str, Any] = {"color": ink, "fontsize": size, "va": "center", "zorder": 5}
    if mark.place == "foot":
        _put_foot(axes, mark, look)
    elif mark.place == "beside":
        _put_beside(axes, mark, style, size)
    else:
        at = {"centre": ((0, 0), "center"), "right": ((4, 0), "left")}[mark.place]
        for x, y, text in zip(mark.xs, mark.ys, mark.texts, strict=True):
            axes.annotate(
                clean(text), (x, y), xytext=at[0], textcoords="offset points", ha=at[1], **style
            )


def put_ends(axes: Axes, lines: list[Polyline], look: Look) -> None:
    """Writes each line's ``end`` beside its last value, moved apart where they would overlap.

    The vertical axis goes from about 0 to 1.
    """
    ends = sorted(((line.ys[-1], line) for line in lines if line.end), key=lambda pair: pair[0])
    heights = spread_apart([value for value, _ in ends], gap=0.075 if not look.on_page else 0.11)
    for (_, line), height in zip(ends, heights, strict=True):
        axes.annotate(
            clean(line.end), (1.0, height), xycoords=("axes fraction", "data"), xytext=(3, 0),
            textcoords="offset points", va="center", fontsize=look.small, color=colour(line.ink),
        )  # fmt: skip


def _put_line(axes: Axes, mark: Polyline, gid: str, order: float, look: Look) -> None:
    steps: Any = f"steps-{mark.steps}" if mark.steps else "default"
    axes.plot(
        mark.xs, mark.ys, color=colour(mark.ink), linewidth=mark.width * look.scale,
        linestyle=DASHES[mark.dash], alpha=None if mark.opacity == 1 else mark.opacity,
        drawstyle=steps, label=mark.name or "_", gid=gid, zorder=order, clip_on=False,
        marker="o" if len(mark.xs) == 1 else None, markersize=3 * look.scale,
    )  # fmt: skip


def _put_points(axes: Axes, mark: Points, gid: str, order: float, look: Look) -> None:
    ink, size = colour(mark.ink), mark.size * look.scale
    up = [_reach(mark.ys, mark.low), _reach(mark.high, mark.ys)] if mark.low else None
    across = [_reach(mark.xs, mark.left), _reach(mark.right, mark.xs)] if mark.left else None
    if up or across:
        bars = axes.errorbar(
            mark.xs, mark.ys, yerr=up, xerr=across, fmt="none", ecolor=ink, zorder=order - 0.005,
            elinewidth=0.8 * look.scale, capsize=2 * look.scale, label="_",
        )  # fmt: skip
        for cap in bars.lines[1]:
            cap.set_markerfacecolor(ink)
        for artist in (*bars.lines[1], *bars.lines[2]):
            artist.set_clip_on(False)
    style: dict[str, Any] = {"facecolors": "none" if mark.shape in HOLLOW else ink}
    if mark.shape != "tick":
        style["edgecolors"] = ink
    if mark.foot:
        style["transform"] = axes.get_xaxis_transform()
    axes.scatter(
        mark.xs, mark.ys, s=size**2, marker=SHAPES[mark.shape], label=mark.name or "_", gid=gid,
        alpha=None if mark.opacity == 1 else mark.opacity, clip_on=False, zorder=order,
        linewidths=1.3 if mark.shape == "tick" else 1.0, **style,
    )  # fmt: skip


def _reach(above: Any, below: Any) -> list[float]:
    return [max(high - low, 0.0) for high, low in zip(above, below, strict=True)]


def _put_bars(axes: Axes, mark: Bars, gid: str, order: float, look: Look) -> None:
    outline = colour(mark.outline) if mark.outline else "none"
    bars = axes.barh(
        mark.rows, mark.widths, left=mark.lefts, height=mark.height, color=colour(mark.ink),
        edgecolor=outline, linewidth=0.6 * look.scale if mark.outline else 0, zorder=order,
        label=mark.name or "_", clip_on=False,
    )  # fmt: skip
    for number, bar in enumerate(bars):
        bar.set_gid(f"{gid}-{number}")


def _put_cells(axes: Axes, mark: Cells, gid: str, order: float, look: Look) -> None:
    from matplotlib.collections import PolyCollection

    corners: list[Any] = []
    for cell in mark.cells:
        left, right = cell.column - 0.5, cell.column + cell.wide - 0.5
        low, high = cell.row - 0.5, cell.row + 0.5
        corners.append([(left, low), (right, low), (right, high), (left, high)])
    found = PolyCollection(
        corners,
        facecolors=[mixed_with_paper(cell.ink, cell.share) for cell in mark.cells],
        edgecolors="none",
        gid=gid,
        zorder=order - 1,
        clip_on=False,
    )
    found.set_rasterized(not look.on_page and len(mark.cells) > MANY_CELLS)
    axes.add_collection(found)
    for cell in mark.cells:
        if cell.text:
            strong = cell.share > 0.6
            ink = "text" if not strong else "night" if cell.ink == "flow" else "paper"
            axes.text(
                cell.column, cell.row, clean(cell.text), ha="center", va="center",
                fontsize=look.small, color=colour(ink), zorder=order,
            )  # fmt: skip


def _put_foot(axes: Axes, mark: Labels, look: Look) -> None:
    """Writes the texts in a row at the bottom, moved apart, each with a line to its point."""
    low, high = axes.get_xlim()
    shares = [(x - low) / ((high - low) or 1.0) for x in mark.xs]
    order = sorted(range(len(shares)), key=lambda point: (shares[point], point))
    gap = 0.035 if not look.on_page else 0.08
    apart = spread_apart([shares[point] for point in order], gap=gap)
    for place, number in zip(apart, order, strict=True):
        axes.annotate(
            clean(mark.texts[number]), (shares[number], mark.ys[number]),
            xycoords=("axes fraction", "data"), xytext=(place, 0.02),
            textcoords="axes fraction", ha="center", fontsize=look.small, color=colour(mark.ink),
            arrowprops={"arrowstyle": "-", "color": colour("rule"), "linewidth": 0.6, "shrinkB": 4},
            zorder=0,
        )  # fmt: skip


def _put_beside(axes: Axes, mark: Labels, style: dict[str, Any], size: float) -> None:
    """Writes texts where they hide neither one another nor a point."""
    scale = 72 / axes.get_figure(root=True).dpi  # pyright: ignore[reportOptionalMemberAccess]
    box = axes.get_window_extent()
    frame = Place(box.x0 * scale, box.y0 * scale, box.x1 * scale, box.y1 * scale)

    def spot(x: float, y: float) -> list[float]:
        return [float(place) * scale for place in axes.transData.transform((x, y))]

    spots = {n: spot(*place) for n, place in enumerate(zip(mark.xs, mark.ys, strict=True))}
    texts = {n: clean(text) for n, text in enumerate(mark.texts)}
    others = [spot(*place) for place in mark.keep_off]
    for n, (right, up) in beside(spots, texts, frame, size=size, keep_off=others).items():
        axes.annotate(
            texts[n], (mark.xs[n], mark.ys[n]), xytext=(right, up), textcoords="offset points",
            ha="center", annotation_clip=False, **style,
            bbox={"boxstyle": "round,pad=0.1", "facecolor": colour("paper"), "alpha": 0.75,
                  "linewidth": 0},
        )  # fmt: skip
