"""What a cross-validation shows: each fold, all of them together, and where everything lies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connsearch.cli.outcome import say_pictures
from connsearch.cli.terminal import Terminal

if TYPE_CHECKING:
    from connsearch.analysis.folds import FoldsSummary
    from connsearch.runs.formats.folds import FoldsRecord, FoldsWiring

MOST_SHOWN = 20
"""Connections, and classes, in a table on the terminal; the files have all."""

_NEXT = {"search": "connsearch prune {}", "train": "connsearch report {}"}


def report_folds(summary: FoldsSummary, terminal: Terminal) -> dict[str, Any]:
    """Returns the JSON object of a cross-validation, after showing it."""
    from connsearch.view.structures.tables import fold_rows, metrics_table

    found = summary.record
    rows = fold_rows(found)
    terminal.show(metrics_table(rows, title=f"{found.measure} of each fold on its own clips"))
    classes = [
        {"class": row.name, "clips": row.clips, **_value(found, row.value.value)}
        | {"95% interval": interval(row.value.low, row.value.high)}
        for row in found.classes[:MOST_SHOWN]
    ]
    of = f", the first {len(classes)} of {len(found.classes)}"
    more = of if len(classes) < len(found.classes) else ""
    terminal.show(metrics_table(classes, title=f"by class, all folds{more}"))
    for line in _together(found):
        terminal.say(line)
    if found.wiring is not None:
        _show_wiring(found.wiring, terminal)
    terminal.say(summary.verdict)
    terminal.say(f"all predictions: {found.predictions}")
    say_pictures([Path(path) for path in found.pictures], terminal)
    first = found.rows[0].run
    terminal.say(f"each fold is a run, such as {first}: {_NEXT[found.command].format(first)}")
    return found.to_json()


def interval(low: float | None, high: float | None) -> str | None:
    """Returns both ends as people read them; None: there is no interval."""
    return None if low is None or high is None else f"{low:.3f} to {high:.3f}"


def _value(found: FoldsRecord, value: float | None) -> dict[str, object]:
    return {"recall" if found.mAP is None else "average precision": value}


def _together(found: FoldsRecord) -> Iterator[str]:
    """How good all folds are together, a line a number, and how far apart they are."""
    kinds = {
        "accuracy": found.accuracy,
        "balanced accuracy": found.balanced_accuracy,
        "mAP": found.mAP,
    }
    for name, one in kinds.items():
        if name == found.measure:  # the verdict, below, says that one
            continue
        if one is not None and one.value is not None:
            ends = interval(one.low, one.high) or "no interval"
            yield f"all folds together: {name} {one.value:.3f} [{ends}], over {_units(found)}"
    if found.mean is not None:
        spread = "" if found.spread is None else f", standard deviation {found.spread:.3f}"
        yield f"mean of the folds: {found.measure} {found.mean:.3f}{spread}"


def _units(found: FoldsRecord) -> str:
    return f"{found.groups} {'clips' if found.by == 'clips' else 'groups'}"


def _show_wiring(wiring: FoldsWiring, terminal: Terminal) -> None:
    """Says which connections the folds keep most often, and how far they agree."""
    from connsearch.view.structures.tables import metrics_table

    ranked = sorted(wiring.rows, key=lambda row: (-row.frequency, -row.weight))
    shown = [row.to_json() for row in ranked[:MOST_SHOWN]]
    title = f"the {len(shown)} connections kept in most folds, of {len(ranked)}"
    terminal.show(metrics_table(shown, title=title))
    kept = ", ".join(f"{name} {count}" for name, count in wiring.kept.items())
    terminal.say(f"connections kept ({wiring.criterion}): {kept}")
    terminal.say(f"kept by at least half of the folds: {wiring.structure}")
    terminal.say(wiring.verdict)
