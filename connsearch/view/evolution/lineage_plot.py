"""A family tree of any size: children over the number of their birth, as high as they are worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from connsearch.evolution.review.lineage import ancestry, parent_of
from connsearch.view.evolution.figures import scale_axis
from connsearch.view.evolution.pareto import Place, beside
from connsearch.view.evolution.story import Story, direction
from connsearch.view.runs.figures import blank_figure
from connsearch.view.structures.palette import DEAD, FAINT, MIXED, STREAMS, TEXT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_RGB = next(iter(STREAMS.values())).line


def lineage_figure(story: Story, number: int, members: Sequence[int]) -> Figure:
    """Returns the family of a child, lines from parent to child, its own line of ancestry strong.

    Children that were not judged stand at the foot.

    Args:
        story: of the study.
        number: whose family it is.
        members: whom to show, its ancestors among them.
    """
    line = ancestry(story.history, number)
    title = f"{story.title}: where {story.labelled(number)} comes from"
    figure = blank_figure(11.0, 6.0, title)
    axes = figure.subplots()
    spots = _spots(story, members)
    for own, style in (
        (False, {"color": MIXED.line, "linewidth": 0.6, "alpha": 0.45, "zorder": 1}),
        (True, {"color": _RGB, "linewidth": 2.0, "zorder": 3}),
    ):
        for child in members:
            parent = parent_of(story.history, child)
            if parent is not None and parent in spots and (child in line) is own:
                (x, y), (right, up) = spots[parent], spots[child]
                axes.plot([x, right], [y, up], **style)  # pyright: ignore[reportArgumentType] (a style of each kind)
    _draw_points(axes, story, spots, line)
    axes.set_xlabel("child, in the order of birth")
    axes.set_ylabel(direction(story.objectives[0]))
    scale_axis(axes.yaxis, story.objectives[0])
    axes.margins(0.03, 0.08)
    words = f"{len(members)} of {len(story.entries)} children: the ancestors and their children"
    figure.supxlabel(words, fontsize=8, color=FAINT, x=0.01, ha="left")
    _number(figure, axes, story, spots, line)
    return figure


def _spots(story: Story, members: Sequence[int]) -> dict[int, tuple[float, float]]:
    known = [value for n in members if (value := story.value(n)) is not None]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    foot = low - 0.06 * ((high - low) or 1.0)
    values = {number: story.value(number) for number in members}
    return {n: (float(n), foot if value is None else value) for n, value in values.items()}


def _draw_points(
    axes: Axes, story: Story, spots: dict[int, tuple[float, float]], line: Sequence[int]
) -> None:
    fates = {number: story.entries[number].fate for number in spots}
    groups = (
        ("judged", [n for n in spots if fates[n] == "judged" and n not in line], FAINT, ".", 22),
        ("line of ancestry", [n for n in line if fates[n] == "judged"], _RGB, "o", 34),
        ("not judged", [n for n in spots if fates[n] in ("open", "pruned")], MIXED.line, "|", 30),
        ("failed", [n for n in spots if fates[n] == "failed"], DEAD.line, "|", 30),
    )
    for name, numbers, colour, marker, size in groups:
        if numbers:
            axes.scatter(
                [spots[n][0] for n in numbers], [spots[n][1] for n in numbers], s=size,
                color=colour, marker=marker, label=name, zorder=4,
            )  # fmt: skip
    axes.legend(frameon=False, loc="lower right", ncols=4)


def _number(
    figure: Figure,
    axes: Axes,
    story: Story,
    spots: dict[int, tuple[float, float]],
    line: Sequence[int],
) -> None:
    """Writes number and operators beside the ancestors, the youngest first, where there is room."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure).draw()
    scale = 72 / figure.dpi
    box = axes.get_window_extent()
    frame = Place(box.x0 * scale, box.y0 * scale, box.x1 * scale, box.y1 * scale)
    places = {
        n: [float(p) * scale for p in axes.transData.transform(spot)] for n, spot in spots.items()
    }
    texts = {n: f"#{n} {story.steps(n)}" for n in reversed(line)}
    short = {n: text if len(text) <= 34 else f"#{n}" for n, text in texts.items()}
    for number, (right, up) in beside(places, short, frame).items():
        axes.annotate(
            short[number], spots[number], xytext=(right, up), textcoords="offset points",
            fontsize=8, color=TEXT, ha="center", va="center", zorder=5,
            bbox={"boxstyle": "round,pad=0.1", "facecolor": "white", "alpha": 0.75, "linewidth": 0},
        )  # fmt: skip
