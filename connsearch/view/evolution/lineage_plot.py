"""A family tree of any size: children over the number of their birth, as high as they are worth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from connsearch.evolution.review.lineage import ancestry, parent_of
from connsearch.view.charts.chart import Axis, Chart, Panel
from connsearch.view.charts.marks import Labels, Mark, Points, Polyline, Shape
from connsearch.view.evolution.fitness import objective_axis
from connsearch.view.evolution.story import Story, direction

LONGEST = 34
"""Letters of operators beside an ancestor; above, its number stands alone."""


def lineage_chart(story: Story, number: int, members: Sequence[int]) -> Chart:
    """Returns the family of a child, lines from parent to child, its own line of ancestry strong.

    Children that were not judged stand at the foot.

    Args:
        story: of the study.
        number: whose family it is.
        members: whom to show, its ancestors among them.
    """
    line, spots = ancestry(story.history, number), _spots(story, members)
    marks = [
        *_births(story, spots, line, own=False),
        *_births(story, spots, line, own=True),
        *_points(story, spots, line),
        _labels(story, spots, line),
    ]
    panel = Panel(
        direction(story.objectives[0]),
        marks,
        Axis("child, in the order of birth", room=0.03),
        objective_axis(story.objectives[0], room=0.08),
    )
    note = f"{len(members)} of {len(story.entries)} children: the ancestors and their children"
    title = f"{story.title}: where {story.labelled(number)} comes from"
    return Chart(title, [panel], (11.0, 6.0), note=note, page="wide")


def _spots(story: Story, members: Sequence[int]) -> dict[int, tuple[float, float]]:
    known = [value for n in members if (value := story.value(n)) is not None]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    foot = low - 0.06 * ((high - low) or 1.0)
    values = {number: story.value(number) for number in members}
    return {n: (float(n), foot if value is None else value) for n, value in values.items()}


def _births(
    story: Story, spots: Mapping[int, tuple[float, float]], line: Sequence[int], *, own: bool
) -> Iterator[Polyline]:
    """A line from every parent to its child; the ``own`` ones belong to the line of ancestry."""
    ink, width, opacity = ("rgb", 2.0, 1.0) if own else ("mixed", 0.6, 0.45)
    for child in spots:
        parent = parent_of(story.history, child)
        if parent is not None and parent in spots and (child in line) is own:
            xs, ys = zip(spots[parent], spots[child], strict=True)
            yield Polyline("", ink, xs, ys, width, opacity=opacity, pointed=False)


def _points(
    story: Story, spots: Mapping[int, tuple[float, float]], line: Sequence[int]
) -> Iterator[Mark]:
    fates = {number: story.entries[number].fate for number in spots}
    groups: tuple[tuple[str, str, Shape, float, list[int]], ...] = (
        ("judged", "faint", "dot", 2.6, [n for n in spots if fates[n] == "judged"]),
        ("line of ancestry", "rgb", "dot", 5.8, [n for n in line if fates[n] == "judged"]),
        ("not judged", "mixed", "tick", 5.5, [n for n in spots if fates[n] in ("open", "pruned")]),
        ("failed", "dead", "tick", 5.5, [n for n in spots if fates[n] == "failed"]),
    )
    for name, ink, shape, size, numbers in groups:
        numbers = [n for n in numbers if name != "judged" or n not in line]
        if numbers:
            xs, ys = [spots[n][0] for n in numbers], [spots[n][1] for n in numbers]
            tips = [f"{story.labelled(n)}, {story.came(n)}" for n in numbers]
            yield Points(name, ink, xs, ys, tips, shape, size)


def _labels(story: Story, spots: Mapping[int, tuple[float, float]], line: Sequence[int]) -> Labels:
    """Number and operators beside the ancestors, the youngest first."""
    texts = {n: f"#{n} {story.steps(n)}" for n in reversed(line)}
    short = [text if len(text) <= LONGEST else f"#{n}" for n, text in texts.items()]
    xs, ys = [spots[n][0] for n in texts], [spots[n][1] for n in texts]
    return Labels("text", xs, ys, short, "beside", list(spots.values()))
