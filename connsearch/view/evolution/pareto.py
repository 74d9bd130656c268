"""Several objectives against one another: every child a point, those nobody dominates numbered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from connsearch.evolution.population import Standing, fronts
from connsearch.view.evolution.figures import say_nothing, scale_axis
from connsearch.view.evolution.story import Story, direction
from connsearch.view.runs.figures import blank_figure
from connsearch.view.structures.palette import FAINT, STREAMS, TEXT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_RGB, _FLOW, _OBJECT = (ink.line for ink in STREAMS.values())
_SIZE = 8.0
"""Points; of the numbers beside the front."""
_AROUND = (
    (1, 1), (1, -1), (-1, 1), (-1, -1), (0, 1.6), (0, -1.6), (1.6, 0), (-1.6, 0),
    (2, 2.6), (2, -2.6), (-2, 2.6), (-2, -2.6), (0, 3.4), (0, -3.4), (3, 4.4), (-3, -4.4),
)  # fmt: skip
"""Where a number may stand, nearest first, in steps of some points."""


class Place(NamedTuple):
    """A rectangle on the page, in points."""

    left: float
    low: float
    right: float
    high: float

    def meets(self, other: Place) -> bool:
        """Returns whether two rectangles overlap."""
        across = min(self.right, other.right) - max(self.left, other.left)
        return across > 0 and min(self.high, other.high) - max(self.low, other.low) > 0


def pareto_figure(story: Story) -> Figure | None:
    """Returns a panel a pair of objectives; None where there is only one objective.

    Numbered are the children nobody dominates in all objectives; the line is the front of the
    panel's own two.
    """
    pairs = list(combinations(range(len(story.objectives)), 2))
    if not pairs:
        return None
    title = f"{story.title}: Pareto front"
    figure = blank_figure(6.6 if len(pairs) == 1 else 5.0 * len(pairs), 5.0, title)
    panels: list[Axes] = list(figure.subplots(1, len(pairs), squeeze=False).flat)
    for axes, (y, x) in zip(panels, pairs, strict=True):
        axes.set_xlabel(direction(story.objectives[x]))
        axes.set_ylabel(direction(story.objectives[y]))
        if story.best:
            scale_axis(axes.xaxis, story.objectives[x])
            scale_axis(axes.yaxis, story.objectives[y])
            _draw_pair(axes, story, x, y)
        else:
            say_nothing(axes, "no child was judged yet")
    handles, labels = panels[0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower left", ncols=4, frameon=False)
    _number(figure, panels, pairs, story)
    return figure


def front_line(story: Story, x: int, y: int) -> list[tuple[float, float]]:
    """Returns the points of the front of two objectives as the study has them, from left to right.

    Args:
        story: of the study.
        x: place of the horizontal objective.
        y: place of the vertical one.
    """
    signs = story.history.signs
    known = [(n, e.values) for n, e in story.entries.items() if e.values is not None]
    pairs = [Standing(n, (signs[x] * v[x], signs[y] * v[y])) for n, v in known]
    front = fronts(pairs)[0] if pairs else []
    return sorted({(signs[x] * s.values[0], signs[y] * s.values[1]) for s in front})


def _draw_pair(axes: Axes, story: Story, x: int, y: int) -> None:
    line = front_line(story, x, y)
    style = "steps-post" if story.history.signs[x] < 0 else "steps-pre"
    axes.plot(
        [p[0] for p in line], [p[1] for p in line], drawstyle=style, color=_RGB, linewidth=1.2,
        alpha=0.7, zorder=2, label="front of these two",
    )  # fmt: skip
    front, start = set(story.best), story.start
    known = [n for n, e in story.entries.items() if e.values is not None]
    groups = (
        ([n for n in known if n not in front and story.entries[n].member], FAINT, "member"),
        ([n for n in known if n not in front and not story.entries[n].member], None, "has left"),
        (list(story.best), _RGB, "dominated by none"),
    )
    for numbers, ink, name in groups:
        if numbers:
            places = [(story.value(n, x), story.value(n, y)) for n in numbers]
            axes.scatter(
                *zip(*places, strict=True), s=30 if ink == _RGB else 16, label=name, zorder=3,
                facecolors=ink or "none", edgecolors=ink or FAINT, linewidths=0.9,
            )  # fmt: skip
    if start is not None:
        place = ([story.value(start, x)], [story.value(start, y)])
        axes.scatter(
            *place, marker="D", s=46, facecolors="none", edgecolors=_OBJECT, linewidths=1.5,  # pyright: ignore[reportArgumentType] (the start was judged)
            label="the start", zorder=4,
        )  # fmt: skip
    axes.margins(0.09)


def _number(
    figure: Figure, panels: Sequence[Axes], pairs: Sequence[tuple[int, int]], story: Story
) -> None:
    """Writes the numbers of the front where they hide neither one another nor a point."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure).draw()  # only a figure that is laid out knows where its points are
    scale = 72 / figure.dpi
    for axes, (y, x) in zip(panels, pairs, strict=True):
        known = {n: e.values for n, e in story.entries.items() if e.values is not None}
        spots = {
            n: [float(p) * scale for p in axes.transData.transform((v[x], v[y]))]
            for n, v in known.items()
        }
        box = axes.get_window_extent()
        frame = Place(box.x0 * scale, box.y0 * scale, box.x1 * scale, box.y1 * scale)
        texts = {n: f"#{n}" for n in story.best}
        for number, (right, up) in beside(spots, texts, frame).items():
            axes.annotate(
                texts[number], (known[number][x], known[number][y]),
                xytext=(right, up), textcoords="offset points", fontsize=_SIZE, color=TEXT,
                ha="center", va="center", annotation_clip=False, zorder=5,
            )  # fmt: skip


def beside(
    spots: Mapping[int, Sequence[float]], texts: Mapping[int, str], frame: Place
) -> dict[int, tuple[float, float]]:
    """Returns how far from its point each text's middle stands, in points of the page.

    A text without a free place is left out: no text is better than two upon each other.

    Args:
        spots: all points, by number.
        texts: what to write, by number.
        frame: where they have to stay.
    """
    radius, taken, found = 2.6, list[Place](), dict[int, tuple[float, float]]()
    points = {n: Place(p[0] - 2, p[1] - 2, p[0] + 2, p[1] + 2) for n, p in spots.items()}
    for number, text in texts.items():
        wide, tall = 0.34 * _SIZE * len(text) + 0.5, 0.56 * _SIZE
        for across, along in _AROUND:
            right = across * 3 + (wide + radius if across > 0 else -wide - radius if across else 0)
            up = along * 3.2 + (tall / 2 if along > 0 else -tall / 2 if along else 0)
            x, y = spots[number][0] + right, spots[number][1] + up
            place = Place(x - wide, y - tall, x + wide, y + tall)
            inside = frame.left < place.left and place.right < frame.right
            inside = inside and frame.low < place.low and place.high < frame.high
            if inside and not any(map(place.meets, (*taken, *points.values()))):
                taken.append(place)
                found[number] = (right, up)
                break
    return found
