"""An evolution in ten seconds, how it was set, and what may be concluded from it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist, fmean, variance

from connsearch.evolution.objectives import OBJECTIVES
from connsearch.evolution.options import EvolutionOptions
from connsearch.evolution.review.lineage import founders
from connsearch.view.evolution.story import Story, counted_children, worth
from connsearch.view.evolution.tables import measured
from connsearch.view.evolution.workers import shifts
from connsearch.view.report.evolution_sections import section
from connsearch.view.report.section import Section
from connsearch.view.report.sections.setup import Setting
from connsearch.view.report.sections.summary import Doubt, Tile
from connsearch.view.report.words import plural, seconds, setting


@dataclass(frozen=True, slots=True)
class Learned:
    """Something that may, or may not, be concluded."""

    head: str
    text: str


@dataclass(frozen=True, slots=True)
class Noise:
    """How much evaluations of one and the same child differ in the first objective.

    Attributes:
        deviation: standard deviation, pooled over the children that were judged more than once.
        children: how many these are.
    """

    deviation: float
    children: int


def noise(story: Story) -> Noise | None:
    """Returns the noise of an evaluation; None where nobody was judged twice."""
    values = [
        [found[0] for found in judged.values.values()]
        for judged in story.history.judged.values()
        if len(judged.values) > 1
    ]
    if not values:
        return None
    freedom = sum(len(found) - 1 for found in values)
    pooled = sum((len(found) - 1) * variance(found) for found in values) / freedom
    return Noise(math.sqrt(pooled), len(values))


def expected_maximum(count: int) -> float:
    """Returns by how many standard deviations the best of equals is expected to lie above them.

    Of ``count`` independent normal numbers (Blom's approximation).

    >>> [round(expected_maximum(n), 2) for n in (1, 20, 300)]
    [0.0, 1.87, 2.87]
    """
    return NormalDist().inv_cdf((count - 0.375) / (count + 0.25))


@section("summary", 10)
def summary(story: Story) -> Section:
    """Returns the first section."""
    children, judged = len(story.entries), len(story.rounds)
    name = story.history.start.name
    goals = ", ".join(OBJECTIVES[objective].label for objective in story.objectives)
    people = counted_children(children)
    waiting = len(story.history.open)
    values = {
        "sentence": f"Evolved: {people} of {name}, {judged} judged by {goals}.",
        "unfinished": f"{plural(waiting, 'evaluation')} waiting or at work." if waiting else "",
        "tiles": list(_tiles(story)),
        "doubts": list(_doubts(story)),
    }
    return Section("summary", "Summary", values)


@section("settings", 120)
def settings(story: Story) -> Section:
    """Returns the settings of the evolution, those that differ from the defaults first."""
    usual = EvolutionOptions().model_dump(mode="json")
    found = [
        Setting(
            name,
            setting(value),
            setting(usual[name]),
            EvolutionOptions.model_fields[name].description or "",
            value != usual[name],
        )
        for name, value in story.options.model_dump(mode="json").items()
    ]
    changed = [one for one in found if one.changed]
    values = {"changed": changed, "rest": [one for one in found if not one.changed]}
    return Section("settings", "Settings", values, plural(len(changed), "change"))


@section("conclusions", 80)
def conclusions(story: Story) -> Section | None:
    """Returns what the numbers say, and what they do not."""
    if story.winner is None:
        return None
    return Section("conclusions", "What may be concluded", {"points": list(_points(story))})


def _tiles(story: Story) -> Iterator[Tile]:
    name = story.objectives[0]
    winner = story.winner
    if winner is None:
        yield Tile(name, "–", "no child was judged yet")
    else:
        entry = story.entries[winner]
        note = f"#{winner}, {story.came(winner)}; judged {entry.evaluations}×"
        state = "warn" if entry.evaluations == 1 else ""
        yield Tile(f"best {name}", measured(story, winner, 0), note, state, "wiring")
        yield _against_start(story, winner)
        yield Tile("connections", str(entry.connections), f"of #{winner}", "", "wiring")
    fates = [entry.fate for entry in story.entries.values()]
    counts = {"failed": fates.count("failed"), "ended early": fates.count("pruned")}
    note = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    yield Tile("children", str(len(fates)), note or "none failed", "", "children")
    if story.diversity:
        last = story.diversity[-1]
        note = f"of {plural(last.founders, 'founder')}, {last.structures} different structures"
        yield Tile("population", str(last.members), note, "", "diversity")
    rows = shifts(story)
    if rows:
        long = max(shift.end for row in rows.values() for shift in row)
        yield Tile("time", seconds(long), plural(len(rows), "worker"), "", "workers")


def _against_start(story: Story, winner: int) -> Tile:
    start = story.start
    if start is None:
        return Tile("against the start", "–", "the start was not judged", "warn", "fitness")
    value, before = story.value(winner), story.value(start)
    assert value is not None, "the winner was judged"
    assert before is not None, "the start was judged"
    change = value - before
    text = (
        f"{change:+.3f}" if OBJECTIVES[story.objectives[0]].style == "share" else f"{change:+.3g}"
    )
    note = f"the start: {worth(story.objectives[0], before)}"
    return Tile("against the start", text, note, "", "fitness")


def _doubts(story: Story) -> Iterator[Doubt]:
    winner = story.winner
    if winner is None:
        yield Doubt("No child was judged: there is nothing to choose from.", "failures", "bad")
        return
    if len(story.rounds) > 1:
        count = len(story.rounds)
        text = f"The best score is the best of {count} noisy ones: it is too good on average."
        yield Doubt(text, "conclusions")
    if story.entries[winner].evaluations == 1:
        yield Doubt(f"#{winner} was evaluated once: its value may be luck.", "conclusions")
    failed = sum(entry.fate == "failed" for entry in story.entries.values())
    if failed:
        verb = "was" if failed == 1 else "were"
        yield Doubt(f"{counted_children(failed)} {verb} given up.", "failures")
    if story.diversity and story.diversity[-1].members > 1 and story.diversity[-1].founders == 1:
        yield Doubt("All members descend from one founder.", "diversity")


def _points(story: Story) -> Iterator[Learned]:
    winner = story.winner
    assert winner is not None, "somebody was judged"
    name, count = story.objectives[0], len(story.rounds)
    found, evaluations = noise(story), story.entries[winner].evaluations
    text = (
        f"It is the best of {count} measured values, and the best of many noisy values lies above "
        "what its child is really worth. "
    )
    if found is None:
        text += "No child was evaluated twice, so it is unknown how much is luck: use --elites."
    else:
        high = expected_maximum(count) * found.deviation
        text += (
            f"Two evaluations of one child differ by a standard deviation of "
            f"{worth(name, found.deviation)} ({counted_children(found.children)} "
            f"judged again): "
            f"of {count} equally good children the best would seem better than they are by about "
            f"{worth(name, high)}."
        )
    yield Learned("The winner's score is the best of many.", text)
    again = "once" if evaluations == 1 else f"{evaluations} times"
    text = (
        f"#{winner} was evaluated {again}. Train it again with other seeds, and also the start and "
        "random structures of the same cost; only that shows what was gained, and only then should "
        "the test clips be opened."
    )
    yield Learned("It has to be trained again before it is reported.", text)
    yield from _about_random(story)
    if story.yields:
        text = (
            "Their intervals take no account of the operators that came along, of how their "
            "parents were chosen, or of how many operators are compared."
        )
        yield Learned("Operators are told apart only roughly.", text)
    lost = sum(entry.fate in ("failed", "pruned") for entry in story.entries.values())
    if lost:
        text = (
            f"{lost} of {len(story.entries)} never had a full training. If large or slow ones fail "
            "more often, what is left is not a fair sample."
        )
        yield Learned("Not every child was judged.", text)


def _about_random(story: Story) -> Iterator[Learned]:
    """What was bred beside what was made at random."""
    sign, name = story.history.signs[0], story.objectives[0]
    line = founders(story.history)
    values = {n: v for n in story.entries if (v := story.value(n)) is not None}
    made = [v for n, v in values.items() if line[n] == n]
    bred = [v for n, v in values.items() if line[n] != n]
    if not made or not bred:
        return
    best = [sign * max(sign * v for v in group) for group in (made, bred)]
    text = (
        f"Without a parent: {len(made)}, best {worth(name, best[0])}, mean "
        f"{worth(name, fmean(made))}. Of a parent: {len(bred)}, best {worth(name, best[1])}, mean "
        f"{worth(name, fmean(bred))}. As many random children as bred ones would be the fair "
        "comparison: an evolution with the strategy random makes them."
    )
    yield Learned("Bred children are not compared with as many random ones.", text)
