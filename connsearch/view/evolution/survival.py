"""Which posts and kinds of blocks the population holds over rounds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from connsearch.evolution.review.survival import Mix, population_mixes
from connsearch.view.charts.chart import Axis, Chart, Panel
from connsearch.view.charts.inks import InkName
from connsearch.view.charts.marks import Mark, Polyline, Rule
from connsearch.view.evolution.fitness import lasting, rounds_axis
from connsearch.view.evolution.story import Story
from connsearch.view.evolution.survival_tables import kind_columns, post_columns

_POSTS = ("rgb", "flow", "object")
_KINDS = ("mixed", "peer", "dead", "rgb", "flow")
_DASHES = ("solid", "dashed", "dotted", "solid", "dashed")
OTHERS = "other kinds"


def survival_chart(story: Story) -> Chart | None:
    """Returns the shares of posts and kinds among the blocks of the population, over rounds.

    The most frequent kinds have a line each, the others one together. None where neither posts nor
    kinds may change, or nobody was judged.
    """
    found = population_mixes(story.history, story.rounds)
    if not found or not story.mixes:
        return None
    panels: list[Panel] = []
    posts, kinds = list(post_columns(story)), list(kind_columns(story))
    if posts:
        lines = {f"post {name}": [mix.share(name) for mix in found] for name in posts}
        panels.append(_panel(story, "what follows blocks", lines, _POSTS))
    if kinds:
        panels.append(_panel(story, "kinds of blocks", _of_kinds(found, kinds), _KINDS))
    note = "shares of the blocks of all members of the population"
    title = f"{story.title}: posts and kinds in the population"
    height = 1.2 + 2.3 * len(panels)
    return Chart(title, panels, (8.0, height), share_x=True, note=note, page="small")


def _of_kinds(found: Sequence[Mix], kinds: Sequence[str]) -> dict[str, list[float]]:
    """Shares of the most frequent kinds over rounds, and of all others together."""
    total: Counter[str] = Counter({name: 0 for name in kinds})
    for mix in found:
        total.update(mix.kinds)
    room = len(_KINDS)
    shown = [name for name, _ in total.most_common(room if len(kinds) <= room else room - 1)]
    lines = {name: [mix.share(name) for mix in found] for name in sorted(shown)}
    rest = [name for name in kinds if name not in shown]
    if rest:
        lines[OTHERS] = [sum(mix.share(name) for name in rest) for mix in found]
    return lines


def _panel(
    story: Story, title: str, lines: Mapping[str, Sequence[float]], inks: Sequence[InkName]
) -> Panel:
    numbers = lasting([float(entry.number) for entry in story.rounds], step=0.6)
    marks: list[Mark] = [
        Polyline(label, ink, numbers, lasting(shares), steps="post", dash=dash)
        for (label, shares), ink, dash in zip(lines.items(), inks, _DASHES, strict=False)
    ]
    if story.initial and story.initial < len(story.rounds):
        edge = story.initial - 0.5
        marks.append(Rule("first mutation", "faint", edge, upright=True, width=0.8))
    return Panel(title, marks, rounds_axis(story), Axis(low=0, high=1.08))
