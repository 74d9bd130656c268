"""What an evolution leaves behind: the table of all children, the best structure, and a summary."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connsearch.cli.terminal import Terminal
from connsearch.evolution.review.children import refusals
from connsearch.evolution.study.evolution import Evolution
from connsearch.evolution.study.pointer import needed_storage
from connsearch.evolution.study.study_directory import CHILDREN
from connsearch.graph.files import write_structure
from connsearch.runs.documents import write_form
from connsearch.runs.formats.studies import BestChild, EvolutionSummary
from connsearch.runs.names import BEST, SUMMARY

if TYPE_CHECKING:
    from connsearch.evolution.history import History
    from connsearch.graph.spec import Structure


def finish(directory: Path, evolution: Evolution, terminal: Terminal) -> Mapping[str, Any]:
    """Writes and shows how far an evolution has come; returns the JSON object for scripts."""
    from connsearch.view.evolution.files import evolution_tables
    from connsearch.view.evolution.story import Story
    from connsearch.view.evolution.tables import population_table

    history = evolution.history
    story = Story.of(history, evolution.options, title=directory.resolve().name)
    tables = evolution_tables(story, directory)
    fates = Counter(entry.fate for entry in story.entries.values())
    found = EvolutionSummary(
        command="evolve",
        run=str(directory),
        objectives=list(story.objectives),
        children=len(story.entries),
        judged=fates["judged"],
        ended_early=fates["pruned"],
        failed=fates["failed"],
        attempts_failed=len(story.mishaps),
        refused=refusals(history),
        best=[_best(history, number) for number in story.best],
        tables=[str(path) for path in tables],
    )
    if story.winner is not None:
        terminal.show(population_table(story))
        write_structure(_champion(history, story.winner, directory), directory / BEST)
        _advise(directory, history, story.winner, terminal)
    write_form(directory / SUMMARY, found)
    return found.to_json()


def _best(history: History, number: int) -> BestChild:
    judged = history.judged[number]
    return BestChild(
        child=number,
        values=list(judged.mean),
        evaluations=len(judged.values),
        hash=history.births[number]["hash"],
    )


def _champion(history: History, number: int, directory: Path) -> Structure:
    """The best child with the weights it has learned, ready to be searched, pruned or drawn."""
    child = history.child(number)
    provenance = {
        "operator": [step.operator for step in child.steps],
        "parents": list(child.parents),
        "child": number,
        "run": str(directory),
        "hash": child.hash,
    }
    return replace(history.learned(number), provenance=provenance)


def _advise(directory: Path, history: History, number: int, terminal: Terminal) -> None:
    judged = history.judged[number]
    count = len(judged.values)
    terminal.say(f"best: child {number}, written to {directory / BEST}")
    others = sum(1 for one in history.judged.values() if one.values)
    if count == 1 and others > 1:
        terminal.say(
            f"  its value is the greatest of {others}, each measured once: expect less when it is "
            "trained again (--elites judges the best ones again)"
        )
    run = str(judged.trials[min(judged.trials)].facts["result"].get("run"))
    if re.fullmatch(r"\d+-\d+", run) and (directory / CHILDREN / run).is_dir():
        terminal.say(f"  connsearch prune {directory / CHILDREN / run}")
    elsewhere = needed_storage(directory)
    terminal.say(f"  connsearch lineage {directory} {number}{elsewhere}")
    terminal.say(f"  connsearch evolve report {directory}{elsewhere}")
