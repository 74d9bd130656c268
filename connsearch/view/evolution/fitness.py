"""What children were worth over the rounds of an evolution: a panel an objective."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from connsearch.evolution.history import key_of
from connsearch.evolution.objectives import OBJECTIVES
from connsearch.evolution.review.children import counted
from connsearch.evolution.review.trajectory import Round
from connsearch.view.charts.chart import Axis, Chart, Panel
from connsearch.view.charts.marks import Band, Mark, Points, Polyline, Rule
from connsearch.view.evolution.story import Story, direction
from connsearch.view.evolution.tables import measured

MANY = 120
"""Above so many rounds points are drawn small and faint."""


def fitness_chart(story: Story) -> Chart:
    """Returns every child over the rounds, a panel an objective.

    Lines are the best there is at that time, as far as it is known then (another evaluation of a
    lucky one lets it fall), the population's mean and the start; bars one standard deviation of
    several evaluations; ticks at the foot those that failed or ended early.
    """
    count = len(story.objectives)
    panels = [_panel(story, place) for place in range(count)]
    title = f"{story.title}: fitness over rounds"
    return Chart(title, panels, (8.0, 0.9 + 3.1 * count), share_x=True, page="wide")


def objective_axis(objective: str, *, title: str = "", room: float = 0.05) -> Axis:
    """Returns an axis for the values of an objective; large counts in thousands and millions."""
    counted = OBJECTIVES[objective].style == "count"
    return Axis(title, style="count" if counted else "plain", room=room)


def rounds_axis(story: Story, title: str = "round") -> Axis:
    """Returns the axis that counts rounds, from 0 as children are, in whole numbers."""
    return Axis(title, -0.6, max(len(story.rounds), 2) - 0.4, style="whole")


def lasting(values: Sequence[float], *, step: float = 0.0) -> list[float]:
    """Returns values with the last one once more, ``step`` further: what holds after a round.

    >>> lasting([1, 2], step=0.6), lasting([7, 8])
    ([1, 2, 2.6], [7, 8, 8.0])
    """
    return [*values, values[-1] + step]


def _panel(story: Story, place: int) -> Panel:
    name = story.objectives[place]
    marks: list[Mark] = []
    if story.rounds:
        marks = [*_lines(story, place), *_children(story, place), *_ended(story)]
    return Panel(
        direction(name),
        marks,
        rounds_axis(story, "round: children in the order of judging"),
        objective_axis(name),
        empty="no child was judged yet",
    )


def _lines(story: Story, place: int) -> Iterator[Mark]:
    sign, told = story.history.signs[place], story.rounds
    if story.initial:
        yield Band("before the first mutation", "mixed-tint", -0.5, story.initial - 0.5)
    numbers = lasting([e.number for e in told], step=0.6)
    best = lasting([sign * e.top[place] for e in told])
    mean = lasting([sign * e.mean[place] for e in told])
    yield Polyline("mean of the population", "flow", numbers, mean, 1.4, steps="post")
    yield Polyline("best so far", "text", numbers, best, 1.8, steps="post")
    if story.start is not None:
        value = story.value(story.start, place)
        assert value is not None, "the start was judged"
        yield Rule("the start", "object", value, width=1.2)


def _children(story: Story, place: int) -> Iterator[Mark]:
    many = len(story.rounds) > MANY
    size, opacity = (3.0, 0.7) if many else (4.5, 1.0)
    for entered, ink, name in ((True, "rgb", "entered"), (False, "faint", "did not enter")):
        chosen = [e for e in story.rounds if e.entered is entered]
        if chosen:
            yield Points(
                name,
                ink,
                [e.number for e in chosen],
                [_worth(story, e, place) for e in chosen],
                [_tip(story, e, place) for e in chosen],
                "dot" if entered else "ring",
                size,
                opacity,
            )
    several = [e for e in story.rounds if story.entries[e.child].evaluations > 1]
    if several:
        values = [_worth(story, e, place) for e in several]
        spreads = [(story.entries[e.child].spread or ())[place] for e in several]
        pairs = list(zip(values, spreads, strict=True))
        yield Points(
            "judged again, ± 1 sd",
            "peer",
            [e.number for e in several],
            values,
            [_tip(story, e, place) for e in several],
            low=[value - spread for value, spread in pairs],
            high=[value + spread for value, spread in pairs],
        )


def _ended(story: Story) -> Iterator[Mark]:
    """Marks at the foot for what never became a point, where it would have stood."""
    ended = sorted(story.history.trials[e.trial].finished or 0.0 for e in story.rounds)
    for state, ink, height, name in (
        ("failed", "dead", 0.02, "attempt failed"),
        ("pruned", "flow", 0.055, "ended early"),
    ):
        trials = [
            trial
            for trial in counted(story.history)
            if trial.state == state and key_of(trial).evaluation == 0
        ]
        if trials:
            places = [bisect_left(ended, trial.finished or 0.0) - 0.5 for trial in trials]
            places = [min(max(place, -0.45), max(len(ended), 2) - 0.5) for place in places]
            tips = [f"#{key_of(trial).child}: {name}" for trial in trials]
            heights = [height] * len(places)
            yield Points(name, ink, places, heights, tips, "tick", 6.7, foot=True)


def _worth(story: Story, told: Round, place: int) -> float:
    value = story.value(told.child, place)
    assert value is not None, "who has a round was judged"
    return value


def _tip(story: Story, told: Round, place: int) -> str:
    said = measured(story, told.child, place)
    entered = "entered" if told.entered else "did not enter"
    return f"#{told.child} {said}, {story.came(told.child)}; round {told.number}: {entered}"
