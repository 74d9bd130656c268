"""An evolution over its rounds: what children were worth, and how much they differed."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from connsearch.evolution.history import key_of
from connsearch.evolution.objectives import OBJECTIVES
from connsearch.evolution.review.children import counted
from connsearch.view.evolution.story import Story, direction
from connsearch.view.runs.figures import blank_figure
from connsearch.view.structures.palette import DEAD, FAINT, MIXED, PEER, STREAMS, TEXT
from connsearch.view.structures.tables import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

_RGB, _FLOW, _OBJECT = (ink.line for ink in STREAMS.values())
MANY = 120
"""Above so many rounds points are drawn small and faint."""


def fitness_figure(story: Story) -> Figure:
    """Returns every child over the rounds, a panel an objective.

    Lines are the best there is at that time, as far as it is known then (another evaluation of a
    lucky one lets it fall), the population's mean and the start; bars one standard deviation of
    several evaluations; ticks at the foot those that failed or ended early.
    """
    count = len(story.objectives)
    figure = blank_figure(8.0, 0.9 + 3.1 * count, f"{story.title}: fitness over rounds")
    panels: list[Axes] = list(figure.subplots(count, 1, sharex=True, squeeze=False).flat)
    for place, axes in enumerate(panels):
        axes.set_ylabel(direction(story.objectives[place]))
        if story.rounds:
            scale_axis(axes.yaxis, story.objectives[place])
            _draw_children(axes, story, place)
            _draw_lines(axes, story, place)
        else:
            say_nothing(axes, "no child was judged yet")
        _draw_ticks(axes, story)
    panels[-1].set_xlabel("round (children in the order in which they were judged)")
    count_axis(panels[-1], len(story.rounds))
    handles, labels = panels[0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower left", ncols=4, frameon=False)
    return figure


def diversity_figure(story: Story) -> Figure:
    """Returns how many structures and founders the population has, and how far apart it is."""
    figure = blank_figure(8.0, 6.0, f"{story.title}: diversity of the population")
    panels: list[Axes] = list(figure.subplots(3, 1, sharex=True))
    names = ("different structures", "mean distance of wiring", "founders")
    for axes, name in zip(panels, names, strict=True):
        axes.set_title(name)
        if not story.diversity:
            say_nothing(axes, "no child was judged yet")
    if story.diversity:
        _draw_diversity(panels, story)
    panels[-1].set_xlabel("round")
    count_axis(panels[-1], len(story.rounds))
    words = (
        "distance: one minus the share of connections two members have in common, each named by\n"
        "the stream or level it leaves and the level it enters; founders: of all members"
    )
    figure.supxlabel(words, fontsize=8, color=FAINT, x=0.01, ha="left")
    return figure


def say_nothing(axes: Axes, words: str) -> None:
    """Writes into an empty panel why it is empty."""
    axes.text(
        0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", color=FAINT,
    )  # fmt: skip
    axes.set_xticks([])
    axes.set_yticks([])


def count_axis(axes: Axes, count: int) -> None:
    """Makes the horizontal axis count from 1 to ``count`` in whole numbers."""
    from matplotlib.ticker import MaxNLocator

    axes.set_xlim(0.4, max(count, 2) + 0.6)
    if count:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def lasting(values: Sequence[float], *, step: float = 0.0) -> list[float]:
    """Returns values with the last one once more, ``step`` further: what holds after a round.

    >>> lasting([1, 2], step=0.6), lasting([7, 8])
    ([1, 2, 2.6], [7, 8, 8.0])
    """
    return [*values, values[-1] + step]


def scale_axis(axis: Axis, objective: str) -> None:
    """Makes an axis of large counts say thousands and millions instead of powers of ten."""
    if OBJECTIVES[objective].style == "count":
        from matplotlib.ticker import FuncFormatter, MaxNLocator

        axis.set_major_locator(MaxNLocator(5))
        axis.set_major_formatter(FuncFormatter(lambda value, _: short(round(value))))


def _draw_children(axes: Axes, story: Story, place: int) -> None:
    many = len(story.rounds) > MANY
    if story.initial:
        axes.axvspan(
            0.5, story.initial + 0.5, color=MIXED.tint, zorder=0, label="before the first mutation"
        )
    for entered, colour, label in ((True, _RGB, "entered"), (False, FAINT, "did not enter")):
        chosen = [e for e in story.rounds if e.entered is entered]
        values = [story.value(e.child, place) for e in chosen]
        if chosen:
            axes.scatter(
                [e.number for e in chosen], values, label=label, zorder=3,  # pyright: ignore[reportArgumentType] (the judged have values)
                s=9 if many else 20, alpha=0.7 if many else 1.0, linewidths=1.0,
                facecolors=colour if entered else "none", edgecolors=colour,
            )  # fmt: skip
    _draw_spreads(axes, story, place)


def _draw_spreads(axes: Axes, story: Story, place: int) -> None:
    several = [e for e in story.rounds if story.entries[e.child].evaluations > 1]
    if not several:
        return
    entries = [story.entries[e.child] for e in several]
    axes.errorbar(
        [e.number for e in several],
        [entry.values[place] for entry in entries if entry.values],
        [entry.spread[place] for entry in entries if entry.spread],
        fmt="o", markersize=5, color=PEER.line, elinewidth=1.1, capsize=2.5, zorder=4,
        label="judged again, ± 1 sd",
    )  # fmt: skip


def _draw_lines(axes: Axes, story: Story, place: int) -> None:
    sign = story.history.signs[place]
    numbers = lasting([e.number for e in story.rounds], step=0.6)
    style: dict[str, Any] = {"drawstyle": "steps-post"}
    best = lasting([sign * e.top[place] for e in story.rounds])
    mean = lasting([sign * e.mean[place] for e in story.rounds])
    axes.plot(numbers, mean, color=_FLOW, linewidth=1.4, label="mean of the population", **style)
    axes.plot(numbers, best, color=TEXT, linewidth=1.8, label="best so far", **style)
    if story.start is not None:
        value = story.value(story.start, place)
        assert value is not None, "the start was judged"
        axes.axhline(value, color=_OBJECT, linewidth=1.2, linestyle=(0, (5, 3)), label="the start")


def _draw_ticks(axes: Axes, story: Story) -> None:
    """Marks at the foot for what never became a point, where it would have stood."""
    ended = sorted(story.history.trials[e.trial].finished or 0.0 for e in story.rounds)
    for state, colour, height, name in (
        ("failed", DEAD.line, 0.02, "attempt failed"),
        ("pruned", _FLOW, 0.055, "ended early"),
    ):
        when = [
            trial.finished or 0.0
            for trial in counted(story.history)
            if trial.state == state and key_of(trial).evaluation == 0
        ]
        if when:
            places = [bisect_left(ended, time) + 0.5 for time in when]
            places = [min(max(place, 0.55), max(len(ended), 2) + 0.5) for place in places]
            axes.scatter(
                places, [height] * len(places), transform=axes.get_xaxis_transform(),
                marker="|", s=45, color=colour, linewidths=1.3, label=name, zorder=4,
            )  # fmt: skip


def _draw_diversity(panels: Sequence[Axes], story: Story) -> None:
    from matplotlib.ticker import MaxNLocator

    told = story.diversity
    numbers = lasting([d.round for d in told], step=0.6)
    marker = "o" if len(told) == 1 else None
    style: dict[str, Any] = {"drawstyle": "steps-post", "marker": marker, "markersize": 3}
    members, structures = ([getattr(d, n) for d in told] for n in ("members", "structures"))
    distances, founders = [d.distance for d in told], [d.founders for d in told]
    members, structures = lasting(members), lasting(structures)
    panels[0].fill_between(numbers, members, step="post", color=MIXED.tint, label="members")
    panels[0].plot(numbers, structures, color=_RGB, label="different structures", **style)
    panels[0].legend(frameon=False, loc="lower right")
    panels[1].plot(numbers, lasting(distances), color=_FLOW, **style)
    panels[2].plot(numbers, lasting(founders), color=_OBJECT, **style)
    for axes, top in zip(panels, (max(members), max(distances) or 0.1, max(founders)), strict=True):
        axes.set_ylim(0, 1.08 * top)
        if story.initial and story.initial < len(story.rounds):
            axes.axvline(story.initial + 0.5, color=FAINT, linewidth=0.8, linestyle=(0, (3, 3)))
    for axes in (panels[0], panels[2]):
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
