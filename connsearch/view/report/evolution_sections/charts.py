"""An evolution in charts: fitness, Pareto fronts, operators, diversity, workers."""

from __future__ import annotations

from typing import Any

from connsearch.evolution.objectives import OBJECTIVES
from connsearch.view.evolution.diversity import diversity_chart
from connsearch.view.evolution.fitness import fitness_chart
from connsearch.view.evolution.operators import change_interval, change_title, operators_chart
from connsearch.view.evolution.pareto import pareto_chart
from connsearch.view.evolution.story import Story, counted_children
from connsearch.view.evolution.workers import shifts, workers_chart
from connsearch.view.evolution.yields import change_text
from connsearch.view.report.evolution_sections import section
from connsearch.view.report.section import Section
from connsearch.view.report.words import plural, seconds


@section("fitness", 40)
def fitness(story: Story) -> Section | None:
    """Returns a chart an objective: every child, the best so far, the mean of the population."""
    if not story.rounds:
        return None
    values = {
        "chart": fitness_chart(story),
        "start": story.start is not None,
        "initial": story.initial,
    }
    return Section("fitness", "Fitness over rounds", values)


@section("pareto", 50)
def pareto(story: Story) -> Section | None:
    """Returns a chart a pair of objectives; nothing where there is only one."""
    chart = pareto_chart(story)
    if chart is None or not story.best:
        return None
    less = [OBJECTIVES[o].label for o in story.objectives if not OBJECTIVES[o].higher]
    front = counted_children(len(story.best))
    words = f"{front} not dominated by any other."
    words += f" Less is better: {', '.join(less)}." if less else ""
    values = {"chart": chart, "words": words}
    return Section("pareto", "Pareto front", values, str(len(story.best)))


@section("operators", 60)
def operators(story: Story) -> Section:
    """Returns one row an operator with its intervals."""
    rows: list[dict[str, Any]] = [
        {
            "operator": row.operator,
            "used": row.used,
            "better": f"{row.better} of {row.judged}" if row.judged else "none judged",
            "change": change_text(row),
            "interval": ""
            if (found := change_interval(row)) is None
            else f"{found[0]:+.3g} to {found[1]:+.3g}",
            "entered": row.entered,
            "best": row.best,
        }
        for row in story.yields
    ]
    values = {"rows": rows, "change": change_title(story), "chart": operators_chart(story)}
    return Section("operators", "Operators", values)


@section("diversity", 70)
def diversity(story: Story) -> Section | None:
    """Returns how many structures and founders the population had, and how far apart it was."""
    if not story.diversity:
        return None
    return Section("diversity", "Diversity", {"chart": diversity_chart(story)})


@section("workers", 90)
def workers(story: Story) -> Section | None:
    """Returns who judged whom when."""
    rows = shifts(story)
    if not rows:
        return None
    long = max(shift.end for row in rows.values() for shift in row) or 1.0
    busy = sum(shift.end - shift.begin for row in rows.values() for shift in row)
    words = (
        f"{plural(len(rows), 'worker')}, {seconds(long)} from the first evaluation to the last; "
        f"together they were at work for {seconds(busy)}."
    )
    return Section("workers", "Workers", {"words": words, "chart": workers_chart(story)})
