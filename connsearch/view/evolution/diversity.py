"""How many structures and founders a population has, and how far apart it is."""

from __future__ import annotations

from connsearch.view.charts.chart import Axis, Chart, Panel
from connsearch.view.charts.marks import Area, Mark, Polyline, Rule
from connsearch.view.evolution.fitness import lasting, rounds_axis
from connsearch.view.evolution.story import Story


def diversity_chart(story: Story) -> Chart:
    """Returns different structures, mean distance and founders of the population over rounds."""
    told = story.diversity
    numbers = lasting([d.round for d in told], step=0.6) if told else []
    members = lasting([d.members for d in told]) if told else []
    structures = lasting([d.structures for d in told]) if told else []
    distance = lasting([d.distance for d in told]) if told else []
    founders = lasting([d.founders for d in told]) if told else []
    first: list[Mark] = [
        Area("members", "mixed-tint", numbers, members, "post"),
        Polyline("different structures", "rgb", numbers, structures, steps="post"),
    ]
    second: list[Mark] = [Polyline("distance", "flow", numbers, distance, steps="post")]
    third: list[Mark] = [Polyline("founders", "object", numbers, founders, steps="post")]
    panels = [
        _panel(story, "different structures", first, max(members, default=1.0), whole=True),
        _panel(story, "mean distance of wiring", second, max(distance, default=1.0) or 0.1),
        _panel(story, "founders", third, max(founders, default=1.0), whole=True),
    ]
    note = (
        "distance: one minus the share of connections two members have in common, each named by "
        "the stream or level it leaves and the level it enters; founders: ancestors of all members"
    )
    title = f"{story.title}: diversity of the population"
    return Chart(title, panels, (8.0, 6.4), share_x=True, note=note, page="small")


def _panel(
    story: Story, title: str, marks: list[Mark], top: float, *, whole: bool = False
) -> Panel:
    if story.initial and story.initial < len(story.rounds):
        edge = story.initial - 0.5
        marks = [*marks, Rule("first mutation", "faint", edge, upright=True, width=0.8)]
    return Panel(
        title,
        marks if story.diversity else [],
        rounds_axis(story),
        Axis(low=0, high=1.08 * top, style="whole" if whole else "plain"),
        empty="no child was judged yet",
    )
