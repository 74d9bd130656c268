"""An evolution as tables: the population now, the best, what failed, what was refused; and CSV."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.table import Table

from connsearch.evolution.objectives import OBJECTIVES
from connsearch.evolution.review.children import Mishap, refusals
from connsearch.evolution.review.lineage import Origin, ancestry
from connsearch.files.text import csv_text
from connsearch.graph.files import atomic_write_text
from connsearch.view.evolution.story import Story, worth
from connsearch.view.evolution.survival_tables import survival_rows
from connsearch.view.evolution.yields import yield_row
from connsearch.view.structures.markup import clean, weight_text
from connsearch.view.structures.tables import metrics_table, short

CAUSE = 60
"""Characters of a cause that a table shows."""


def population_table(story: Story, *, limit: int | None = None) -> Table:
    """Returns one row a member of the population now, the best first, ``limit`` rows at most."""
    members = [member.number for member in story.history.population.members]
    shown = members if limit is None else members[:limit]
    title = f"population: {len(members)} of {story.history.population.size}"
    left = len(members) - len(shown)
    return metrics_table(
        [_row(story, number) for number in shown],
        title=f"{title}, {left} more not shown" if left else title,
    )


def best_table(story: Story, *, limit: int = 20) -> Table:
    """Returns the best child there ever was; of several objectives those nobody dominates."""
    title = "best" if len(story.objectives) == 1 else f"not dominated: {len(story.best)}"
    return metrics_table([_row(story, number) for number in story.best[:limit]], title=title)


def failures_table(story: Story, *, limit: int = 20) -> Table:
    """Returns the evaluations that failed, the newest first, each with its cause."""
    newest = list(reversed(story.mishaps))[:limit]
    rows = [
        {
            "child": f"#{one.child}",
            "evaluation": one.evaluation,
            "attempt": one.attempt,
            "then": "given up" if one.given_up else "tried again",
            "cause": cause_line(one),
        }
        for one in newest
    ]
    return metrics_table(rows, title=f"failed attempts: {len(story.mishaps)}")


def refused_table(story: Story) -> Table:
    """Returns how many structures were refused before they became children, by reason."""
    found = refusals(story.history)
    rows = [{"refused": reason, "structures": count} for reason, count in found.items()]
    return metrics_table(rows, title="refused before they were trained")


def operators_table(story: Story) -> Table:
    """Returns one row an operator: how often used, better, entered, best, and the mean change.

    The change is in the first objective, greater is better, with its standard error.
    """
    rows = [yield_row(row, "operator") for row in story.yields]
    return metrics_table(rows, title="operators (a child of several counts for each)")


def ancestry_table(story: Story, number: int) -> Table:
    """Returns one row a generation, from the founder to a child.

    With which posts and kinds of blocks changed, where any did.
    """
    line = ancestry(story.history, number)
    rows = [_row(story, ancestor) for ancestor in line]
    if any(ancestor in story.changes for ancestor in line):
        rows = [
            {**row, "changed": story.changed(one) or "-"}
            for row, one in zip(rows, line, strict=True)
        ]
    return metrics_table(rows, title=f"where #{number} comes from")


def origin_table(origin: Origin) -> Table:
    """Returns one row an ancestor that had the connection: operators, its numbers, its weight."""
    rows = [
        {
            "child": f"#{found.child}",
            "made by": ", ".join(found.operators),
            "connection": ", ".join(f"{e.source}->{e.target}" for e in found.edges),
            "weight": ", ".join(map(weight_text, found.weights)),
        }
        for found in origin.generations
    ]
    edge = f"{origin.edge.source}->{origin.edge.target}"
    return metrics_table(rows, title=f"connection {edge}, since #{origin.child}: {origin.operator}")


def cause_line(mishap: Mishap, limit: int = CAUSE) -> str:
    """Returns the first line of a cause."""
    lines = mishap.cause.strip().splitlines()
    return clean(lines[0] if lines else "", limit)


def measured(story: Story, number: int, objective: int) -> str:
    """Returns the mean of a child's evaluations, with their spread where there are several.

    The spread is one standard deviation.
    """
    entry, name = story.entries[number], story.objectives[objective]
    if entry.values is None or entry.spread is None:
        return "-"
    text, spread = worth(name, entry.values[objective]), entry.spread[objective]
    if not math.isfinite(spread) or OBJECTIVES[name].style == "count":
        return text
    return f"{text} ± {worth(name, spread)}"


def write_tables(story: Story, directory: Path) -> list[Path]:
    """Returns ``children.csv``, ``operators.csv`` and ``diversity.csv``, written there.

    Where posts or kinds may change, also ``survival.csv`` (their shares among blocks) and
    ``switches.csv`` (what each change has brought).

    Raises:
        OSError: a file could not be written.
    """
    contents: dict[str, tuple[Sequence[str], Sequence[Mapping[str, object]]]] = {
        "children": (_child_columns(story), [_child(story, n) for n in sorted(story.entries)]),
        "operators": (
            "operator used judged better entered best change error".split(),
            [asdict(row) for row in story.yields],
        ),
        "diversity": (
            "round members structures distance founders".split(),
            [asdict(row) for row in story.diversity],
        ),
    }
    contents |= survival_rows(story)
    paths: list[Path] = []
    for name, (columns, rows) in contents.items():
        paths.append(directory / f"{name}.csv")
        atomic_write_text(paths[-1], csv_text(columns, rows))
    return paths


def _row(story: Story, number: int) -> dict[str, object]:
    entry = story.entries[number]
    values = {
        name: measured(story, number, place)
        for place, name in enumerate(story.objectives)
        if name != "macs"  # stands there in any case
    }
    return {
        "child": f"#{number}",
        "parent": ", ".join(f"#{parent}" for parent in entry.parents) or "-",
        "made by": story.steps(number),
        **values,
        "judged": f"{entry.evaluations}×",
        "conn.": entry.connections,
        "MACs": short(entry.macs),
        "params": short(entry.parameters),
    }


def _child_columns(story: Story) -> list[str]:
    measures = [f"{name}{end}" for name in story.objectives for end in ("_mean", "_sd")]
    return [
        *"child parents founder operators fate round entered member evaluations".split(),
        *measures,
        *"connections clip_macs parameters hash refused".split(),
        *(["changed"] if story.mixes else []),
    ]


def _child(story: Story, number: int) -> dict[str, object]:
    entry = story.entries[number]
    told = next((e for e in story.rounds if e.child == number), None)
    measures: dict[str, object] = {}
    for place, name in enumerate(story.objectives):
        measures[f"{name}_mean"] = "" if entry.values is None else entry.values[place]
        spread = math.nan if entry.spread is None else entry.spread[place]
        measures[f"{name}_sd"] = spread if math.isfinite(spread) else ""
    return {
        "child": number,
        "parents": " ".join(map(str, entry.parents)),
        "founder": entry.founder,
        "operators": " ".join(entry.operators),
        "fate": entry.fate,
        "round": "" if told is None else told.number,
        "entered": "" if told is None else int(told.entered),
        "member": int(entry.member),
        "evaluations": entry.evaluations,
        **measures,
        "connections": entry.connections,
        "clip_macs": entry.macs,
        "parameters": entry.parameters,
        "hash": entry.hash,
        "refused": sum(story.history.births[number]["refused"].values()),
        "changed": story.changed(number),
    }
