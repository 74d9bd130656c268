"""The children of an evolution: the best one's wiring and family, all of them, and what failed."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from connsearch.errors import Failure
from connsearch.evolution.objectives import OBJECTIVES
from connsearch.evolution.review.children import refusals
from connsearch.evolution.review.lineage import ancestry
from connsearch.evolution.review.operator_stats import change_of
from connsearch.view.evolution.lineage_draw import MANY, family, lineage_svg
from connsearch.view.evolution.story import Story
from connsearch.view.evolution.tables import cause_line, measured
from connsearch.view.report.evolution_sections import section
from connsearch.view.report.findings import Findings, mixtures
from connsearch.view.report.section import Section
from connsearch.view.report.sections.wiring import details
from connsearch.view.report.words import large
from connsearch.view.structures.draw import svg
from connsearch.view.structures.gate_marks import gate_facts

_FATES = {"pruned": "ended early", "failed": "failed", "open": "not judged yet"}
LONGEST_CAUSE = 200


@section("wiring", 20)
def best_wiring(story: Story) -> Section | None:
    """Returns the wiring of the best child with what it learned."""
    if story.winner is None:
        return None
    structure = story.history.learned(story.winner)
    findings = Findings(mixtures=mixtures(structure))
    values: dict[str, Any] = {"details": details(structure, findings)}
    values["gates"] = gate_facts(structure)
    try:
        # Graphviz escapes every text it puts into the picture, and draws only what we name.
        title = f"{story.labelled(story.winner)}, {story.came(story.winner)}"
        values["picture"] = Markup(svg(structure, title=title))
    except Failure as error:
        values["failure"] = str(error)
    return Section("wiring", f"Wiring of #{story.winner}", values)


@section("family", 30)
def family_tree(story: Story) -> Section | None:
    """Returns where the best child comes from."""
    if story.winner is None:
        return None
    rows: list[dict[str, Any]] = []
    for number in ancestry(story.history, story.winner):
        change = change_of(story.history, number)
        sign = story.history.signs[0]
        rows.append(
            {
                "child": number,
                "steps": story.came(number),
                "changed": story.changed(number),
                "value": measured(story, number, 0),
                "change": "" if change is None else f"{sign * change[0]:+.4g}",
                "connections": story.entries[number].connections,
            }
        )
    values: dict[str, Any] = {"rows": rows, "objective": OBJECTIVES[story.objectives[0]].label}
    values |= {"picture": None, "failure": ""}
    everybody = len(family(story, story.winner)) <= MANY
    values["words"] = (
        "Its ancestors are framed bold; around them are their other children. "
        if everybody
        else "Its ancestors; their other children are too many for this picture. "
    ) + "The stronger the colour, the better."
    try:
        values["picture"] = Markup(lineage_svg(story, story.winner))
    except Failure as error:
        values["failure"] = str(error)
    return Section("family", f"Family of #{story.winner}", values)


@section("children", 100)
def children(story: Story) -> Section | None:
    """Returns everybody, in the order of birth."""
    if not story.entries:
        return None
    best = set(story.best)
    rows = [
        {
            "child": number,
            "parent": ", ".join(f"#{parent}" for parent in entry.parents) or "–",
            "steps": story.steps(number),
            "changed": story.changed(number),
            "fate": _FATES.get(entry.fate) or ("member" if entry.member else "removed"),
            "shown": [measured(story, number, place) for place in range(len(story.objectives))],
            "judged": f"{entry.evaluations}×",
            "connections": entry.connections,
            "macs": large(entry.macs),
            "parameters": large(entry.parameters),
            "member": entry.member,
            "best": number in best,
        }
        for number, entry in story.entries.items()
    ]
    values = {"rows": rows, "objectives": [OBJECTIVES[name].label for name in story.objectives]}
    return Section("children", "All children", values, str(len(rows)))


@section("failures", 110)
def failures(story: Story) -> Section:
    """Returns what failed and why, and what was refused."""
    rows = [
        {
            "child": one.child,
            "evaluation": one.evaluation,
            "attempt": one.attempt,
            "then": "given up" if one.given_up else "tried again",
            "worker": one.worker,
            "cause": cause_line(one, LONGEST_CAUSE),
        }
        for one in story.mishaps
    ]
    values = {"rows": rows, "refused": refusals(story.history)}
    return Section("failures", "Failures", values, str(len(rows)))
