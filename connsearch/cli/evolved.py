"""What an evolution leaves behind: the table of all children, the best structure, and a summary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connsearch.cli.terminal import Terminal
from connsearch.evolve.census import best_children, census, mishaps, refusals
from connsearch.evolve.evolution import Evolution
from connsearch.evolve.place import CHILDREN
from connsearch.graph.files import write_structure

if TYPE_CHECKING:
    from connsearch.evolve.history import History
    from connsearch.graph.spec import Structure

TABLE, BEST = "children.csv", "best.json"


def finish(directory: Path, evolution: Evolution, terminal: Terminal) -> Mapping[str, Any]:
    """Writes and shows how far an evolution has come; returns the JSON object for scripts."""
    from connsearch.trust.results import write_rows, write_summary
    from connsearch.view.standings import standings_table

    history, objectives = evolution.history, evolution.options.objectives
    rows = [_row(asdict(entry), objectives) for entry in census(history)]
    write_rows(directory / TABLE, rows)
    best = best_children(history)
    found = {
        "command": "evolve",
        "run": str(directory),
        "objectives": list(objectives),
        "children": len(history.births),
        "judged": sum(row["fate"] == "judged" for row in rows),
        "failed": sum(row["fate"] == "failed" for row in rows),
        "attempts_failed": len(mishaps(history)),
        "refused": refusals(history),
        "best": [_best(history, number) for number in best],
    }
    if best:
        terminal.show(standings_table(history, objectives))
        write_structure(_champion(history, best[0], directory), directory / BEST)
        _advise(directory, history, best[0], terminal)
    write_summary(directory, found)
    return found


def _row(entry: Mapping[str, Any], objectives: tuple[str, ...]) -> dict[str, Any]:
    """A child as one row of plain cells."""
    values, spread = entry["values"], entry["spread"]
    row = {
        "number": entry["number"],
        "parents": " ".join(map(str, entry["parents"])),
        "founder": entry["founder"],
        "operators": " ".join(entry["operators"]),
        "fate": entry["fate"],
    }
    for place, name in enumerate(objectives):
        row[name] = None if values is None else values[place]
        row[f"{name}_sd"] = None if entry["evaluations"] < 2 else spread[place]
    kept = ("evaluations", "member", "connections", "macs", "parameters", "hash")
    return row | {name: entry[name] for name in kept}


def _best(history: History, number: int) -> dict[str, Any]:
    judged = history.judged[number]
    return {
        "child": number,
        "values": list(judged.mean),
        "evaluations": len(judged.values),
        "hash": history.births[number]["hash"],
    }


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
    run = judged.trials[min(judged.trials)].facts["result"].get("run")
    if run is not None and (directory / CHILDREN / run).is_dir():
        terminal.say(f"  connsearch prune {directory / CHILDREN / run}")
    terminal.say(f"  connsearch lineage {directory} {number}")
    terminal.say(f"  connsearch evolve report {directory}")
