"""Several objectives against one another: every child a point, those nobody dominates numbered."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from connsearch.evolution.objectives import OBJECTIVES
from connsearch.evolution.population import Standing, fronts
from connsearch.view.charts.chart import Chart, Panel
from connsearch.view.charts.marks import Labels, Mark, Points, Polyline, Shape
from connsearch.view.evolution.fitness import objective_axis
from connsearch.view.evolution.story import Story, direction, worth


def pareto_chart(story: Story) -> Chart | None:
    """Returns a panel a pair of objectives; None where there is only one objective.

    Numbered are the children nobody dominates in all objectives; the line is the front of the
    panel's own two.
    """
    pairs = list(combinations(range(len(story.objectives)), 2))
    if not pairs:
        return None
    panels = [_panel(story, x, y) for y, x in pairs]
    width = 6.6 if len(pairs) == 1 else 5.0 * len(pairs)
    title = f"{story.title}: Pareto front"
    return Chart(title, panels, (width, 5.0), columns=len(pairs), page="wide")


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


def _panel(story: Story, x: int, y: int) -> Panel:
    up, across = (story.objectives[place] for place in (y, x))
    return Panel(
        f"{OBJECTIVES[up].label} over {OBJECTIVES[across].label}",
        list(_marks(story, x, y)) if story.best else [],
        objective_axis(across, title=direction(across), room=0.09),
        objective_axis(up, title=direction(up), room=0.09),
        empty="no child was judged yet",
        height=300,
    )


def _marks(story: Story, x: int, y: int) -> Iterator[Mark]:
    line = front_line(story, x, y)
    yield Polyline(
        "front of these two",
        "rgb",
        [p[0] for p in line],
        [p[1] for p in line],
        1.2,
        opacity=0.7,
        steps="post" if story.history.signs[x] < 0 else "pre",
        pointed=False,
    )
    front = set(story.best)
    known = {n: e for n, e in story.entries.items() if e.values is not None}
    groups: tuple[tuple[str, str, Shape, float, list[int]], ...] = (
        ("member", "faint", "dot", 4.0, [n for n, e in known.items() if e.member]),
        ("has left", "faint", "ring", 4.0, [n for n, e in known.items() if not e.member]),
        ("dominated by none", "rgb", "dot", 5.5, list(story.best)),
    )
    places = {n: (e.values[x], e.values[y]) for n, e in known.items() if e.values is not None}
    for name, ink, shape, size, everybody in groups:
        numbers = [n for n in everybody if (n in front) == (ink == "rgb")]
        if numbers:
            xs, ys = [places[n][0] for n in numbers], [places[n][1] for n in numbers]
            yield Points(name, ink, xs, ys, [_tip(story, n, x, y) for n in numbers], shape, size)
    if story.start is not None:
        xs, ys = ([place] for place in places[story.start])
        yield Points("the start", "object", xs, ys, (), "open diamond", 7)
    xs, ys = [places[n][0] for n in story.best], [places[n][1] for n in story.best]
    texts = [f"#{n}" for n in story.best]
    yield Labels("text", xs, ys, texts, "beside", list(places.values()))


def _tip(story: Story, number: int, x: int, y: int) -> str:
    values = story.entries[number].values
    assert values is not None, "who stands there was judged"
    said = ", ".join(worth(story.objectives[place], values[place]) for place in (y, x))
    return f"#{number}: {said}; {story.came(number)}"
